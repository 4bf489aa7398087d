// link: pando_collector pando_walker pando_exchange pando_symbols pando_base pando_unwind
// not under: thread, address - instrumented functions have other frames than the ones that it makes on purpose
/* The walker against libunwind's unw_step: a timer's signal stops a thread in the middle of stacks of many shapes, and the handler
 * walks both ways; all frames must be the same. It ends when each shape has been seen often enough, not after a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNW_LOCAL_ONLY
#include <alloca.h>
#include <dlfcn.h>
#include <libunwind.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#include "tests/unit/walk_fixture.h"

enum { FRAMES_MAX = 512, WANTED_SAMPLES = 400, SHOWN_MAX = 5, INTERVAL_NS = 50000 };

static struct walk_fixture fixture;
static __thread uint64_t stack_high;
static volatile int sink;

/* What the handler found. */
static atomic_uint samples, differences, deepest, by_hand;
static bool is_coroutine;
static struct {
    uint32_t own_count, other_count;
    enum pando_walk_end end;
    uint64_t own[FRAMES_MAX], other[FRAMES_MAX];
} shown[SHOWN_MAX];

static uint32_t walk_libunwind(ucontext_t *context, uint64_t *frames)
{
    unw_cursor_t cursor;
    unw_word_t ip = 0;
    uint32_t count = 0;
    bool is_exact = true;
    if (unw_init_local2(&cursor, context, UNW_INIT_SIGNAL_FRAME) != 0)
        return 0;
    do {
        if (unw_get_reg(&cursor, UNW_REG_IP, &ip) != 0 || ip == 0)
            break;
        /* It calls the interrupted frame a signal frame; the trampoline's address before it is exact too. */
        bool is_interrupted = unw_is_signal_frame(&cursor) > 0;
        if (is_interrupted && count > 0)
            frames[count - 1] |= PANDO_SAMPLE_EXACT;
        frames[count++] = ip | (is_exact || is_interrupted ? PANDO_SAMPLE_EXACT : 0);
        is_exact = false;
    } while (count < FRAMES_MAX && unw_step(&cursor) > 0);
    return count;
}

/* Whether the two walks say the same. In longjmp, where the stack pointer has a rule of its own, rows hold none: libunwind takes a
 * jump that is under way for done; we see who called it, by hand, or nobody. That is counted, and must be rare.
 * The first function of a coroutine has no unwind information where it would return to: that is the end. */
static bool is_same(const struct pando_walk *walk, const uint64_t *other, uint32_t count)
{
    bool is_cut = walk->end == PANDO_WALK_END_NO_RULE && walk->frame_count == 1;
    if (walk->methods.by_guess != 0 || walk->methods.by_frame_pointer != 0 || is_cut) {
        atomic_fetch_add(&by_hand, 1);
        return true;
    }
    bool whole = walk->end == PANDO_WALK_END_OUTERMOST || (walk->end == PANDO_WALK_END_NO_RULE && is_coroutine);
    return whole && walk->frame_count == count && memcmp(walk->frames, other, count * sizeof other[0]) == 0;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    static __thread uint64_t own[FRAMES_MAX], other[FRAMES_MAX];
    (void)number, (void)info;
    int saved_errno = errno;
    struct pando_walk walk = {
        .objects = atomic_load(&fixture.objects.current), .unknown_code = &fixture.objects.unknown_code, .frames = own,
        .frames_max = FRAMES_MAX, .visits_max = FRAMES_MAX, .memory = {.probe = walk_fixture_probe},
    };
    pando_walk_registers_of(context, walk.registers);
    walk.memory.low = walk.registers[PANDO_WALK_RSP];
    walk.memory.high = stack_high;
    if (walk.memory.low >= stack_high) /* on another stack: all by asking */
        walk.memory.low = walk.memory.high = 0;
    pando_walk_run(&walk);
    uint32_t count = walk_libunwind(context, other);
    if (!is_same(&walk, other, count)) {
        unsigned at = atomic_fetch_add(&differences, 1);
        if (at < SHOWN_MAX) {
            shown[at].own_count = walk.frame_count;
            shown[at].other_count = count;
            shown[at].end = walk.end;
            memcpy(shown[at].own, own, sizeof own);
            memcpy(shown[at].other, other, sizeof other);
        }
    }
    if (count > atomic_load(&deepest))
        atomic_store(&deepest, count);
    atomic_fetch_add(&samples, 1);
    errno = saved_errno;
}

static void print_frame(const char *what, uint64_t word)
{
    Dl_info info;
    uint64_t address = word & ~PANDO_SAMPLE_EXACT;
    bool known = dladdr((void *)(uintptr_t)address, &info) != 0;
    print_message(" %s %#lx%s %s %s+%#lx", what, (unsigned long)address, address != word ? "!" : "", known ? info.dli_fname : "?",
                  known && info.dli_sname != NULL ? info.dli_sname : "",
                  known ? (unsigned long)(address - (uint64_t)(uintptr_t)info.dli_fbase) : 0);
}

