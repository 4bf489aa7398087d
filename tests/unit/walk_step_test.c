// link: pando_collector pando_walker pando_exchange pando_symbols pando_base pando_unwind
// not under: thread, address - instrumented functions have other frames than the ones that it makes on purpose
/* The walker at every single instruction: a child runs library functions step by step under ptrace, the parent keeps its own list
 * of live return addresses from the calls that it sees, and walks a copy of the child's stack with tables built before the fork.
 * At no instruction may the two differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/walk_fixture.h"

enum { FRAMES_MAX = 256, LIVE_MAX = 256, STACK_BYTES_MAX = 1 << 18, INSTRUCTION_BYTES_MAX = 15, SHOWN_MAX = 5 };

static struct walk_fixture fixture;

struct live {
    uint64_t address; /* a return address, or where an interrupted function goes on */
    uint64_t slot;    /* it is live as long as the stack pointer is not above */
};

struct stepper {
    pid_t child;
    uint64_t stack_high;
    struct user_regs_struct before, now;
    struct live live[LIVE_MAX];
    uint32_t live_count;
    uint64_t base[FRAMES_MAX]; /* the frames below the function that the child runs */
    uint32_t base_count;
    unsigned long steps, by_hand, cut, differences, signals;
};

static uint64_t stack_copy[STACK_BYTES_MAX / 8];

static uint64_t word_at(const struct stepper *stepper, uint64_t address)
{
    uint64_t word = 0;
    struct iovec to = {&word, 8}, from = {(void *)(uintptr_t)address, 8};
    return process_vm_readv(stepper->child, &to, 1, &from, 1, 0) == 8 ? word : 0;
}

static void walk_child(const struct stepper *stepper, struct pando_walk *walk, uint64_t *frames)
{
    const struct user_regs_struct *now = &stepper->now;
    uint64_t low = now->rsp & ~UINT64_C(7), bytes = stepper->stack_high - low;
    struct iovec to = {stack_copy, bytes}, from = {(void *)(uintptr_t)low, bytes};
    assert_true(bytes <= STACK_BYTES_MAX);
    assert_int_equal(process_vm_readv(stepper->child, &to, 1, &from, 1, 0), bytes);
    *walk = (struct pando_walk){
        .objects = pando_code_map_list(fixture.map), .frames = frames, .frames_max = FRAMES_MAX, .visits_max = FRAMES_MAX,
        .memory = {.low = low, .high = stepper->stack_high, .shift = (int64_t)((uint64_t)(uintptr_t)stack_copy - low)},
        .registers = {now->rax, now->rdx, now->rcx, now->rbx, now->rsi, now->rdi, now->rbp, now->rsp, now->r8, now->r9,
                      now->r10, now->r11, now->r12, now->r13, now->r14, now->r15, now->rip},
    };
    pando_walk_run(walk);
}

/* What the last instruction did to the list. */
static void follow(struct stepper *stepper)
{
    const struct user_regs_struct *before = &stepper->before, *now = &stepper->now;
    while (stepper->live_count > 0 && stepper->live[stepper->live_count - 1].slot < now->rsp)
        stepper->live_count--;
    uint64_t pushed = now->rsp == before->rsp - 8 ? word_at(stepper, now->rsp) : 0;
    bool is_call = pushed - before->rip - 1 < INSTRUCTION_BYTES_MAX && now->rip != pushed;
    if (is_call && now->rip - before->rip < INSTRUCTION_BYTES_MAX && now->rip > before->rip)
        is_call = word_at(stepper, before->rip) % 256 == 0xe8; /* not "push $address" */
    if (is_call) {
        assert_true(stepper->live_count < LIVE_MAX);
        stepper->live[stepper->live_count++] = (struct live){.address = pushed, .slot = now->rsp};
    }
}

