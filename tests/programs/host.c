/* A host that does one of the things that hosts do to a guest, named by its first argument, and says on stdout what it saw. Run
 * without and with Pando it must say the same and end the same. For agent_test.py. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "burn.h"

extern char **environ;

static void *burn_thread(void *ms)
{
    burn_ms((int)(intptr_t)ms);
    return ms;
}

static void say_status(const char *what, int status)
{
    printf("%s: %s %d\n", what, WIFEXITED(status) ? "exit" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    fflush(stdout);
}

static int mode_return(void)
{
    burn_ms(150);
    printf("no newline at the end of this");
    return 7;
}

static void say_bye(void)
{
    burn_ms(20);
    puts("atexit");
}

static int mode_exit(void)
{
    atexit(say_bye);
    burn_ms(150);
    exit(9);
}

static int mode_underscore_exit(void) { burn_ms(150); _exit(5); }
static int mode_quick_exit(void) { burn_ms(150); quick_exit(6); }
static int mode_abort(void) { burn_ms(150); abort(); }
static int mode_segv(void) { burn_ms(150); raise(SIGSEGV); return 0; }
static int mode_sigterm(void) { burn_ms(150); raise(SIGTERM); return 0; }
static int mode_sigprof(void) { burn_ms(150); raise(SIGPROF); pause(); return 0; }
static int mode_raw_exit(void) { burn_ms(150); fflush(stdout); syscall(SYS_exit, 4); return 0; }

static int mode_main_leaves(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, burn_thread, (void *)(intptr_t)120);
    printf("written before main left, flushed by exit");
    pthread_exit(NULL);
}

static int mode_main_leaves_last(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, burn_thread, (void *)(intptr_t)150);
    pthread_join(thread, NULL);
    burn_ms(150);
    printf("written before main left, flushed by exit");
    pthread_exit(NULL);
}

static void *burn_and_exit(void *unused)
{
    (void)unused;
    burn_ms(150);
    exit(11);
}

static int mode_exit_in_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, burn_and_exit, NULL);
    for (;;)
        burn_ms(10);
    return 0;
}

static int mode_fork(void)
{
    burn_ms(150);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            burn_ms(80);
            pthread_t thread;
            pthread_create(&thread, NULL, burn_thread, (void *)(intptr_t)40);
            pthread_join(thread, NULL);
            if (i == 1)
                _exit(21);
            exit(20 + i);
        }
        int status;
        waitpid(child, &status, 0);
        say_status("child", status);
    }
    return 0;
}

/* Ten thousand forks would take minutes; the torture script has them. */
static int mode_fork_storm(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, burn_thread, (void *)(intptr_t)600);
    int bad = 0;
    for (int i = 0; i < 200; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        int status = 1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            bad++;
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("bad: %d\n", bad);
    return 0;
}

static int mode_daemon(void)
{
    int ends[2];
    if (pipe(ends) != 0)
        return 1;
    pid_t first = fork();
    if (first == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        for (int fd = 0; fd < 256; fd++)
            if (fd != ends[1])
                close(fd);
        burn_ms(150);
        int lowest = open("/dev/null", O_RDWR);
        char line[64];
        int len = snprintf(line, sizeof line, "daemon: lowest descriptor %d\n", lowest);
        if (write(ends[1], line, (size_t)len) < 0)
            _exit(1);
        exit(0);
    }
    waitpid(first, NULL, 0);
    close(ends[1]);
    char text[128];
    ssize_t got = read(ends[0], text, sizeof text);
    fwrite(text, 1, got > 0 ? (size_t)got : 0, stdout);
    while (read(ends[0], text, sizeof text) > 0)
        ;
    return 0;
}

