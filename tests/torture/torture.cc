// A host that does at once what a sampling profiler can be hurt by, or can hurt: each actor below is a thread that works until the
// time is over and counts what went wrong. Its words are the same each time when nothing did. For torture.py.
//
// Usage: torture SEED SECONDS [ACTOR...]        (all of them when none is named)
#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <shared_mutex>
#include <thread>
#include <vector>

extern char **environ;

namespace {

uint64_t seed;
std::atomic<double> end_s; // set when all actors are there: under load some would else begin when it is over
std::string plugin_path;
thread_local uint64_t random_state;

double now_s(clockid_t clock = CLOCK_MONOTONIC)
{
    timespec now;
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// The first question of a thread is answered with no: under load it may get its first turn when the time is over, and an actor that
// has done nothing says other words.
bool is_over()
{
    thread_local bool has_asked = false;
    bool answer = has_asked && now_s() >= end_s;
    has_asked = true;
    return answer;
}

uint64_t next_random()
{
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t x = random_state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

unsigned below(unsigned limit) { return static_cast<unsigned>(next_random() % limit); }

// What an actor found wrong; the first of each kind is told.
struct Actor {
    const char *name;
    std::function<void(Actor &)> run;
    std::atomic<unsigned> wrong{0};
    std::atomic<uint64_t> rounds{0};

    void expect(bool good, const char *what, long value = 0)
    {
        if (good)
            return;
        if (wrong++ < 3)
            fprintf(stderr, "%s: %s (%ld)\n", name, what, value);
    }
};

std::atomic<uint64_t> sink;

__attribute__((noinline)) void burn_us(unsigned us)
{
    double end = now_s(CLOCK_THREAD_CPUTIME_ID) + us / 1e6;
    do {
        uint64_t x = 1;
        for (int i = 0; i < 500; i++)
            x = x * 6364136223846793005u + 1;
        sink.fetch_add(x, std::memory_order_relaxed);
    } while (now_s(CLOCK_THREAD_CPUTIME_ID) < end);
}

// ---- Loader, exceptions, allocator

// Whoever closes every descriptor closes the loader's too, which is the host's own fault: not while it reads a plug-in.
std::shared_mutex descriptors_in_use;

int throw_int(int value) { throw value; }

void run_plugin(Actor &actor)
{
    while (!is_over()) {
        descriptors_in_use.lock_shared();
        void *library = dlopen(plugin_path.c_str(), below(2) ? RTLD_NOW : RTLD_LAZY);
        descriptors_in_use.unlock_shared();
        if (library == nullptr) {
            const char *why = dlerror();
            return actor.expect(false, why != nullptr ? why : "dlopen failed, and dlerror says nothing");
        }
        auto call = reinterpret_cast<int (*)(int, int (*)(int))>(dlsym(library, "plugin_run"));
        for (unsigned i = 0; i < 1 + below(20); i++) {
            int depth = static_cast<int>(below(30)), got = 0;
            try {
                got = call(depth, throw_int);
            } catch (const std::exception &error) {
                got = depth % 2 != 0 && strcmp(error.what(), "-1") == 0 ? -1 : -2000;
            }
            actor.expect(got == -1, "a plug-in's exception went wrong", got);
        }
        actor.expect(dlclose(library) == 0, "dlclose failed");
        actor.rounds++;
    }
}

void run_phdr(Actor &actor)
{
    while (!is_over()) {
        int count = 0;
        dl_iterate_phdr([](dl_phdr_info *, size_t, void *counted) { return ++*static_cast<int *>(counted), 0; }, &count);
        actor.expect(count > 3, "objects are missing", count);
        actor.rounds++;
    }
}

__attribute__((noinline)) int throw_deep(int depth)
{
    std::string holds_something(static_cast<size_t>(depth), 'x');
    if (depth == 0)
        throw std::out_of_range("the bottom");
    return throw_deep(depth - 1) + static_cast<int>(holds_something.size());
}

void run_throw(Actor &actor)
{
    while (!is_over()) {
        int caught = 0;
        try {
            throw_deep(static_cast<int>(below(40)));
        } catch (const std::out_of_range &) {
            caught = 1;
        }
        actor.expect(caught == 1, "not caught");
        actor.rounds++;
    }
}

void run_malloc(Actor &actor)
{
    std::vector<std::unique_ptr<std::vector<unsigned char>>> kept(64);
    while (!is_over()) {
        auto &one = kept[below(64)];
        if (one)
            for (unsigned char byte : *one)
                if (byte != (*one)[0]) {
                    actor.expect(false, "memory changed");
                    break;
                }
        one = std::make_unique<std::vector<unsigned char>>(1 + below(20000), static_cast<unsigned char>(below(256)));
        if (below(100) == 0) { // the kernel's way, and memory that comes and goes below stacks and tables
            size_t bytes = (1 + below(64)) * 4096u;
            void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            memset(memory, 1, bytes);
            munmap(memory, bytes);
        }
        actor.rounds++;
    }
}

// ---- Processes

void expect_end(Actor &actor, pid_t child, int expected)
{
    int status = -1;
    pid_t got;
    while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR)
        ;
    actor.expect(got == child && status == expected, "a child ended otherwise", status);
}

void *burn_thread(void *us)
{
    burn_us(static_cast<unsigned>(reinterpret_cast<intptr_t>(us)));
    return us;
}

[[noreturn]] void live_as_child(unsigned kind)
{
    switch (kind) {
    case 0: _exit(3);
    case 1: burn_us(5000); _exit(3);
    case 2: burn_us(500); raise(SIGKILL); _exit(4);
    case 3:
        try {
            throw_deep(5);
        } catch (...) {
        }
        _exit(3);
    case 4: burn_us(20000); _exit(3); // (no thread and no exit(): libc's locks may be another thread's, which is not here)
    case 5: execl("/bin/sh", "sh", "-c", "exit 3", nullptr); _exit(4);
    case 6: abort();
    case 7: {
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(3);
        int status = 0;
        waitpid(grandchild, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    default: close_range(0, ~0u, 0); burn_us(1000); _exit(3);
    }
}

void run_fork(Actor &actor)
{
    const int exited = 3 << 8;
    while (!is_over()) {
        unsigned kind = below(12);
        if (kind < 9) {
            pid_t child = fork();
            if (child == 0)
                live_as_child(kind);
            actor.expect(child > 0, "fork failed", errno);
            if (child > 0)
                expect_end(actor, child, kind == 6 ? SIGABRT : kind == 2 ? SIGKILL : exited);
        } else if (kind == 9) {
            pid_t child = vfork();
            if (child == 0) {
                execl("/bin/sh", "sh", "-c", "exit 3", nullptr);
                _exit(4);
            }
            expect_end(actor, child, exited);
        } else if (kind == 10) {
            const char *arguments[] = {"sh", "-c", "exit 3", nullptr};
            pid_t child;
            int error = posix_spawn(&child, "/bin/sh", nullptr, nullptr, const_cast<char **>(arguments), environ);
            actor.expect(error == 0, "posix_spawn failed", error);
            if (error == 0)
                expect_end(actor, child, exited);
        } else {
            pid_t child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
            if (child == 0)
                syscall(SYS_exit_group, 3);
            expect_end(actor, child, exited);
        }
        actor.rounds++;
    }
}

// ---- Threads

void *exit_thread(void *value) { pthread_exit(value); }

void *wait_to_be_cancelled(void *asynchronous)
{
    int old;
    if (asynchronous != nullptr) {
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
        for (;;) // no call: it may be cancelled at any instruction, also in a handler that lets it
            sink.store(sink.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    for (;;)
        pause();
}

void run_threads(Actor &actor)
{
    pthread_attr_t small, detached;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    while (!is_over()) {
        pthread_t threads[8];
        void *result = nullptr;
        switch (below(seed % 2 == 0 ? 5 : 3)) { // (no cancellation beside setxid)
        case 0:
            for (pthread_t &thread : threads)
                pthread_create(&thread, below(2) ? &small : nullptr, burn_thread, reinterpret_cast<void *>(intptr_t(below(3000))));
            for (pthread_t &thread : threads)
                pthread_join(thread, nullptr);
            break;
        case 1:
            for (int i = 0; i < 4; i++)
                pthread_create(&threads[0], &detached, burn_thread, reinterpret_cast<void *>(intptr_t(below(1000))));
            break;
        case 2:
            pthread_create(&threads[0], &small, exit_thread, &actor);
            pthread_join(threads[0], &result);
            actor.expect(result == &actor, "pthread_exit's value is lost");
            break;
        default:
            pthread_create(&threads[0], nullptr, wait_to_be_cancelled, below(2) ? &actor : nullptr);
            burn_us(below(6000));
            pthread_cancel(threads[0]);
            pthread_join(threads[0], &result);
            actor.expect(result == PTHREAD_CANCELED, "not cancelled");
        }
        actor.rounds++;
    }
}

void run_setxid(Actor &actor) // a signal to each thread, Pando's too, which all have to answer
{
    while (!is_over()) {
        actor.expect(setegid(getegid()) == 0 && seteuid(geteuid()) == 0, "setxid failed", errno);
        usleep(2000);
        actor.rounds++;
    }
}

// ---- Signals

thread_local sigjmp_buf *jump_target;
thread_local volatile sig_atomic_t nested, usr1_seen;

void on_alarm_like(int, siginfo_t *info, void *)
{
    if (info->si_code != SI_TKILL && jump_target != nullptr)
        siglongjmp(*jump_target, 1);
}

void on_usr1(int, siginfo_t *, void *)
{
    usr1_seen = usr1_seen + 1;
    if (nested < 3) { // itself again, on top
        nested = nested + 1;
        pthread_kill(pthread_self(), SIGUSR1);
        burn_us(100);
        nested = nested - 1;
    }
}

// The handler jumps out of whatever the thread was doing, again and again.
void run_jump(Actor &actor)
{
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = static_cast<int>(syscall(SYS_gettid));
    timer_t timer;
    sigjmp_buf target;
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    itimerspec when{};
    when.it_interval.tv_nsec = when.it_value.tv_nsec = 700000;
    volatile unsigned jumps = 0;
    sigsetjmp(target, 1);
    jumps = jumps + 1;
    jump_target = &target;
    if (!is_over()) {
        timer_settime(timer, 0, &when, nullptr);
        for (;;)
            sink.fetch_add(1, std::memory_order_relaxed);
    }
    jump_target = nullptr;
    timer_delete(timer);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    actor.expect(sigismember(&mask, SIGPROF) == 0 && sigismember(&mask, SIGALRM) == 0, "a signal stayed blocked");
    actor.rounds += jumps;
}

void run_storm(Actor &actor)
{
    std::atomic<bool> ends{false};
    std::thread target([&] {
        while (!ends)
            burn_us(200);
        actor.rounds += static_cast<uint64_t>(usr1_seen);
    });
    while (!is_over()) {
        for (int i = 0; i < 50; i++)
            pthread_kill(target.native_handle(), SIGUSR1);
        usleep(1000);
    }
    ends = true;
    target.join();
    actor.expect(actor.rounds > 0, "no SIGUSR1 came");
}

// The host's own SIGPROF, while the profiler uses it. (Process-wide: one actor.)
std::atomic<int> own_prof;
void on_prof(int, siginfo_t *info, void *)
{
    if (info->si_code == SI_TKILL || info->si_code == SI_QUEUE)
        own_prof++;
    else
        own_prof += 1000000; // somebody else's
}

void run_prof(Actor &actor)
{
    while (!is_over()) {
        struct sigaction action{}, old;
        action.sa_sigaction = on_prof;
        action.sa_flags = SA_SIGINFO | (below(2) ? SA_RESTART : 0) | (below(2) ? SA_NODEFER : 0);
        int before = own_prof;
        sigaction(SIGPROF, &action, &old);
        raise(SIGPROF);
        burn_us(below(3000));
        sigval value{};
        value.sival_ptr = &value;
        pthread_sigqueue(pthread_self(), SIGPROF, value);
        actor.expect(own_prof - before == 2, "own SIGPROF", own_prof - before);
        signal(SIGPROF, SIG_IGN);
        raise(SIGPROF);
        actor.expect(own_prof - before == 2, "ignored SIGPROF came", own_prof - before);
        burn_us(below(3000));
        signal(SIGPROF, SIG_DFL);
        burn_us(below(6000));
        actor.expect(sigaction(SIGPROF, nullptr, &old) == 0 && old.sa_handler == SIG_DFL, "the action is not the host's");
        actor.rounds++;
    }
}

// A thread that blocks everything and takes signals by asking: only what the host sends may come.
void run_sigwait(Actor &actor)
{
    sigset_t all, pending;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    while (!is_over()) {
        burn_us(6000);
        sigpending(&pending);
        actor.expect(sigismember(&pending, SIGPROF) == 0, "SIGPROF is pending");
        timespec none{};
        siginfo_t info;
        int got = sigtimedwait(&all, &info, &none);
        actor.expect(got < 0 && errno == EAGAIN, "a signal that nobody sent", got);
        pthread_kill(pthread_self(), SIGUSR2);
        burn_us(5000);
        int number = 0;
        actor.expect(sigwait(&all, &number) == 0 && number == SIGUSR2, "not the signal that was sent", number);
        actor.rounds++;
    }
}

// The host's own SIGPROF, taken by asking. (Not beside the actor that ignores SIGPROF: that throws pending ones away.) The kernel
// drops a signal to a thread in which one of that number waits already, so sigpending first has the profiler's taken out, and what
// is lost because another one came in between is sent again.
void run_prof_sigwait(Actor &actor)
{
    sigset_t only, pending;
    sigemptyset(&only);
    sigaddset(&only, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &only, nullptr);
    while (!is_over()) {
        siginfo_t info{};
        int got = -1;
        for (int tries = 0; got < 0 && tries < 5; tries++) {
            sigpending(&pending);
            pthread_kill(pthread_self(), SIGPROF);
            burn_us(6000);
            timespec enough{0, 100000000};
            got = sigtimedwait(&only, &info, &enough);
        }
        actor.expect(got == SIGPROF && info.si_code <= 0 && info.si_pid == getpid(), "the host's own SIGPROF", info.si_code);
        actor.rounds++;
    }
}

// Calls that no handler of the host's interrupts must not say that one did.
void run_restart(Actor &actor)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    while (!is_over()) {
        for (int i = 0; i < 2000; i++) {
            int got = poll(nullptr, 0, 0);
            actor.expect(got == 0, "poll was interrupted", errno);
            timeval zero{};
            got = select(0, nullptr, nullptr, nullptr, &zero);
            actor.expect(got == 0, "select was interrupted", errno);
            epoll_event event;
            got = epoll_wait(epoll, &event, 1, 0);
            actor.expect(got == 0 || errno != EINTR, "epoll_wait was interrupted", errno);
            timespec nothing{0, 1};
            got = nanosleep(&nothing, nullptr);
            actor.expect(got == 0, "nanosleep was interrupted", errno);
        }
        actor.rounds++;
    }
    close(epoll);
}

// ---- Stacks

void *fill(void *memory, size_t bytes) { return memset(memory, 0xa5, bytes); }

bool is_filled(const void *memory, size_t bytes)
{
    const unsigned char *at = static_cast<const unsigned char *>(memory);
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != 0xa5)
            return false;
    return true;
}

// An alternate stack of any size, never used by the host; what is around it must stay as it was.
void run_altstack(Actor &actor)
{
    const size_t around = 8192;
    std::vector<unsigned char> memory(around + 16384 + around);
    while (!is_over()) {
        stack_t stack{}, seen{}, off{};
        stack.ss_size = 512 + 64 * below((16384 - 512) / 64 + 1);
        stack.ss_sp = memory.data() + around;
        fill(memory.data(), memory.size());
        off.ss_flags = SS_DISABLE;
        sigaltstack(nullptr, &seen);
        actor.expect((seen.ss_flags & SS_DISABLE) != 0 && seen.ss_sp == nullptr && seen.ss_size == 0, "an alternate stack that nobody set");
        int error = sigaltstack(&stack, nullptr) == 0 ? 0 : errno;
        actor.expect(error == (stack.ss_size < 2048 ? ENOMEM : 0), "sigaltstack", error);
        burn_us(below(12000));
        if (error == 0) {
            sigaltstack(nullptr, &seen);
            actor.expect(seen.ss_sp == stack.ss_sp && seen.ss_size == stack.ss_size && seen.ss_flags == 0, "not the one that was set");
        }
        actor.expect(sigaltstack(&off, nullptr) == 0, "not switched off");
        burn_us(below(3000));
        actor.expect(is_filled(memory.data(), around) && is_filled(memory.data() + around + stack.ss_size, around),
                     "written outside of the alternate stack", static_cast<long>(stack.ss_size));
        actor.rounds++;
    }
}

// Burns with little more than `left` bytes of stack below it.
void *burn_near_guard(void *left)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    size_t here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    size_t room = here - reinterpret_cast<uintptr_t>(low);
    size_t keep = static_cast<size_t>(reinterpret_cast<intptr_t>(left));
    volatile char *used = static_cast<char *>(alloca(room > keep + 512 ? room - keep - 512 : 16));
    used[0] = 1;
    asm volatile("" ::"r"(used) : "memory");
    uint64_t x = 1;
    for (int i = 0; i < 12000000; i++)
        x = x * 6364136223846793005u + 1;
    sink.fetch_add(x, std::memory_order_relaxed);
    return nullptr;
}

void run_near_guard(Actor &actor)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    while (!is_over()) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, burn_near_guard, reinterpret_cast<void *>(intptr_t(256 + below(8000)))) == 0)
            pthread_join(thread, nullptr);
        actor.rounds++;
    }
}

