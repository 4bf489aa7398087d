/* Why: agent/alternate_stack.h. Context: as there. The kernel is asked each time what the thread has: a return from a signal
 * restores what was set when it came, so a note of ours could be wrong. */
#include "agent/alternate_stack.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <pando.h>

#include "agent/agent.h"
#include "agent/pending_signals.h"
#include "agent/thread_exit.h"
#include "agent/threads.h"
#include "base/raw_syscall.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13: a guard that is no mapping of its own; of those a process has only 65,530 */
#endif

/* The kernel's part where it does not tell (before 5.14): AVX-512 and a little; and the handler's own, under 512 bytes, with the
 * probe's system call and what the compiler may add one day. */
enum { KERNEL_PART_BYTES = 3584, OWN_PART_BYTES = 1024 };

static size_t needed_bytes = KERNEL_PART_BYTES + OWN_PART_BYTES;

void pando_alternate_stack_setup(void)
{
    unsigned long kernel_part = getauxval(AT_MINSIGSTKSZ);
    if (kernel_part != 0)
        needed_bytes = kernel_part + OWN_PART_BYTES;
}

static long set_stack(const stack_t *stack, stack_t *old)
{
    return pando_raw_syscall4(SYS_sigaltstack, (long)stack, (long)old, 0, 0);
}

static bool is_ours(const stack_t *stack)
{
    return (stack->ss_flags & SS_DISABLE) == 0 && pando_threads_has_alternate((uint64_t)(uintptr_t)stack->ss_sp);
}

static bool is_too_small(const stack_t *stack)
{
    return (stack->ss_flags & SS_DISABLE) == 0 && !is_ours(stack) && stack->ss_size < needed_bytes;
}

/* Gives the calling thread, which has none, the slot's. */
static void install(struct pando_thread_slot *slot)
{
    char *area = pando_threads_alternate(slot);
    if (!slot->has_guard && pando_raw_syscall4(SYS_madvise, (long)area, PANDO_ALTERNATE_GUARD_BYTES, MADV_GUARD_INSTALL, 0) != 0)
        pando_raw_syscall4(SYS_mprotect, (long)area, PANDO_ALTERNATE_GUARD_BYTES, PROT_NONE, 0);
    slot->has_guard = true;
    atomic_store(&slot->alternate_tid, pando_raw_gettid());
    const stack_t own = {.ss_sp = area + PANDO_ALTERNATE_GUARD_BYTES,
                         .ss_size = PANDO_ALTERNATE_AREA_BYTES - PANDO_ALTERNATE_GUARD_BYTES};
    if (set_stack(&own, NULL) != 0)
        atomic_store(&slot->alternate_tid, 0);
}

bool pando_alternate_stack_enter(struct pando_thread_slot *slot)
{
    stack_t now;
    if (set_stack(NULL, &now) != 0)
        return true;
    if ((now.ss_flags & SS_DISABLE) != 0)
        install(slot);
    return !is_too_small(&now);
}

void pando_alternate_stack_leave(struct pando_thread_slot *slot)
{
    if (atomic_load(&slot->alternate_tid) != pando_raw_gettid())
        return;
    const stack_t none = {.ss_flags = SS_DISABLE};
    stack_t now;
    if (set_stack(NULL, &now) == 0 && is_ours(&now) && set_stack(&none, NULL) != 0)
        return; /* it ends on it: nobody else gets it while the thread is there */
    atomic_store(&slot->alternate_tid, 0);
}

bool pando_alternate_stack_is_in_use(struct pando_thread_slot *slot)
{
    int user = atomic_load(&slot->alternate_tid);
    if (user == 0)
        return false;
    if (pando_raw_syscall4(SYS_tgkill, pando_raw_syscall4(SYS_getpid, 0, 0, 0, 0), user, 0, 0) == 0)
        return true;
    atomic_store(&slot->alternate_tid, 0);
    return false;
}

/* What the host would see if it were alone. */
static void tell(const stack_t *stack, stack_t *ret_told)
{
    *ret_told = is_ours(stack) ? (stack_t){.ss_flags = SS_DISABLE} : *stack;
}

static int change(const stack_t *stack, struct pando_thread_slot *slot)
{
    bool becomes_small = slot != NULL && is_too_small(stack);
    sigset_t mask;
    if (becomes_small) {
        /* From the call below on a signal of ours would kill the thread: none may be under way. */
        pando_pending_signals_hold(&mask);
        pando_threads_pause(slot);
        pando_pending_signals_discard();
    }
    long error = set_stack(stack, NULL);
    stack_t now;
    if (slot != NULL && set_stack(NULL, &now) == 0) {
        if ((now.ss_flags & SS_DISABLE) != 0 && pando_agent_phase() == PANDO_PHASE_ACTIVE)
            install(slot);
        if (!is_too_small(&now))
            pando_threads_go_on(slot);
    }
    if (becomes_small)
        pando_pending_signals_release(&mask);
    return (int)error;
}

PANDO_API int sigaltstack(const stack_t *stack, stack_t *old_stack)
{
    struct pando_thread_slot *slot = pando_thread_exit_watched();
    stack_t old, told, wanted;
    long error = set_stack(NULL, &old);
    if (error == 0) {
        tell(&old, &told);
        if (stack != NULL) {
            wanted = *stack; /* may be the same memory as old_stack */
            error = change(&wanted, slot);
        }
    }
    if (error != 0) {
        errno = (int)-error;
        return -1;
    }
    if (old_stack != NULL)
        *old_stack = told;
    return 0;
}
