/* Why: agent/orders.h. Context: the agent's thread; `are_to_pause` any. */
#include "agent/orders.h"

#include "agent/agent.h"
#include "agent/cpu_clock.h"
#include "agent/threads.h"
#include "agent/wall_thread.h"
#include "base/log.h"

static struct pando_door_orders orders;
static atomic_bool is_users; /* the user wants a pause */
static atomic_bool has_paused; /* and so the threads have no timers */

struct pando_door_orders *pando_orders(void)
{
    return &orders;
}

void pando_orders_set_user_pause(bool is_wanted)
{
    atomic_store(&is_users, is_wanted);
}

bool pando_orders_has_user_pause(void)
{
    return atomic_load(&is_users);
}

bool pando_orders_are_to_pause(void)
{
    return atomic_load_explicit(&has_paused, memory_order_acquire);
}

static void begin_pause(void)
{
    /* Before the timers go: a thread that begins meanwhile must not get one. */
    atomic_store_explicit(&has_paused, true, memory_order_release);
    pando_wall_thread_pause();
    pando_threads_hold_all();
}

static void end_pause(void)
{
    atomic_store_explicit(&has_paused, false, memory_order_release);
    pando_wall_thread_go_on();
    pando_threads_go_on_all();
}

bool pando_orders_obey(void)
{
    uint64_t interval_ms = atomic_load_explicit(&orders.sampling_interval_ms, memory_order_relaxed);
    pando_cpu_clock_set_least_step((unsigned)(interval_ms * pando_agent.config.door.rate_hz / 1000));
    bool is_services = atomic_load_explicit(&orders.is_paused, memory_order_acquire);
    bool is_to_pause = is_services || pando_orders_has_user_pause();
    if (is_to_pause == pando_orders_are_to_pause()) {
        if (is_to_pause)
            pando_threads_hold_all(); /* one that was about to begin when the pause did */
        return false;
    }
    if (is_to_pause)
        begin_pause();
    else
        end_pause();
    pando_log(PANDO_LOG_INFO, !is_to_pause ? "sampling goes on." : is_services ? "the service wants no profiles; sampling pauses."
                                                                              : "sampling pauses.");
    return !is_to_pause;
}

void pando_orders_after_fork(void)
{
    atomic_store(&orders.is_paused, false);
    atomic_store(&orders.sampling_interval_ms, 0);
    atomic_store(&has_paused, pando_orders_has_user_pause());
    pando_cpu_clock_set_least_step(1);
}

void pando_orders_forget(void)
{
    pando_orders_set_user_pause(false);
    pando_orders_after_fork();
}