// Coroutines with stacks of a few KB, which end where the host's memory begins.
struct Coroutine {
    ucontext_t here, back;
    unsigned char memory[4096 + 6144];
    unsigned steps;
};

void coroutine_body(unsigned low, unsigned high)
{
    auto *own = reinterpret_cast<Coroutine *>(static_cast<uintptr_t>(low) | static_cast<uintptr_t>(high) << 32);
    for (;;) {
        uint64_t x = own->steps++;
        for (int i = 0; i < 20000; i++)
            x = x * 6364136223846793005u + 1;
        sink.fetch_add(x, std::memory_order_relaxed);
        swapcontext(&own->here, &own->back);
    }
}

void run_coroutines(Actor &actor)
{
    std::vector<std::unique_ptr<Coroutine>> many;
    for (unsigned i = 0; i < 32; i++) {
        many.push_back(std::make_unique<Coroutine>());
        Coroutine *one = many.back().get();
        fill(one->memory, sizeof one->memory);
        one->steps = 0;
        getcontext(&one->here);
        one->here.uc_stack.ss_sp = one->memory + 4096; // below it 4 KB that are not the stack's
        one->here.uc_stack.ss_size = 2048 + 512 * (i % 9);
        one->here.uc_link = nullptr;
        uintptr_t address = reinterpret_cast<uintptr_t>(one);
        makecontext(&one->here, reinterpret_cast<void (*)()>(coroutine_body), 2, static_cast<unsigned>(address),
                    static_cast<unsigned>(address >> 32));
    }
    unsigned expected = 0;
    while (!is_over()) {
        for (auto &one : many)
            swapcontext(&one->back, &one->here);
        expected++;
        for (auto &one : many) {
            actor.expect(one->steps == expected, "a coroutine did not run");
            actor.expect(is_filled(one->memory, 4096), "written below a coroutine's stack",
                         static_cast<long>(one->here.uc_stack.ss_size));
            if (!is_filled(one->memory, 4096))
                fill(one->memory, 4096);
        }
        actor.rounds++;
    }
}

