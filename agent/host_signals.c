/* Why: agent/host_signals.h. Context: as there.
 * The host's action is kept in a row of records of which one is current; a write takes the next one and makes it current, so that
 * a handler that interrupts a write, even on the same thread, reads a whole record and nobody ever waits. */
#include "agent/host_signals.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>

#include <pando.h>

#include "agent/real.h"
#include "base/error.h"
#include "base/raw_syscall.h"

enum { RECORDS = 64, KERNEL_SIGSET_BYTES = 8 };

/* glibc exports these without declaring them for today's programs. */
int __sigaction(int number, const struct sigaction *action, struct sigaction *old_action);
sighandler_t bsd_signal(int number, sighandler_t handler);

static struct sigaction records[RECORDS];
static atomic_uint records_begun, current_record;
static atomic_bool is_installed;

static struct sigaction read_action(void)
{
    for (;;) {
        unsigned number = atomic_load_explicit(&current_record, memory_order_acquire);
        struct sigaction action = records[number % RECORDS];
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&records_begun, memory_order_relaxed) - number < RECORDS)
            return action; /* else it was written over meanwhile */
    }
}

static void write_action(const struct sigaction *action)
{
    unsigned number = atomic_fetch_add_explicit(&records_begun, 1, memory_order_acq_rel) + 1;
    records[number % RECORDS] = *action;
    atomic_store_explicit(&current_record, number, memory_order_release);
}

int pando_host_signals_install(void (*handler)(int number, siginfo_t *info, void *context))
{
    if (atomic_load_explicit(&is_installed, memory_order_acquire))
        return 0;
    /* All signals wait while we are in the handler: a host's handler that jumped out of ours would leave a record half-way.
     * SA_ONSTACK: threads with small stacks (Go's, coroutines) have an alternate one for this purpose. */
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK}, old;
    action.sa_sigaction = handler;
    /* Not sigfillset, which leaves out libc's own two: a thread that is cancelled in the middle of its handler would leave a record
     * half-way, and the ring would wait for it for ever. */
    memset(&action.sa_mask, 0xff, sizeof action.sa_mask);
    if (pando_real()->sigaction == NULL || pando_real()->sigaction(SIGPROF, NULL, &old) != 0)
        return PANDO_ERR_IO;
    write_action(&old);
    atomic_store_explicit(&is_installed, true, memory_order_release);
    if (pando_real()->sigaction(SIGPROF, &action, NULL) == 0)
        return 0;
    atomic_store_explicit(&is_installed, false, memory_order_release);
    return PANDO_ERR_IO;
}

/* The host has left SIGPROF at its default, which ends the process: so be it. */
static void die_of(int number)
{
    /* The kernel's form: handler, flags, restorer, mask. */
    const unsigned long action[4] = {0};
    pando_raw_syscall4(SYS_rt_sigaction, number, (long)action, 0, KERNEL_SIGSET_BYTES);
    pando_raw_syscall4(SYS_tgkill, pando_raw_syscall4(SYS_getpid, 0, 0, 0, 0), pando_raw_gettid(), number, 0);
    /* It is blocked now, and comes as soon as this handler returns. */
}

void pando_host_signals_foreign(int number, siginfo_t *info, void *context)
{
    struct sigaction action = read_action();
    bool wants_info = (action.sa_flags & SA_SIGINFO) != 0;
    if (!wants_info && action.sa_handler == SIG_IGN)
        return;
    if (!wants_info && action.sa_handler == SIG_DFL) {
        die_of(number);
        return;
    }
    if ((action.sa_flags & (int)SA_RESETHAND) != 0) {
        static const struct sigaction reset = {.sa_handler = SIG_DFL}; /* static: the stack is short */
        write_action(&reset);
    }
    /* The mask that the kernel would have set for the host's handler; sigreturn restores the old one. */
    ucontext_t *interrupted = context;
    unsigned long mask = interrupted->uc_sigmask.__val[0] | action.sa_mask.__val[0];
    if ((action.sa_flags & (int)SA_NODEFER) == 0)
        mask |= 1ul << (number - 1);
    pando_raw_syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, KERNEL_SIGSET_BYTES);
    if (wants_info)
        action.sa_sigaction(number, info, context);
    else
        action.sa_handler(number);
}