static void show_differences(void)
{
    for (unsigned i = 0; i < SHOWN_MAX && i < atomic_load(&differences); i++) {
        print_message("difference: own %u (end %d), libunwind %u\n", shown[i].own_count, (int)shown[i].end, shown[i].other_count);
        for (uint32_t j = 0; j < 40 && (j < shown[i].own_count || j < shown[i].other_count); j++) {
            print_frame("own", j < shown[i].own_count ? shown[i].own[j] : 0);
            print_frame("libunwind", j < shown[i].other_count ? shown[i].other[j] : 0);
            print_message("\n");
        }
    }
}

static timer_t start_timer(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    struct itimerspec spec = {.it_value = {.tv_nsec = INTERVAL_NS}, .it_interval = {.tv_nsec = INTERVAL_NS}};
    stack_high = walk_fixture_stack_high();
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &spec, NULL), 0);
    return timer;
}

/* Runs `shape` again and again on this thread under the timer, until there are enough samples. */
static void sample(void (*shape)(void))
{
    atomic_store(&samples, 0);
    atomic_store(&differences, 0);
    atomic_store(&deepest, 0);
    atomic_store(&by_hand, 0);
    timer_t timer = start_timer();
    while (atomic_load(&samples) < WANTED_SAMPLES && atomic_load(&differences) == 0)
        shape();
    timer_delete(timer);
    show_differences();
    assert_int_equal(atomic_load(&differences), 0);
    assert_true(atomic_load(&by_hand) < WANTED_SAMPLES / 4);
}

/* ---- the shapes ---- */

__attribute__((noinline)) static int leaf(int x)
{
    for (int i = 0; i < 200; i++)
        x = x * 31 + i;
    return x;
}

static void shape_leaf(void) { sink += leaf(sink); }

__attribute__((noinline, optimize("no-optimize-sibling-calls"))) static int recurse(int depth)
{
    return depth == 0 ? leaf(sink) : recurse(depth - 1) + leaf(depth);
}

static void shape_recursion(void) { sink += recurse(100); }

__attribute__((noinline)) static int use_alloca(int bytes)
{
    volatile char *memory = alloca((size_t)bytes);
    for (int i = 0; i < bytes; i += 8)
        memory[i] = (char)leaf(i);
    return memory[0];
}

static void shape_alloca(void)
{
    for (int bytes = 64; bytes < 2048; bytes += 200)
        sink += use_alloca(bytes);
}

__attribute__((noinline)) static int use_aligned(int x, int bytes)
{
    volatile int values[16] __attribute__((aligned(64)));
    volatile char *more = alloca((size_t)bytes); /* with this one, gcc needs a register for the arguments: DRAP */
    for (int i = 0; i < 16; i++)
        values[i] = leaf(x + i);
    more[0] = (char)values[3];
    return values[x & 15] + more[0];
}

static void shape_realigned(void) { sink += use_aligned(sink & 15, 100); }

__attribute__((noinline, optimize("O2"))) static int tail_end(int x) { return leaf(x) + 1; }
__attribute__((noinline, optimize("O2"))) static int tail_start(int x) { return tail_end(x + 1); }
static void shape_tail_call(void) { sink += tail_start(sink); }

__attribute__((noinline, noreturn)) static void leave(jmp_buf *where)
{
    sink += leaf(1);
    longjmp(*where, 1);
}
/* A noreturn call is the last instruction: the return address is the next function's. */
__attribute__((noinline, noreturn)) static void call_noreturn(jmp_buf *where) { leave(where); }
static void shape_noreturn(void)
{
    jmp_buf where;
    if (setjmp(where) == 0)
        call_noreturn(&where);
}

static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b + 0 * leaf(1); }
static void shape_qsort(void)
{
    int values[300];
    for (int i = 0; i < 300; i++)
        values[i] = (i * 7919) % 1000;
    qsort(values, 300, sizeof values[0], by_value);
    sink += values[1];
}

static void shape_libc(void)
{
    static char from[70000], to[70000], text[512];
    struct timespec now;
    for (size_t len = 1; len < sizeof from; len = len * 3 + 1) {
        memcpy(to, from, len);
        memmove(to + 1, to, len - 1);
        memset(from, 'x', len);
        from[len - 1] = 0;
        sink += (int)strlen(from) + memcmp(from, to, len) + (strchr(from, 'y') != NULL) + (strstr(from, "xxy") != NULL);
    }
    for (int i = 0; i < 20; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now); /* the vdso */
        void *block = malloc((size_t)(i + 1) * 700);
        snprintf(text, sizeof text, "%d %s %.17g %p", i, "text", (double)now.tv_nsec / 3, block);
        sink += (int)strtod(text, NULL);
        free(block);
    }
}

static void shape_math(void)
{
    volatile double x = 1.1;
    for (int i = 0; i < 100; i++)
        x = sin(x) + pow(x, 1.01) + exp(-x) + fmod(x, 0.7) + log(fabs(x) + 1);
    sink += (int)x;
}

static void on_other_signal(int number)
{
    (void)number;
    sink += recurse(5);
}
static void shape_signal_handler(void) { raise(SIGUSR1); }

