/* Why: the CPU time that programs of tests use, in one place. Context: included by one file of a program. */
#ifndef PANDO_TESTS_BURN_H
#define PANDO_TESTS_BURN_H

#include <stdint.h>
#include <time.h>

static volatile uint64_t sink;

/* Uses so much CPU time of the calling thread. */
__attribute__((noinline)) static void burn_ms(int ms)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    double end = (double)now.tv_sec + (double)now.tv_nsec / 1e9 + ms / 1e3;
    do {
        for (int i = 0; i < 10000; i++)
            sink = sink * 6364136223846793005u + 1;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((double)now.tv_sec + (double)now.tv_nsec / 1e9 < end);
}

#endif
