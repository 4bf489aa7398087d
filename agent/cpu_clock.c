/* Why: agent/cpu_clock.h. Context: any thread; `take` and `of_thread_ns` also in the handler. */
#include "agent/cpu_clock.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/raw_syscall.h"

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

enum { NS_IN_S = 1000000000 };

static uint64_t interval_ns;
static atomic_uint timers_max;
static atomic_uint timers_used;
static atomic_uint step_wanted = 1;
static atomic_uint least_step = 1;

void pando_cpu_clock_setup(uint32_t rate_hz)
{
    interval_ns = NS_IN_S / rate_hz;
    pando_cpu_clock_set_step(1);
    struct rlimit limit;
    if (getrlimit(RLIMIT_SIGPENDING, &limit) != 0 || limit.rlim_cur / 2 > UINT32_MAX)
        atomic_store(&timers_max, UINT32_MAX);
    else
        atomic_store(&timers_max, (unsigned)(limit.rlim_cur / 2));
}

void pando_cpu_clock_refuse(void)
{
    atomic_store(&timers_max, 0);
}

void pando_cpu_clock_forget_all(void)
{
    atomic_store_explicit(&timers_used, 0, memory_order_relaxed);
}

void pando_cpu_clock_set_step(unsigned step)
{
    atomic_store_explicit(&step_wanted, step, memory_order_relaxed);
}

unsigned pando_cpu_clock_step(void)
{
    unsigned wanted = atomic_load_explicit(&step_wanted, memory_order_relaxed), least = pando_cpu_clock_least_step();
    return wanted > least ? wanted : least;
}

void pando_cpu_clock_set_least_step(unsigned step)
{
    atomic_store_explicit(&least_step, step != 0 ? step : 1, memory_order_relaxed);
}

unsigned pando_cpu_clock_least_step(void)
{
    return atomic_load_explicit(&least_step, memory_order_relaxed);
}

uint64_t pando_cpu_clock_interval_ns(void)
{
    return interval_ns;
}

/* The kernel's number of a thread's CPU clock (CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED), as in pthread_getcpuclockid. */
static long thread_clock(int tid)
{
    return (long)(~(unsigned long)tid << 3 | 6);
}

uint64_t pando_cpu_clock_of_thread_ns(int tid)
{
    struct timespec now;
    if (pando_raw_syscall4(SYS_clock_gettime, thread_clock(tid), (long)&now, 0, 0) != 0)
        return 0;
    return (uint64_t)now.tv_sec * NS_IN_S + (uint64_t)now.tv_nsec;
}

/* Uniform in [1, limit_ns]; good enough to spread first expiries (splitmix64 of time and thread). */
static uint64_t random_part_ns(int tid, uint64_t limit_ns)
{
    uint64_t x = pando_clock_mono_ns() + (uint64_t)tid * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return 1 + x % limit_ns;
}

static inline struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_IN_S), .tv_nsec = (long)(ns % NS_IN_S)};
}

static inline long set(const struct pando_cpu_timer *timer, uint64_t first_ns, uint64_t then_each_ns)
{
    struct itimerspec when = {.it_interval = timespec_of(then_each_ns), .it_value = timespec_of(first_ns)};
    return pando_raw_syscall4(SYS_timer_settime, timer->number, 0, (long)&when, 0);
}

static void delete(struct pando_cpu_timer *timer)
{
    if (pando_raw_syscall4(SYS_timer_delete, timer->number, 0, 0, 0) == 0)
        atomic_fetch_sub_explicit(&timers_used, 1, memory_order_relaxed);
    timer->number = -1;
}

int pando_cpu_clock_start(int tid, uint64_t cookie, struct pando_cpu_timer *timer)
{
    timer->number = -1;
    if (atomic_fetch_add_explicit(&timers_used, 1, memory_order_relaxed) >=
        atomic_load_explicit(&timers_max, memory_order_relaxed)) {
        atomic_fetch_sub_explicit(&timers_used, 1, memory_order_relaxed);
        return PANDO_ERR_LIMIT;
    }
    /* glibc hides the kernel's field for the thread in a union; its position is the kernel's ABI. */
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF,
                             .sigev_value.sival_ptr = (void *)(uintptr_t)cookie};
    event._sigev_un._tid = tid;
    int number = -1;
    if (pando_raw_syscall4(SYS_timer_create, thread_clock(tid), (long)&event, (long)&number, 0) != 0) {
        atomic_fetch_sub_explicit(&timers_used, 1, memory_order_relaxed);
        return PANDO_ERR_IO;
    }
    unsigned step = pando_cpu_clock_step();
    uint64_t grid_ns = step * interval_ns, first_ns = random_part_ns(tid, grid_ns);
    timer->number = number;
    timer->first_step = step;
    atomic_store_explicit(&timer->step, step, memory_order_relaxed);
    atomic_store_explicit(&timer->taken, 0, memory_order_relaxed);
    timer->origin_cpu_ns = (int64_t)(pando_cpu_clock_of_thread_ns(tid) + first_ns) - (int64_t)grid_ns;
    if (set(timer, first_ns, grid_ns) != 0) {
        delete(timer);
        return PANDO_ERR_IO;
    }
    return 0;
}

uint64_t pando_cpu_clock_stop(struct pando_cpu_timer *timer, int tid)
{
    if (timer->number < 0)
        return 0;
    delete(timer);
    uint64_t taken = atomic_load_explicit(&timer->taken, memory_order_relaxed);
    int64_t since_ns = (int64_t)(pando_cpu_clock_of_thread_ns(tid) - taken * interval_ns) - timer->origin_cpu_ns;
    return since_ns > 0 ? (uint64_t)since_ns / (timer->first_step * interval_ns) * timer->first_step : 0;
}

/* To the next point of the new grid, which goes on from the last point of the old one; returns the nominal intervals of points
 * that are passed already, because the new grid is finer. */
static uint64_t change_step(struct pando_cpu_timer *timer, unsigned from, unsigned to)
{
    struct itimerspec left;
    if (pando_raw_syscall4(SYS_timer_gettime, timer->number, (long)&left, 0, 0) != 0)
        return 0;
    uint64_t old_ns = from * interval_ns, new_ns = to * interval_ns;
    uint64_t left_ns = (uint64_t)left.it_value.tv_sec * NS_IN_S + (uint64_t)left.it_value.tv_nsec;
    uint64_t since_ns = left_ns < old_ns ? old_ns - left_ns : 0;
    if (set(timer, new_ns - since_ns % new_ns, new_ns) != 0)
        return 0;
    atomic_store_explicit(&timer->step, to, memory_order_relaxed);
    return since_ns / new_ns * to;
}

uint64_t pando_cpu_clock_take(struct pando_cpu_timer *timer, unsigned overruns)
{
    unsigned step = atomic_load_explicit(&timer->step, memory_order_relaxed), wanted = pando_cpu_clock_step();
    uint64_t weight = (uint64_t)step * (1 + (uint64_t)overruns);
    if (__builtin_expect(wanted != step, 0))
        weight += change_step(timer, step, wanted);
    /* One writer: no atomic addition needed. */
    uint64_t taken = atomic_load_explicit(&timer->taken, memory_order_relaxed);
    atomic_store_explicit(&timer->taken, taken + weight, memory_order_relaxed);
    return weight;
}