// What hand-written assembly does: the frame pointer as one more register, and the stack pointer too.
__attribute__((noinline)) uint64_t spin_with_bad_rbp(uint64_t garbage, uint64_t loops)
{
    asm volatile("push %%rbp\n\tmov %0, %%rbp\n1:\tdec %1\n\tjnz 1b\n\tpop %%rbp" : "+r"(garbage), "+r"(loops) : : "memory", "cc");
    return loops;
}

__attribute__((noinline)) uint64_t spin_with_bad_rsp(uint64_t garbage, uint64_t loops)
{
    asm volatile("mov %%rsp, %%r8\n\tmov %0, %%rsp\n1:\tdec %1\n\tjnz 1b\n\tmov %%r8, %%rsp"
                 : "+r"(garbage), "+r"(loops) : : "r8", "memory", "cc");
    return loops;
}

uint64_t garbage()
{
    switch (below(7)) {
    case 0: return 0;
    case 1: return next_random();
    case 2: return below(65536);
    case 3: return 0x7ffffffff000u - 8 * below(1000);
    case 4: return reinterpret_cast<uintptr_t>(&sink) + below(64);
    case 5: return reinterpret_cast<uintptr_t>(&puts) + below(64);
    default: return 0xffff800000000000u + next_random() % 4096;
    }
}