static int mode_spawn(void)
{
    burn_ms(150);
    char *arguments[] = {"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 13", NULL};
    pid_t child;
    int status;
    posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ);
    waitpid(child, &status, 0);
    say_status("posix_spawn", status);
    child = vfork();
    if (child == 0) {
        execv("/bin/sh", arguments);
        _exit(127);
    }
    waitpid(child, &status, 0);
    say_status("vfork", status);
    status = system("exit 14");
    say_status("system", status);
    return 0;
}

/* Each image burns a little and starts the next: a timer or a signal that outlived exec would kill one of them. */
static int mode_exec_chain(const char *self, const char *left_text)
{
    int left = left_text != NULL ? atoi(left_text) : 30;
    burn_ms(8);
    if (left == 0) {
        sigset_t mask;
        sigprocmask(SIG_SETMASK, NULL, &mask);
        printf("the last image, SIGPROF blocked: %d\n", sigismember(&mask, SIGPROF));
        return 0;
    }
    char text[16];
    snprintf(text, sizeof text, "%d", left - 1);
    execl(self, self, "exec_chain", text, (char *)NULL);
    return 1;
}

/* Everything above 2 is closed again and again, and the numbers are expected to be ours. */
static int mode_descriptors(void)
{
    char name[] = "/tmp/pando-host-XXXXXX";
    int file = mkstemp(name), wrong = 0;
    unlink(name);
    if (file != 3)
        wrong++;
    for (int round = 0; round < 40; round++) {
        for (int fd = 4; fd < 64; fd++)
            close(fd);
        for (int fd = 4; fd < 12; fd++)
            if (dup(file) != fd)
                wrong++;
        burn_ms(10);
        for (int fd = 4; fd < 12; fd++)
            if (write(fd, "x", 1) != 1)
                wrong++;
    }
    struct stat status;
    fstat(file, &status);
    printf("wrong numbers: %d, bytes: %lld\n", wrong, (long long)status.st_size);
    return 0;
}

static atomic_int prof_signals;
static void on_prof(int number) { (void)number; atomic_fetch_add(&prof_signals, 1); }

/* The host's own use of SIGPROF. */
static int mode_own_sigprof(void)
{
    struct sigaction action, old;
    sigaction(SIGPROF, NULL, &old);
    printf("at first: %s\n", old.sa_handler == SIG_DFL ? "default" : "something else");
    burn_ms(30);
    void (*before)(int) = signal(SIGPROF, on_prof);
    printf("signal: %s\n", before == SIG_DFL ? "default" : "something else");
    burn_ms(50);
    printf("while burning: %d\n", atomic_load(&prof_signals));
    raise(SIGPROF);
    kill(getpid(), SIGPROF);
    printf("raised: %d\n", atomic_load(&prof_signals));
    struct itimerval interval = {.it_interval = {.tv_usec = 10000}, .it_value = {.tv_usec = 10000}};
    setitimer(ITIMER_PROF, &interval, NULL);
    burn_ms(300);
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    int count = atomic_load(&prof_signals) - 2;
    printf("own timer: %s\n", count >= 10 && count <= 40 ? "about 30" : "wrong");
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPROF, &action, &old);
    printf("sigaction: %s\n", old.sa_handler == on_prof ? "ours" : "something else");
    raise(SIGPROF);
    burn_ms(50);
    printf("back: %s\n", signal(SIGPROF, SIG_DFL) == SIG_IGN ? "ignored" : "something else");
    burn_ms(100); /* a naive guest's timer kills us here */
    printf("alive, seen: %s\n", atomic_load(&prof_signals) - 2 == count ? "as before" : "more");
    return 0;
}

static int bare_thread(void *stack)
{
    (void)stack;
    burn_ms(200);
    return 0;
}

static int mode_threads(void)
{
    for (int i = 0; i < 1500; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, burn_thread, NULL) != 0)
            puts("no thread");
        pthread_join(thread, NULL);
    }
    /* One that libc knows nothing of. It burns in a function that touches no thread-local storage. */
    char *stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static int tid;
    tid = 1;
    clone(bare_thread, stack + (1 << 18), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
          CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID, NULL, NULL, NULL, &tid);
    while (atomic_load((_Atomic int *)&tid) != 0)
        burn_ms(5);
    puts("all gone");
    return 0;
}

