/* What a sample costs, in nanoseconds that a host's thread loses: signals that it sends to itself, 25 frames deep, in bursts, in turn
 * SIGUSR1 to a handler that does nothing and SIGPROF to whatever profiler is preloaded. The difference is what the profiler's
 * handler adds; the kernel's part, the same for both, is told apart. Without a profiler, SIGPROF has an empty handler too: the
 * difference is then the error of the measurement.
 *
 * Pando takes signals of its timers only, so its timer's value is looked up in /proc/self/timers and sent along. Bursts are small
 * and apart, as samples are: a ring that is full would make samples cheap. "cold" writes to other memory before each signal; then it
 * is the median of all signals, since single ones are far off (one thread only).
 * Usage: sample_bench [THREADS [BURSTS [cold]]]   prints: ns a signal (empty), ns a signal (profiler), ns that other threads used a signal */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64, SIGNALS_A_ROUND = 2000, COLD_BYTES = 32 << 20, COLD_SIGNALS = 20, COLD_MAX = 4000, FRAMES = 20, PAUSE_NS = 120000000 };

static int thread_count, bursts, signals_a_burst;
static bool is_cold;
static pthread_barrier_t barrier;
static uint64_t empty_ns[THREADS_MAX], profiler_ns[THREADS_MAX], thread_ns[THREADS_MAX];
static char *other_memory;
static uint64_t cold_ns[2][COLD_MAX]; /* SIGUSR1's, SIGPROF's */
static int cold_count;

static void nothing(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What the signals of this thread's timer carry: the line before "notify: signal/tid.N" that has this thread's number. */
static void *timer_value(int tid)
{
    FILE *file = fopen("/proc/self/timers", "re");
    char line[256], wanted[64];
    void *value = NULL, *found = NULL;
    snprintf(wanted, sizeof wanted, "notify: signal/tid.%d\n", tid);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        unsigned long long number;
        if (sscanf(line, "signal: 27/%llx", &number) == 1)
            value = (void *)(uintptr_t)number;
        if (strcmp(line, wanted) == 0)
            found = value;
    }
    if (file != NULL)
        fclose(file);
    return found;
}

static void send(int number, int tid, void *value)
{
    siginfo_t info = {.si_signo = number, .si_code = SI_TIMER};
    info.si_value.sival_ptr = value;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, number, &info);
}

static uint64_t burst(int number, int tid, void *value)
{
    uint64_t begin = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < signals_a_burst; i++)
        send(number, tid, value);
    return now_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static uint64_t cold_signal(int number, int tid, void *value)
{
    memset(other_memory, number, COLD_BYTES);
    uint64_t begin = now_ns(CLOCK_THREAD_CPUTIME_ID);
    send(number, tid, value);
    return now_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static void cold_burst(int tid, void *value)
{
    for (int i = 0; i < COLD_SIGNALS && cold_count < COLD_MAX; i++, cold_count++) {
        cold_ns[0][cold_count] = cold_signal(SIGUSR1, tid, NULL);
        cold_ns[1][cold_count] = cold_signal(SIGPROF, tid, value);
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double cold_median(int which)
{
    qsort(cold_ns[which], (size_t)cold_count, sizeof cold_ns[which][0], by_size);
    return (double)cold_ns[which][cold_count / 2];
}

static void measure(int thread)
{
    int tid = (int)syscall(SYS_gettid);
    void *value = timer_value(tid);
    for (int i = -2; i < bursts; i++) { /* the first rounds: rows are built, pages come */
        pthread_barrier_wait(&barrier);
        uint64_t empty = burst(SIGUSR1, tid, NULL), profiler = burst(SIGPROF, tid, value);
        if (is_cold && i >= 0)
            cold_burst(tid, value);
        empty_ns[thread] += i >= 0 ? empty : 0;
        profiler_ns[thread] += i >= 0 ? profiler : 0;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    thread_ns[thread] = now_ns(CLOCK_THREAD_CPUTIME_ID);
}

__attribute__((noinline)) static int descend(int depth, int thread)
{
    if (depth == 0)
        measure(thread);
    else
        return descend(depth - 1, thread) + 1;
    return 0;
}

static void *run(void *thread)
{
    descend(FRAMES, (int)(intptr_t)thread);
    return NULL;
}

int main(int argc, char **argv)
{
    thread_count = argc > 1 ? atoi(argv[1]) : 1;
    bursts = argc > 2 ? atoi(argv[2]) : 20;
    is_cold = argc > 3;
    if (thread_count < 1 || thread_count > THREADS_MAX || (is_cold && thread_count != 1))
        return 2;
    signals_a_burst = SIGNALS_A_ROUND / thread_count;
    other_memory = malloc(COLD_BYTES);
    struct sigaction empty = {.sa_flags = SA_SIGINFO | SA_RESTART}, old;
    empty.sa_sigaction = nothing;
    sigaction(SIGUSR1, &empty, NULL);
    sigaction(SIGPROF, NULL, &old);
    if (old.sa_handler == SIG_DFL)
        sigaction(SIGPROF, &empty, NULL); /* (under Pando it is only called for signals that are not Pando's) */
    pthread_barrier_init(&barrier, NULL, (unsigned)thread_count);
    pthread_t threads[THREADS_MAX];
    for (int i = 1; i < thread_count; i++)
        pthread_create(&threads[i], NULL, run, (void *)(intptr_t)i);
    run(NULL);
    uint64_t empty_sum = empty_ns[0], profiler_sum = profiler_ns[0], own_sum = thread_ns[0];
    for (int i = 1; i < thread_count; i++) {
        pthread_join(threads[i], NULL);
        empty_sum += empty_ns[i];
        profiler_sum += profiler_ns[i];
        own_sum += thread_ns[i];
    }
    double signals = (double)bursts * thread_count * signals_a_burst;
    printf("%.0f %.0f %.0f\n", is_cold ? cold_median(0) : (double)empty_sum / signals,
           is_cold ? cold_median(1) : (double)profiler_sum / signals,
           (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - own_sum) / signals);
    return 0;
}
