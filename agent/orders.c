/* Why: agent/orders.h. Context: the agent's thread; `are_to_pause` any. */
#include "agent/orders.h"

#include "agent/agent.h"
#include "agent/cpu_clock.h"
#include "agent/threads.h"
#include "base/log.h"

static struct pando_door_orders orders;
static atomic_bool has_paused; /* and so the threads have no timers */

struct pando_door_orders *pando_orders(void)
{
    return &orders;
}

bool pando_orders_are_to_pause(void)
{
    return atomic_load_explicit(&has_paused, memory_order_acquire);
}

bool pando_orders_obey(void)
{
    uint64_t interval_ms = atomic_load_explicit(&orders.sampling_interval_ms, memory_order_relaxed);
    pando_cpu_clock_set_least_step((unsigned)(interval_ms * pando_agent.config.door.rate_hz / 1000));
    bool is_to_pause = atomic_load_explicit(&orders.is_paused, memory_order_acquire);
    if (is_to_pause == pando_orders_are_to_pause()) {
        if (is_to_pause && atomic_load(&pando_agent.counters.threads_now) != 0)
            pando_threads_leave_all(); /* one that was about to begin when the pause did */
        return false;
    }
    /* Before the timers go: a thread that begins meanwhile must not get one. */
    atomic_store_explicit(&has_paused, is_to_pause, memory_order_release);
    if (is_to_pause)
        pando_threads_leave_all();
    pando_log(PANDO_LOG_INFO, is_to_pause ? "the service wants no profiles; sampling pauses." : "sampling goes on.");
    return !is_to_pause;
}

void pando_orders_forget(void)
{
    atomic_store(&orders.is_paused, false);
    atomic_store(&orders.sampling_interval_ms, 0);
    atomic_store(&has_paused, false);
    pando_cpu_clock_set_least_step(1);
}