/* A signal was delivered: the handler's return address is the trampoline, which goes back to where it was. */
static void follow_signal(struct stepper *stepper)
{
    uint64_t slot = stepper->now.rsp;
    assert_true(stepper->live_count + 2 <= LIVE_MAX);
    stepper->live[stepper->live_count++] = (struct live){.address = stepper->before.rip, .slot = slot + 8};
    stepper->live[stepper->live_count++] = (struct live){.address = word_at(stepper, slot), .slot = slot};
    stepper->signals++;
}

static void show(const struct stepper *stepper, const struct pando_walk *walk)
{
    Dl_info info = {0};
    dladdr((void *)(uintptr_t)stepper->now.rip, &info);
    print_message("step %lu: %s %s+%#lx, end %d, %u frames\n", stepper->steps, info.dli_fname != NULL ? info.dli_fname : "?",
                  info.dli_sname != NULL ? info.dli_sname : "", (unsigned long)(stepper->now.rip - (uint64_t)(uintptr_t)info.dli_fbase),
                  (int)walk->end, walk->frame_count);
    for (uint32_t i = 1; i < 12; i++)
        print_message("  walk %#lx  true %#lx\n", i < walk->frame_count ? (unsigned long)walk->frames[i] : 0,
                      i <= stepper->live_count ? (unsigned long)stepper->live[stepper->live_count - i].address
                                               : (unsigned long)stepper->base[(i - stepper->live_count - 1) % FRAMES_MAX]);
}

static bool is_true(const struct stepper *stepper, const struct pando_walk *walk)
{
    uint32_t wanted = 1 + stepper->live_count + stepper->base_count;
    if (walk->frame_count != wanted || walk->end != PANDO_WALK_END_OUTERMOST ||
        (walk->frames[0] & ~PANDO_SAMPLE_EXACT) != stepper->now.rip)
        return false;
    for (uint32_t i = 1; i < wanted; i++) {
        uint64_t truth = i <= stepper->live_count ? stepper->live[stepper->live_count - i].address
                                                  : stepper->base[i - 1 - stepper->live_count];
        if ((walk->frames[i] & ~PANDO_SAMPLE_EXACT) != truth)
            return false;
    }
    return true;
}

static void check(struct stepper *stepper)
{
    static uint64_t frames[FRAMES_MAX];
    struct pando_walk walk;
    walk_child(stepper, &walk, frames);
    stepper->steps++;
    if (is_true(stepper, &walk))
        return;
    /* Cut, and said so: in longjmp, where the stack pointer has a rule of its own, and where the loader binds a function whose
     * choice (IFUNC) is made by libc's code, through which rbx is not followed. */
    if (walk.end == PANDO_WALK_END_NO_RULE) {
        if (stepper->cut++ == 0 || getenv("SHOW_CUT") != NULL) {
            Dl_info info = {0};
            uint64_t last = walk.frames[walk.frame_count - 1] & ~PANDO_SAMPLE_EXACT;
            dladdr((void *)(uintptr_t)last, &info);
            print_message("first cut in %s+%#lx, %u frames\n", info.dli_fname != NULL ? info.dli_fname : "?",
                          (unsigned long)(last - (uint64_t)(uintptr_t)info.dli_fbase), walk.frame_count);
        }
        return;
    }
    if (walk.methods.by_frame_pointer != 0 || walk.methods.by_guess != 0) {
        stepper->by_hand++;
        return;
    }
    if (stepper->differences++ < SHOWN_MAX)
        show(stepper, &walk);
}

/* Steps once. 0: goes on; else the stop that ends it: a breakpoint of the child's own, or its exit. */
static int step(struct stepper *stepper)
{
    int status;
    static int pending;
    stepper->before = stepper->now;
    int injected = pending;
    pending = 0;
    assert_int_equal(ptrace(PTRACE_SINGLESTEP, stepper->child, NULL, (void *)(intptr_t)injected), 0);
    assert_int_equal(waitpid(stepper->child, &status, 0), stepper->child);
    if (!WIFSTOPPED(status))
        return -1;
    ptrace(PTRACE_GETREGS, stepper->child, NULL, &stepper->now);
    int number = WSTOPSIG(status);
    if (number == SIGSTOP)
        return -1;
    if (number == SIGTRAP) {
        if (injected != 0)
            follow_signal(stepper);
        else
            follow(stepper);
        check(stepper);
    } else {
        pending = number;
        follow(stepper);
    }
    return 0;
}