void run_bad_rbp(Actor &actor)
{
    while (!is_over()) {
        actor.expect(spin_with_bad_rbp(garbage(), 3000000 + below(1000000)) == 0, "the loop ended early");
        actor.rounds++;
    }
}

// With every signal blocked that the host itself has: code that does this cannot take one on its stack.
void run_bad_rsp(Actor &actor)
{
    sigset_t most;
    sigfillset(&most);
    sigdelset(&most, SIGPROF);
    pthread_sigmask(SIG_SETMASK, &most, nullptr);
    while (!is_over()) {
        actor.expect(spin_with_bad_rsp(garbage(), 3000000 + below(1000000)) == 0, "the loop ended early");
        actor.rounds++;
    }
}

// ---- What else a thread can see

void run_descriptors(Actor &actor)
{
    while (!is_over()) {
        descriptors_in_use.lock();
        close_range(3, ~0u, 0);
        descriptors_in_use.unlock();
        burn_us(below(3000));
        actor.rounds++;
    }
}

void run_state(Actor &actor)
{
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    double sum = 0;
    while (!is_over()) {
        int number = 1 + static_cast<int>(below(100));
        errno = number;
        sum = 0;
        for (int i = 1; i < 2000000; i++)
            sum += 1.0 / i;
        actor.expect(errno == number, "errno changed", errno);
        actor.expect(sum > 15.0858 && sum < 15.0860, "arithmetic changed");
        pthread_sigmask(SIG_SETMASK, nullptr, &after);
        actor.expect(memcmp(&before, &after, _NSIG / 8) == 0, "the mask changed");
        actor.rounds++;
    }
}