static ucontext_t main_context, coroutine_context;
static void coroutine(void)
{
    for (;;) {
        sink += recurse(3);
        swapcontext(&coroutine_context, &main_context);
    }
}
static void shape_coroutine(void)
{
    for (int i = 0; i < 10; i++)
        swapcontext(&main_context, &coroutine_context);
}

/* ---- tests ---- */

static void test_plain(void **state) { (void)state; sample(shape_leaf); }
static void test_alloca(void **state) { (void)state; sample(shape_alloca); }
static void test_realigned(void **state) { (void)state; sample(shape_realigned); }
static void test_tail_call(void **state) { (void)state; sample(shape_tail_call); }
static void test_noreturn(void **state) { (void)state; sample(shape_noreturn); }
static void test_qsort(void **state) { (void)state; sample(shape_qsort); }
static void test_libc(void **state) { (void)state; sample(shape_libc); }
static void test_math(void **state) { (void)state; sample(shape_math); }

static void test_recursion(void **state)
{
    (void)state;
    sample(shape_recursion);
    assert_true(atomic_load(&deepest) > 100);
}

static void test_signal_handlers(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_other_signal};
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    sample(shape_signal_handler);
    stack_t stack = {.ss_sp = malloc(1 << 17), .ss_size = 1 << 17};
    assert_int_equal(sigaltstack(&stack, NULL), 0);
    action.sa_flags = SA_ONSTACK;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    sample(shape_signal_handler);
    stack_t none = {.ss_flags = SS_DISABLE};
    assert_int_equal(sigaltstack(&none, NULL), 0);
    free(stack.ss_sp);
}

static void test_coroutines(void **state)
{
    (void)state;
    char *stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(stack, MAP_FAILED);
    getcontext(&coroutine_context);
    coroutine_context.uc_stack.ss_sp = stack;
    coroutine_context.uc_stack.ss_size = 1 << 18;
    coroutine_context.uc_link = NULL;
    makecontext(&coroutine_context, coroutine, 0);
    is_coroutine = true;
    sample(shape_coroutine);
    is_coroutine = false;
    munmap(stack, 1 << 18);
}

static void *thread_main(void *argument)
{
    (void)argument;
    sample(shape_recursion);
    sample(shape_libc);
    return NULL;
}

static void test_thread(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, thread_main, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Forced unwinding (pthread_exit) through frames with clean-ups: libgcc's unwinder is walked. */
static void clean_up(void *argument)
{
    (void)argument;
    sink += recurse(3);
}

static void *exiting_thread(void *argument)
{
    *(timer_t *)argument = start_timer();
    pthread_cleanup_push(clean_up, NULL);
    pthread_cleanup_push(clean_up, NULL);
    pthread_exit(NULL);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void test_pthread_exit(void **state)
{
    (void)state;
    assert_non_null(dlopen("libgcc_s.so.1", RTLD_NOW)); /* before the timer runs: libunwind in the handler takes its lock */
    assert_int_equal(walk_fixture_refresh(&fixture), 0);
    atomic_store(&samples, 0);
    atomic_store(&differences, 0);
    while (atomic_load(&samples) < WANTED_SAMPLES && atomic_load(&differences) == 0) {
        pthread_t thread;
        timer_t timer;
        assert_int_equal(pthread_create(&thread, NULL, exiting_thread, &timer), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        timer_delete(timer);
    }
    show_differences();
    assert_int_equal(atomic_load(&differences), 0);
}

static void test_dlopened(void **state)
{
    (void)state;
    void *library = dlopen("libz.so.1", RTLD_NOW);
    if (library == NULL)
        skip();
    unsigned long (*crc)(unsigned long, const unsigned char *, unsigned) = NULL;
    *(void **)&crc = dlsym(library, "crc32");
    assert_non_null(crc);
    assert_int_equal(walk_fixture_refresh(&fixture), 0);
    atomic_store(&samples, 0);
    atomic_store(&differences, 0);
    timer_t timer = start_timer();
    static unsigned char bytes[10000];
    while (atomic_load(&samples) < WANTED_SAMPLES && atomic_load(&differences) == 0)
        sink += (int)crc(1, bytes, sizeof bytes);
    timer_delete(timer);
    show_differences();
    assert_int_equal(atomic_load(&differences), 0);
    dlclose(library);
}

static int start(void **state)
{
    (void)state;
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGUSR2, &action, NULL);
    ucontext_t here;
    static uint64_t frames[FRAMES_MAX];
    getcontext(&here);
    walk_libunwind(&here, frames); /* its set-up is not for handlers */
    return walk_fixture_start(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),     cmocka_unit_test(test_recursion), cmocka_unit_test(test_alloca),
        cmocka_unit_test(test_realigned), cmocka_unit_test(test_tail_call), cmocka_unit_test(test_noreturn),
        cmocka_unit_test(test_qsort),     cmocka_unit_test(test_libc),      cmocka_unit_test(test_math),
        cmocka_unit_test(test_signal_handlers), cmocka_unit_test(test_coroutines), cmocka_unit_test(test_thread),
        cmocka_unit_test(test_dlopened),  cmocka_unit_test(test_pthread_exit),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