/* Runs `work` in a child, step by step. */
static struct stepper step_through(void (*work)(void))
{
    static struct stepper stepper;
    int status;
    memset(&stepper, 0, sizeof stepper);
    stepper.stack_high = walk_fixture_stack_high();
    stepper.child = fork();
    if (stepper.child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        work();
        raise(SIGSTOP);
        _exit(0);
    }
    assert_int_equal(waitpid(stepper.child, &status, 0), stepper.child);
    /* It stands in raise: the frames above that call are this function's and its callers'. */
    static uint64_t frames[FRAMES_MAX];
    struct pando_walk walk;
    ptrace(PTRACE_GETREGS, stepper.child, NULL, &stepper.now);
    walk_child(&stepper, &walk, frames);
    assert_int_equal(walk.end, PANDO_WALK_END_OUTERMOST);
    uint32_t own = 0;
    Dl_info info;
    while (own < walk.frame_count && (dladdr((void *)(uintptr_t)(frames[own] & ~PANDO_SAMPLE_EXACT), &info) == 0 ||
                                      strstr(info.dli_fname, "libc.so") != NULL))
        own++;
    assert_true(own < walk.frame_count);
    /* Goes on to that frame, without checks. */
    uint64_t back = frames[own];
    do {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, stepper.child, NULL, NULL), 0);
        assert_int_equal(waitpid(stepper.child, &status, 0), stepper.child);
        ptrace(PTRACE_GETREGS, stepper.child, NULL, &stepper.now);
    } while (stepper.now.rip != back);
    stepper.base_count = walk.frame_count - own - 1;
    memcpy(stepper.base, frames + own + 1, stepper.base_count * sizeof frames[0]);
    while (step(&stepper) == 0)
        continue;
    kill(stepper.child, SIGKILL);
    waitpid(stepper.child, &status, 0);
    print_message("%lu instructions, %lu signals, %lu cut, %lu by hand, %lu wrong\n", stepper.steps, stepper.signals, stepper.cut,
                  stepper.by_hand, stepper.differences);
    return stepper;
}

static void expect_true(void (*work)(void), unsigned long steps_min, unsigned long cut_max)
{
    struct stepper stepper = step_through(work);
    assert_int_equal(stepper.differences, 0);
    assert_true(stepper.steps >= steps_min);
    assert_true(stepper.cut + stepper.by_hand <= cut_max);
}

/* ---- what the child does ---- */

static volatile int sink;
static volatile double sink_double;
static char from[5000], to[5000];

static void work_memory(void)
{
    static const size_t lengths[] = {1, 3, 7, 8, 15, 16, 31, 33, 64, 100, 129, 257, 600, 1500, 4000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i];
        memset(from, 'a' + (int)i, len);
        from[len] = '\0';
        memcpy(to, from, len + 1);
        memmove(to + 3, to, len);
        sink += (int)(strlen(from) + strnlen(to, 50)) + memcmp(from, to, len) + strcmp(from, to) + strncmp(from, to, len);
        sink += (strchr(from, 'z') != NULL) + (memchr(to, 'z', len) != NULL) + (strrchr(from, 'a') != NULL);
        sink += strstr(from, "ab") != NULL;
        strcpy(to, from);
        strcat(to, "tail");
    }
}

static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void work_qsort(void)
{
    int values[64];
    for (int i = 0; i < 64; i++)
        values[i] = (i * 7919) % 101;
    qsort(values, 64, sizeof values[0], by_value);
    sink += values[3];
}