Actor actors[] = {
    {"plugin", run_plugin},         {"plugin2", run_plugin},       {"phdr", run_phdr},         {"throw", run_throw},
    {"malloc", run_malloc},         {"fork", run_fork},            {"threads", run_threads},   {"setxid", run_setxid},
    {"jump", run_jump},             {"storm", run_storm},          {"prof", run_prof},         {"sigwait", run_sigwait},
    {"prof_sigwait", run_prof_sigwait},
    {"restart", run_restart},       {"altstack", run_altstack},    {"near_guard", run_near_guard},
    {"coroutines", run_coroutines}, {"bad_rbp", run_bad_rbp},      {"bad_rsp", run_bad_rsp},
    {"descriptors", run_descriptors}, {"state", run_state},
};

void install(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action{};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigaction(number, &action, nullptr);
}

// Some cannot be together: libc's own signal to every thread (setxid) kills what has no room for a signal, interrupts calls, and
// waits for ever when its handler is jumped out of or cancelled in; ignoring SIGPROF throws away what waits for one who asks.
// They come by turns.
bool is_chosen(const char *name, int argc, char **argv)
{
    static const char *const of_even[] = {"near_guard", "coroutines", "bad_rsp", "restart", "prof_sigwait", "jump", "altstack"};
    static const char *const of_odd[] = {"setxid", "prof"};
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    if (argc > 3)
        return false;
    for (const char *one : of_even)
        if (strcmp(one, name) == 0)
            return seed % 2 == 0;
    for (const char *one : of_odd)
        if (strcmp(one, name) == 0)
            return seed % 2 != 0;
    return true;
}

}  // namespace

