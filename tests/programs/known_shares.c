/* CPU time whose shares are known, for accuracy_test.py. Prints what the process used, as its CPU clock tells it, and what a mode has
 * to say. Each burner runs by the thread's own clock, in pieces of varying length: a pattern that repeats in step with the
 * sampling interval would show its phase, not its share.
 * Usage: known_shares split SECONDS | equal THREADS SECONDS | brief THREADS THREADS_US | recursion SECONDS | tail SECONDS |
 *        kernel SECONDS | delay SECONDS DELAY_PERCENT | deep SECONDS */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Each stays a function of its own, under its own name: not inlined, not cloned, not merged with one that does the same. */
#define NEVER_INLINE __attribute__((noinline, noclone, no_icf))

static __thread volatile uint64_t sink;
static double seconds;

static double clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Until the thread's clock says so. Returns what it used, with the last round's part beyond. */
static inline __attribute__((always_inline)) double burn(double for_s)
{
    double begin = clock_s(CLOCK_THREAD_CPUTIME_ID), now = begin;
    while (now < begin + for_s) {
        uint64_t x = sink;
        for (int i = 0; i < 5000; i++)
            x = x * 6364136223846793005u + 1442695040888963407u;
        sink = x;
        now = clock_s(CLOCK_THREAD_CPUTIME_ID);
    }
    return now - begin;
}

#define BURNER(name) \
    NEVER_INLINE static double name(double for_s) \
    { \
        double used = burn(for_s); \
        sink ^= __COUNTER__; \
        return used; \
    }
BURNER(burn_50)
BURNER(burn_30)
BURNER(burn_15)
BURNER(burn_5)
BURNER(burn_equal)
BURNER(burn_brief)
BURNER(burn_delayed)
BURNER(burn_other)
BURNER(burn_deep)

/* A length of 20 to 60 ms, from the golden ratio's multiples: evenly spread, never in step with anything. */
static double piece_s(int number)
{
    double turns = number * 0.6180339887498949;
    return 0.02 + 0.04 * (turns - (double)(long)turns);
}

static void split(void)
{
    double done = 0;
    for (int i = 0; done < seconds; i++) {
        double piece = piece_s(i);
        done += burn_50(piece * 0.5) + burn_30(piece * 0.3) + burn_15(piece * 0.15) + burn_5(piece * 0.05);
    }
}

static void *equal_thread(void *unused)
{
    burn_equal(seconds);
    return unused;
}

/* One function a thread, so that the profile tells them apart. */
#define THREAD(n) \
    NEVER_INLINE static void *thread_##n(void *argument) \
    { \
        void *result = equal_thread(argument); \
        sink += n; \
        return result; \
    }
THREAD(0) THREAD(1) THREAD(2) THREAD(3) THREAD(4) THREAD(5) THREAD(6) THREAD(7)
static void *(*const equal_threads[])(void *) = {thread_0, thread_1, thread_2, thread_3, thread_4, thread_5, thread_6, thread_7};

static void run_threads(int count)
{
    pthread_t list[8];
    for (int i = 0; i < count; i++)
        pthread_create(&list[i], NULL, equal_threads[i], NULL);
    for (int i = 0; i < count; i++)
        pthread_join(list[i], NULL);
}

static double brief_total_s;

NEVER_INLINE static void *brief_thread(void *us)
{
    burn_brief(*(const double *)us / 1e6);
    brief_total_s += clock_s(CLOCK_THREAD_CPUTIME_ID); /* one at a time */
    return us;
}

/* Short threads, one after the other, between pieces of the first thread's own work of the same length in sum. */
static void brief(int count, double us)
{
    double own_s = 0;
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, brief_thread, &us);
        pthread_join(thread, NULL);
        own_s += burn_other(brief_total_s - own_s);
    }
    printf("%.6f ", brief_total_s);
}

NEVER_INLINE static double recursion(int depth)
{
    double used = depth > 0 ? recursion(depth - 1) : burn(0.01);
    sink ^= (uint64_t)depth;
    return used;
}

/* A function that ends in a jump is not in the stack of the one that it jumps to: as the processor has it. */
NEVER_INLINE static double tail_target(double for_s)
{
    double used = burn(for_s);
    sink ^= 1;
    return used;
}

NEVER_INLINE __attribute__((optimize("O2"))) static double tail_caller(double for_s)
{
    sink ^= 2;
    return tail_target(for_s);
}

NEVER_INLINE static double in_kernel(double for_s)
{
    static char block[1 << 16];
    double begin = clock_s(CLOCK_THREAD_CPUTIME_ID), now = begin;
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    while (now < begin + for_s) {
        for (int i = 0; i < 4 && read(fd, block, sizeof block) > 0; i++)
            sink ^= (uint64_t)block[0];
        now = clock_s(CLOCK_THREAD_CPUTIME_ID);
    }
    close(fd);
    return now - begin;
}

NEVER_INLINE static double in_user(double for_s)
{
    double used = burn(for_s);
    sink ^= 3;
    return used;
}

static void alternate(double (*first)(double), double (*second)(double), double first_part)
{
    double done = 0;
    for (int i = 0; done < seconds; i++) {
        double piece = piece_s(i);
        done += first(piece * first_part) + second(piece * (1 - first_part));
    }
}

NEVER_INLINE static double deep(int depth)
{
    volatile char room[64];
    room[0] = (char)depth;
    return (depth > 0 ? deep(depth - 1) : burn_deep(seconds)) + room[0];
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[1] : "";
    double number = argc > 2 ? atof(argv[2]) : 0, second = argc > 3 ? atof(argv[3]) : 0;
    seconds = number;
    if (strcmp(mode, "split") == 0) {
        split();
    } else if (strcmp(mode, "equal") == 0 && number <= 8) {
        seconds = second;
        run_threads((int)number);
    } else if (strcmp(mode, "brief") == 0) {
        brief((int)number, second);
    } else if (strcmp(mode, "recursion") == 0) {
        for (double done = 0; done < seconds;)
            done += recursion(100);
    } else if (strcmp(mode, "tail") == 0) {
        alternate(tail_caller, burn_other, 0.7);
    } else if (strcmp(mode, "kernel") == 0) {
        alternate(in_kernel, in_user, 0.4);
    } else if (strcmp(mode, "delay") == 0) { /* the other one's work stays what it was */
        double done = 0;
        for (int i = 0; done < seconds; i++) {
            double piece = piece_s(i);
            done += burn_other(piece * 0.8);
            burn_delayed(piece * (0.2 + second / 100));
            done += piece * 0.2;
        }
    } else if (strcmp(mode, "deep") == 0) {
        deep(50000);
    } else {
        return 2;
    }
    printf("%.6f\n", clock_s(CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}
