/* Why: agent/pending_signals.h. Context: as there. */
#include "agent/pending_signals.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <time.h>

#include <pando.h>

#include "agent/agent.h"
#include "agent/cpu_clock.h"
#include "agent/real.h"
#include "agent/threads.h"
#include "base/clock.h"
#include "base/raw_syscall.h"

#define SECOND_NS 1000000000ull
#define SIGPROF_BIT (1ul << (SIGPROF - 1))

enum { KERNEL_SIGSET_BYTES = 8, STANDARD_SIGNALS = 31, MANY_SIGNALS = 20 };

void pando_pending_signals_hold(sigset_t *ret_mask)
{
    const unsigned long only = SIGPROF_BIT;
    pando_raw_syscall4(SYS_rt_sigprocmask, SIG_BLOCK, (long)&only, (long)ret_mask, KERNEL_SIGSET_BYTES);
}

void pando_pending_signals_release(const sigset_t *mask)
{
    pando_raw_syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)mask, 0, KERNEL_SIGSET_BYTES);
}

static bool is_ours(int number, const siginfo_t *info)
{
    return number == SIGPROF && info->si_code == SI_TIMER &&
           pando_thread_is_cookie((uint64_t)(uintptr_t)info->si_value.sival_ptr);
}

static void count_taken(const siginfo_t *info)
{
    pando_count(&pando_agent.counters, PANDO_COUNT_SIGNALS);
    pando_count(&pando_agent.counters, PANDO_COUNT_DROPPED_TAKEN);
    if (info->si_overrun > 0)
        pando_count_add(&pando_agent.counters, PANDO_COUNT_OVERRUNS, (uint64_t)info->si_overrun);
}

void pando_pending_signals_discard(void)
{
    const unsigned long only = SIGPROF_BIT;
    const struct timespec none = {0};
    siginfo_t info;
    /* One of ours may hide behind one of the host's, and comes to light when that one is taken: then its asker skips it. */
    while (pando_raw_syscall4(SYS_rt_sigtimedwait, (long)&only, (long)&info, (long)&none, KERNEL_SIGSET_BYTES) == SIGPROF) {
        if (is_ours(SIGPROF, &info)) {
            count_taken(&info);
            continue;
        }
        pando_raw_syscall4(SYS_rt_tgsigqueueinfo, pando_raw_syscall4(SYS_getpid, 0, 0, 0, 0), pando_raw_gettid(), SIGPROF,
                           (long)&info);
        return;
    }
}

static void discard_if_blocked(void)
{
    unsigned long mask = 0;
    pando_raw_syscall4(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&mask, KERNEL_SIGSET_BYTES);
    if ((mask & SIGPROF_BIT) != 0)
        pando_pending_signals_discard();
}

PANDO_API int sigtimedwait(const sigset_t *set, siginfo_t *ret_info, const struct timespec *timeout)
{
    if (sigismember(set, SIGPROF) != 1)
        return pando_real()->sigtimedwait(set, ret_info, timeout);
    struct timespec left = {0};
    uint64_t deadline_ns = 0;
    if (timeout != NULL) {
        left = *timeout;
        deadline_ns = pando_clock_mono_ns() + (uint64_t)left.tv_sec * SECOND_NS + (uint64_t)left.tv_nsec;
    }
    for (;;) {
        siginfo_t info;
        int number = pando_real()->sigtimedwait(set, &info, timeout != NULL ? &left : NULL);
        if (number < 0 || !is_ours(number, &info)) {
            if (number >= 0 && ret_info != NULL)
                *ret_info = info;
            /* The kernel drops a signal to a thread in which one of that number waits already: ours must not be in the way. */
            if (number == SIGPROF && pando_agent_phase() == PANDO_PHASE_ACTIVE)
                discard_if_blocked();
            return number;
        }
        count_taken(&info);
        if (timeout != NULL) {
            uint64_t now_ns = pando_clock_mono_ns();
            uint64_t left_ns = now_ns < deadline_ns ? deadline_ns - now_ns : 0;
            left = (struct timespec){.tv_sec = (time_t)(left_ns / SECOND_NS), .tv_nsec = (long)(left_ns % SECOND_NS)};
        }
    }
}

PANDO_API int sigwaitinfo(const sigset_t *set, siginfo_t *ret_info)
{
    return sigtimedwait(set, ret_info, NULL);
}

PANDO_API int sigwait(const sigset_t *set, int *ret_number)
{
    int reason = errno, number;
    do {
        number = sigtimedwait(set, NULL, NULL);
    } while (number < 0 && errno == EINTR);
    int error = number < 0 ? errno : 0;
    errno = reason;
    if (error == 0)
        *ret_number = number;
    return error;
}

PANDO_API int sigpending(sigset_t *ret_set)
{
    int result = pando_real()->sigpending(ret_set);
    if (result != 0 || sigismember(ret_set, SIGPROF) != 1)
        return result;
    pando_pending_signals_discard();
    return pando_real()->sigpending(ret_set);
}

/* What becomes readable there cannot be sorted out. A host that takes all signals this way does not mean SIGPROF, and has it left
 * out; one that names it keeps it, and Pando goes. */
PANDO_API int signalfd(int fd, const sigset_t *set, int flags)
{
    if (sigismember(set, SIGPROF) != 1 || pando_agent_phase() != PANDO_PHASE_ACTIVE)
        return pando_real()->signalfd(fd, set, flags);
    if (__builtin_popcountl(set->__val[0] & ((1ul << STANDARD_SIGNALS) - 1)) < MANY_SIGNALS) {
        pando_cpu_clock_refuse();
        pando_threads_leave_all();
        pando_pending_signals_discard();
        return pando_real()->signalfd(fd, set, flags);
    }
    sigset_t others = *set;
    sigdelset(&others, SIGPROF);
    return pando_real()->signalfd(fd, &others, flags);
}