int main(int argc, char **argv)
{
    if (argc < 3) {
        for (Actor &actor : actors)
            printf("%s ", actor.name);
        puts("");
        return 2;
    }
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    seed = strtoull(argv[1], nullptr, 0);
    double run_s = atof(argv[2]);
    std::string self = argv[0];
    plugin_path = self.substr(0, self.rfind('/') + 1) + "libtorture_plugin.so";
    install(SIGALRM, on_alarm_like, SA_RESTART);
    install(SIGUSR1, on_usr1, SA_RESTART | SA_NODEFER);
    std::vector<std::thread> threads;
    uint64_t number = 0;
    unsigned chosen = 0;
    for (Actor &actor : actors)
        chosen += is_chosen(actor.name, argc, argv);
    pthread_barrier_t all_there;
    pthread_barrier_init(&all_there, nullptr, chosen + 1);
    for (Actor &actor : actors) {
        uint64_t own_seed = seed * 1000 + number++;
        if (is_chosen(actor.name, argc, argv))
            threads.emplace_back([&actor, &all_there, own_seed] {
                random_state = own_seed;
                pthread_barrier_wait(&all_there);
                actor.run(actor);
            });
    }
    end_s = now_s() + run_s;
    pthread_barrier_wait(&all_there);
    for (std::thread &thread : threads)
        thread.join();
    unsigned wrong = 0;
    for (Actor &actor : actors) {
        if (!is_chosen(actor.name, argc, argv))
            continue;
        printf("%s: %s, %u wrong\n", actor.name, actor.rounds > 0 ? "ran" : "did nothing", actor.wrong.load());
        wrong += actor.wrong;
    }
    return wrong == 0 ? 0 : 1;
}
