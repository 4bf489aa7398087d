/* Why: agent/cpu_clock.h. Context: any thread, not the handler. */
#include "agent/cpu_clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/raw_syscall.h"

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

static uint64_t interval_ns;
static unsigned timers_max;
static atomic_uint timers_used;

void pando_cpu_clock_setup(uint32_t rate_hz)
{
    interval_ns = 1000000000u / rate_hz;
    struct rlimit limit;
    if (getrlimit(RLIMIT_SIGPENDING, &limit) != 0 || limit.rlim_cur / 2 > UINT32_MAX)
        timers_max = UINT32_MAX;
    else
        timers_max = (unsigned)(limit.rlim_cur / 2);
}

void pando_cpu_clock_forget_all(void)
{
    atomic_store_explicit(&timers_used, 0, memory_order_relaxed);
}

/* The kernel's number of a thread's CPU clock (CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED), as in pthread_getcpuclockid. */
static long thread_clock(int tid)
{
    return ((~(long)tid) << 3) | 6;
}

/* Uniform in [1, interval_ns]; good enough to spread first expiries (splitmix64 of time and thread). */
static uint64_t random_part_ns(int tid)
{
    uint64_t x = pando_clock_mono_ns() + (uint64_t)tid * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return 1 + x % interval_ns;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
}

int pando_cpu_clock_start(int tid, uint64_t cookie, int *ret_timer)
{
    if (atomic_fetch_add_explicit(&timers_used, 1, memory_order_relaxed) >= timers_max) {
        atomic_fetch_sub_explicit(&timers_used, 1, memory_order_relaxed);
        return PANDO_ERR_LIMIT;
    }
    /* glibc hides the kernel's field for the thread in a union; its position is the kernel's ABI. */
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF,
                             .sigev_value.sival_ptr = (void *)(uintptr_t)cookie};
    event._sigev_un._tid = tid;
    int timer = -1;
    if (pando_raw_syscall4(SYS_timer_create, thread_clock(tid), (long)&event, (long)&timer, 0) != 0) {
        atomic_fetch_sub_explicit(&timers_used, 1, memory_order_relaxed);
        return PANDO_ERR_IO;
    }
    struct itimerspec when = {.it_interval = timespec_of(interval_ns), .it_value = timespec_of(random_part_ns(tid))};
    if (pando_raw_syscall4(SYS_timer_settime, timer, 0, (long)&when, 0) != 0) {
        pando_cpu_clock_stop(timer);
        return PANDO_ERR_IO;
    }
    *ret_timer = timer;
    return 0;
}

void pando_cpu_clock_stop(int timer)
{
    if (pando_raw_syscall4(SYS_timer_delete, timer, 0, 0, 0) == 0)
        atomic_fetch_sub_explicit(&timers_used, 1, memory_order_relaxed);
}
