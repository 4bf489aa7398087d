/* Why: a thread may be known without being sampled: its alternate stack is too small for a signal, or everybody pauses. Part of
 * agent/threads.h. Context: as there. A slot whose state is TAKEN is in the hands of whoever took it; its own thread waits then. */
#include "agent/agent.h"
#include "agent/attached.h"
#include "agent/cpu_clock.h"
#include "agent/orders.h"
#include "agent/threads.h"
#include "agent/unsampled.h"
#include "base/raw_syscall.h"

enum { TAKE_TRIES = 100000 }; /* of a system call: the agent's thread may have lost its processor meanwhile */

/* Takes a slot from one state, so that nobody else ends its use meanwhile. */
static bool take(struct pando_thread_slot *slot, enum pando_thread_state from)
{
    unsigned use = pando_thread_use(slot), taken = (use & ~(unsigned)PANDO_THREAD_STATE_MASK) | PANDO_THREAD_TAKEN;
    return pando_thread_state(use) == from &&
           atomic_compare_exchange_strong_explicit(&slot->use, &use, taken, memory_order_acq_rel, memory_order_relaxed);
}

/* The same for the slot of the calling thread, which waits while the agent's thread holds it or lets it go on. */
static bool take_own(struct pando_thread_slot *slot, enum pando_thread_state from)
{
    for (int tries = 0; tries < TAKE_TRIES && slot->tid == pando_raw_gettid(); tries++) {
        if (take(slot, from))
            return true;
        if (pando_thread_state(pando_thread_use(slot)) != PANDO_THREAD_TAKEN)
            return false;
        pando_raw_syscall4(SYS_sched_yield, 0, 0, 0, 0);
    }
    return false;
}

void pando_threads_leave_own(struct pando_thread_slot *slot)
{
    for (int tries = 0; tries < TAKE_TRIES && slot->tid == pando_raw_gettid(); tries++) {
        unsigned use = pando_thread_use(slot);
        if (pando_thread_state(use) == PANDO_THREAD_FREE)
            return;
        if (pando_thread_state(use) == PANDO_THREAD_TAKEN)
            pando_raw_syscall4(SYS_sched_yield, 0, 0, 0, 0);
        else
            pando_threads_leave(slot, use);
    }
}

void pando_threads_pause(struct pando_thread_slot *slot)
{
    if (take_own(slot, PANDO_THREAD_SAMPLED)) {
        pando_count(&pando_agent.counters, PANDO_COUNT_THREADS_SMALL_ALTSTACK);
        pando_unsampled_account(slot, pando_cpu_clock_stop(&slot->timer, slot->tid));
    } else if (!take_own(slot, PANDO_THREAD_UNSAMPLED)) {
        return;
    }
    slot->is_held = false; /* the end of a pause of all is not the end of this one */
    pando_thread_set_state(slot, PANDO_THREAD_UNSAMPLED);
}

void pando_threads_go_on(struct pando_thread_slot *slot)
{
    if (pando_thread_state(pando_thread_use(slot)) != PANDO_THREAD_UNSAMPLED || pando_agent_phase() != PANDO_PHASE_ACTIVE ||
        !take_own(slot, PANDO_THREAD_UNSAMPLED))
        return;
    slot->is_held = pando_orders_are_to_pause();
    pando_thread_set_state(slot, slot->is_held ? PANDO_THREAD_UNSAMPLED : PANDO_THREAD_SAMPLED);
    if (slot->is_held)
        return;
    if (pando_cpu_clock_start(slot->tid, pando_thread_cookie(pando_thread_use(slot), slot->number), &slot->timer) != 0)
        pando_thread_set_state(slot, PANDO_THREAD_UNSAMPLED);
    else if (pando_agent_phase() != PANDO_PHASE_ACTIVE) /* it stopped meanwhile, and may have passed us by */
        pando_threads_leave(slot, pando_thread_use(slot));
}

void pando_threads_hold_all(void)
{
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        if (slot == NULL || !take(slot, PANDO_THREAD_SAMPLED))
            continue;
        pando_unsampled_account(slot, pando_cpu_clock_stop(&slot->timer, slot->tid));
        slot->is_held = true;
        pando_thread_set_state(slot, PANDO_THREAD_UNSAMPLED);
    }
}

/* Of a slot that has been taken. In a new generation: a signal of an old timer that is still on its way is stale. */
static void go_on_other(struct pando_thread_slot *slot)
{
    unsigned use = (pando_thread_generation(pando_thread_use(slot)) + 1) << PANDO_THREAD_STATE_BITS | PANDO_THREAD_TAKEN;
    slot->is_held = false;
    atomic_store_explicit(&slot->use, use, memory_order_release);
    int error = pando_cpu_clock_start(slot->tid, pando_thread_cookie(use, slot->number), &slot->timer);
    if (error != 0)
        pando_count(&pando_agent.counters, PANDO_COUNT_THREADS_NO_TIMER);
    pando_thread_set_state(slot, error == 0 ? PANDO_THREAD_SAMPLED : PANDO_THREAD_UNSAMPLED);
}

void pando_threads_go_on_all(void)
{
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        if (slot == NULL || !take(slot, PANDO_THREAD_UNSAMPLED))
            continue;
        if (slot->is_held)
            go_on_other(slot);
        else
            pando_thread_set_state(slot, PANDO_THREAD_UNSAMPLED);
    }
}

void pando_threads_look_at_mask(struct pando_thread_slot *slot)
{
    if (!slot->is_refused || pando_orders_are_to_pause() || !take(slot, PANDO_THREAD_UNSAMPLED))
        return;
    slot->is_refused = pando_attached_blocks_sigprof(slot->tid);
    if (slot->is_refused)
        pando_thread_set_state(slot, PANDO_THREAD_UNSAMPLED);
    else
        go_on_other(slot);
}
