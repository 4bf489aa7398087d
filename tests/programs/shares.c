/* Burns CPU time in three functions, 60, 30 and 10 % of it, in THREADS threads, for SECONDS of CPU time each, and prints the
 * process's CPU time as getrusage tells it. Each function works for a measured number of rounds, so the shares are exact.
 * Usage: shares THREADS SECONDS */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static volatile uint64_t sink;

/* Until the thread's CPU clock says `until_s`; the functions differ in their names only, and are kept apart. */
#define BURNER(name)                                                                                                            \
    __attribute__((noinline)) static void name(double until_s)                                                                  \
    {                                                                                                                           \
        while (cpu_s() < until_s) {                                                                                             \
            uint64_t x = sink + __COUNTER__;                                                                                    \
            for (int i = 0; i < 20000; i++)                                                                                     \
                x = x * 6364136223846793005u + 1442695040888963407u;                                                            \
            sink = x;                                                                                                           \
        }                                                                                                                       \
    }
BURNER(burn_sixty)
BURNER(burn_thirty)
BURNER(burn_ten)

static double seconds;

static void *work(void *unused)
{
    double at = cpu_s(), end = at + seconds, turns = 0;
    for (double round_s = 0.05; at + round_s <= end; turns += 0.6180339887498949) {
        round_s = 0.03 + 0.04 * (turns - (double)(long)turns); /* evenly spread: never in step with the sampling */
        burn_sixty(at + round_s * 0.6);
        burn_thirty(at + round_s * 0.9);
        burn_ten(at + round_s);
        at += round_s;
    }
    return unused;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 4;
    seconds = argc > 2 ? atof(argv[2]) : 2;
    pthread_t *list = calloc((size_t)threads, sizeof *list);
    for (int i = 0; i < threads; i++)
        pthread_create(&list[i], NULL, work, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(list[i], NULL);
    free(list);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.6f\n", (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    return 0;
}