static bool is_ours(int number)
{
    return number == SIGPROF && atomic_load_explicit(&is_installed, memory_order_acquire);
}

PANDO_API int sigaction(int number, const struct sigaction *action, struct sigaction *old_action)
{
    if (!is_ours(number))
        return pando_real()->sigaction(number, action, old_action);
    struct sigaction old = read_action();
    if (action != NULL)
        write_action(action);
    if (old_action != NULL)
        *old_action = old;
    return 0;
}

PANDO_API int __sigaction(int number, const struct sigaction *action, struct sigaction *old_action)
{
    return sigaction(number, action, old_action);
}

/* The older functions are all sigaction with other flags; glibc's own would call glibc's sigaction past ours. */
static sighandler_t set_simple(int number, sighandler_t handler, int flags, bool blocks_itself)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;
    if (handler == SIG_ERR || number < 1 || number >= NSIG) {
        errno = EINVAL;
        return SIG_ERR;
    }
    sigemptyset(&action.sa_mask);
    if (blocks_itself)
        sigaddset(&action.sa_mask, number);
    if (sigaction(number, &action, &old) != 0)
        return SIG_ERR;
    return old.sa_handler;
}

/* Which signals siginterrupt has set to interrupt; only ours matters, glibc keeps the others. */
static atomic_bool interrupts;

PANDO_API sighandler_t signal(int number, sighandler_t handler)
{
    if (!is_ours(number))
        return pando_real()->signal(number, handler);
    return set_simple(number, handler, atomic_load(&interrupts) ? 0 : SA_RESTART, true);
}

PANDO_API sighandler_t bsd_signal(int number, sighandler_t handler)
{
    return signal(number, handler);
}

PANDO_API sighandler_t ssignal(int number, sighandler_t handler)
{
    return signal(number, handler);
}

PANDO_API sighandler_t sysv_signal(int number, sighandler_t handler)
{
    if (!is_ours(number))
        return pando_real()->sysv_signal(number, handler);
    return set_simple(number, handler, (int)(SA_RESETHAND | SA_NODEFER), false);
}

PANDO_API sighandler_t __sysv_signal(int number, sighandler_t handler)
{
    return sysv_signal(number, handler);
}

PANDO_API int siginterrupt(int number, int flag)
{
    if (!is_ours(number))
        return pando_real()->siginterrupt(number, flag);
    atomic_store(&interrupts, flag != 0);
    struct sigaction action = read_action();
    action.sa_flags = flag != 0 ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    write_action(&action);
    return 0;
}

PANDO_API int sigignore(int number)
{
    if (!is_ours(number))
        return pando_real()->sigignore(number);
    return set_simple(number, SIG_IGN, 0, false) == SIG_ERR ? -1 : 0;
}

PANDO_API sighandler_t sigset(int number, sighandler_t disposition)
{
    if (!is_ours(number))
        return pando_real()->sigset(number, disposition);
    sigset_t only, old_mask;
    sigemptyset(&only);
    sigaddset(&only, number);
    sighandler_t old = read_action().sa_handler;
    if (disposition == SIG_HOLD) {
        if (pthread_sigmask(SIG_BLOCK, &only, &old_mask) != 0)
            return SIG_ERR;
    } else {
        if (set_simple(number, disposition, 0, false) == SIG_ERR || pthread_sigmask(SIG_UNBLOCK, &only, &old_mask) != 0)
            return SIG_ERR;
    }
    return sigismember(&old_mask, number) == 1 ? SIG_HOLD : old;
}