static volatile int churning = 1;

static int count_object(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)info;
    (void)size;
    ++*(int *)context;
    return 0;
}

static void *iterate(void *unused)
{
    while (churning) {
        int count = 0;
        dl_iterate_phdr(count_object, &count);
    }
    return unused;
}

/* The loader is busy all the time: a handler that asked it anything would hang. */
static int mode_loader(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, iterate, NULL);
    int opened = 0;
    for (int i = 0; i < 600; i++) {
        void *library = dlopen(i % 2 == 0 ? "libm.so.6" : "libutil.so.1", RTLD_NOW);
        if (library != NULL && dlclose(library) == 0)
            opened++;
        burn_ms(1);
    }
    churning = 0;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("opened: %d\n", opened);
    return 0;
}

static void on_usr1(int number)
{
    burn_ms(300);
    sink += (uint64_t)number; /* or the call would be a jump, and this function in no stack */
}

static int mode_alternate_stack(void)
{
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
    burn_ms(300); /* until then samples carry one stack's bytes, for a walk that ends where another stack begins */
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    puts("back");
    return 0;
}

__attribute__((noinline)) static int recurse(int depth)
{
    volatile char room[64];
    room[0] = (char)depth;
    if (depth == 0) {
        burn_ms(300);
        return room[0];
    }
    return recurse(depth - 1) + room[0];
}

static int mode_deep(void)
{
    burn_ms(300); /* as above: a copy of the whole stack would not fit into a sample */
    printf("%d\n", recurse(50000) != 0);
    return 0;
}

static int mode_unshare(void)
{
    burn_ms(120);
    int result = unshare(CLONE_NEWUSER);
    printf("unshare: %s\n", result == 0 ? "good" : errno == EINVAL ? "EINVAL" : "refused");
    burn_ms(150);
    return 0;
}

static int mode_process_state(void)
{
    burn_ms(120);
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int i = 1; i < 32; i++) {
        struct sigaction action;
        sigaction(i, NULL, &action);
        printf("%d: blocked %d, default %d\n", i, sigismember(&mask, i), action.sa_handler == SIG_DFL);
    }
    mode_t old_umask = umask(0);
    printf("umask %o, errno %d\n", old_umask, errno);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    printf("files %llu\n", (unsigned long long)limit.rlim_cur);
    return 0;
}

int main(int argc, char **argv)
{
    const struct {
        const char *name;
        int (*run)(void);
    } modes[] = {
        {"return", mode_return},           {"exit", mode_exit},                 {"_exit", mode_underscore_exit},
        {"quick_exit", mode_quick_exit},   {"abort", mode_abort},               {"segv", mode_segv},
        {"sigterm", mode_sigterm},         {"sigprof", mode_sigprof},           {"raw_exit", mode_raw_exit},
        {"main_leaves", mode_main_leaves}, {"main_leaves_last", mode_main_leaves_last},
        {"exit_in_thread", mode_exit_in_thread},
        {"fork", mode_fork},               {"fork_storm", mode_fork_storm},     {"daemon", mode_daemon},
        {"spawn", mode_spawn},             {"descriptors", mode_descriptors},   {"own_sigprof", mode_own_sigprof},
        {"threads", mode_threads},         {"loader", mode_loader},             {"alternate_stack", mode_alternate_stack},
        {"deep", mode_deep},               {"unshare", mode_unshare},           {"process_state", mode_process_state},
    };
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    if (argc > 1 && strcmp(argv[1], "exec_chain") == 0)
        return mode_exec_chain(argv[0], argc > 2 ? argv[2] : NULL);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (argc > 1 && strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run();
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        printf("%s ", modes[i].name);
    puts("exec_chain");
    return 2;
}
