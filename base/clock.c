/* Why: the clocks of base/clock.h. Context: any thread. */
#include "base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t pando_clock_mono_ns(void) { return read_ns(CLOCK_MONOTONIC); }
uint64_t pando_clock_wall_ns(void) { return read_ns(CLOCK_REALTIME); }
uint64_t pando_clock_process_cpu_ns(void) { return read_ns(CLOCK_PROCESS_CPUTIME_ID); }
uint64_t pando_clock_thread_cpu_ns(void) { return read_ns(CLOCK_THREAD_CPUTIME_ID); }