static void work_stdio(void)
{
    char text[200];
    snprintf(text, sizeof text, "%d %s %.10g %5.3f %lx %c", 17, "some text", 3.14159, 2.5e10, 0xdeadbeefL, 'x');
    sink += (int)strtol(text, NULL, 10);
    sink_double = strtod("3.25e-7", NULL);
    sscanf("12 word 3.5", "%*d %*s %*f");
    FILE *file = fmemopen(text, sizeof text, "r+");
    fputs("line\nline\n", file);
    rewind(file);
    char line[50];
    sink += fgets(line, sizeof line, file) != NULL;
    fclose(file);
}

static void work_malloc(void)
{
    void *blocks[20];
    for (size_t i = 0; i < 20; i++)
        blocks[i] = malloc(i * i * 100 + 10);
    for (size_t i = 0; i < 20; i += 2)
        blocks[i] = realloc(blocks[i], i * 500 + 5);
    for (size_t i = 0; i < 20; i++)
        free(blocks[i]);
    free(calloc(300000, 2));
}

static void *short_thread(void *argument) { return argument; }

static void work_threads(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static pthread_key_t key;
    pthread_mutex_lock(&mutex);
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    pthread_once(&once, work_qsort);
    pthread_key_create(&key, NULL);
    pthread_setspecific(key, &key);
    sink += pthread_getspecific(key) != NULL;
    (void)short_thread;
}

static void work_time(void)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_MONOTONIC, &now); /* the vdso */
    clock_gettime(CLOCK_REALTIME, &now);
    sink += (int)time(NULL);
    gmtime_r(&now.tv_sec, &parts);
    sink += (int)mktime(&parts);
}

static void work_math(void)
{
    volatile double x = 1.25;
    sink_double = sin(x) + cos(x) + pow(x, 3.3) + exp(x) + log(x) + fmod(x, 0.3) + atan2(x, 2) + cbrt(x) + tgamma(x);
}

static void work_loader(void)
{
    Dl_info info;
    sink += dlsym(RTLD_DEFAULT, "getenv") != NULL;
    sink += dlsym(RTLD_DEFAULT, "no_such_function") != NULL;
    sink += dladdr((void *)(uintptr_t)&work_math, &info);
    sink += getenv("PATH") != NULL;
}

static void on_signal(int number)
{
    sink += number;
    memcpy(to, from, 40);
}

static void work_signals(void)
{
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    static char stack[65536];
    (void)stack;
    raise(SIGUSR1);
}

static jmp_buf where;
__attribute__((noinline)) static void jump(int value) { longjmp(where, value); }

static void work_longjmp(void)
{
    for (volatile int i = 1; i < 4; i++)
        if (setjmp(where) == 0)
            jump(i);
}

static void test_memory(void **state) { (void)state; expect_true(work_memory, 5000, 300); }
static void test_qsort(void **state) { (void)state; expect_true(work_qsort, 5000, 100); }
static void test_stdio(void **state) { (void)state; expect_true(work_stdio, 2000, 100); }
static void test_allocation(void **state) { (void)state; expect_true(work_malloc, 2000, 0); }
static void test_threads(void **state) { (void)state; expect_true(work_threads, 1000, 100); }
static void test_time(void **state) { (void)state; expect_true(work_time, 200, 1000); }
static void test_math(void **state) { (void)state; expect_true(work_math, 500, 100); }
static void test_loader(void **state) { (void)state; expect_true(work_loader, 1000, 100); }
static void test_signals(void **state) { (void)state; expect_true(work_signals, 100, 0); }
static void test_longjmp(void **state) { (void)state; expect_true(work_longjmp, 100, 3 * 30); }

static int start(void **state)
{
    (void)state;
    return walk_fixture_start(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory), cmocka_unit_test(test_qsort),  cmocka_unit_test(test_stdio),
        cmocka_unit_test(test_allocation), cmocka_unit_test(test_threads), cmocka_unit_test(test_time),
        cmocka_unit_test(test_math),   cmocka_unit_test(test_loader), cmocka_unit_test(test_signals),
        cmocka_unit_test(test_longjmp),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
