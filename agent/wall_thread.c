/* Why: agent/wall_thread.h. Context: as there. */
#include "agent/wall_thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "agent/agent.h"
#include "agent/agent_thread.h"
#include "agent/orders.h"
#include "agent/own_threads.h"
#include "agent/wall_clock.h"
#include "base/clock.h"
#include "base/futex.h"
#include "base/log.h"

enum { STACK_BYTES = 128 << 10 };

static pthread_t thread;
static bool runs;
static atomic_uint ends;                              /* the word that it sleeps on */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a turn, or a flush */

static void *run(void *unused)
{
    uint64_t used_before_ns = atomic_load_explicit(&pando_agent.counters.wall_clock_ns, memory_order_relaxed);
    prctl(PR_SET_NAME, "pando-wall", 0, 0, 0);
    while (atomic_load_explicit(&ends, memory_order_acquire) == 0) {
        pthread_mutex_lock(&lock);
        uint64_t now = pando_clock_mono_ns(), due = pando_wall_clock_due_mono_ns();
        if (due > now) {
            pthread_mutex_unlock(&lock);
            pando_futex_wait(&ends, 0, due - now);
            continue;
        }
        pando_wall_clock_turn();
        pthread_mutex_unlock(&lock);
        atomic_store_explicit(&pando_agent.counters.wall_clock_ns, used_before_ns + pando_clock_thread_cpu_ns(),
                              memory_order_relaxed);
        if (pando_ring_used_words(pando_agent.ring) != 0)
            pando_agent_thread_notice();
    }
    return unused;
}

void pando_wall_thread_start(void)
{
    if (runs || pando_wall_clock_due_mono_ns() == UINT64_MAX || pando_orders_are_to_pause())
        return;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
        atomic_store(&ends, 0);
        runs = pando_own_thread_create(&thread, &attributes, run, NULL) == 0;
        pthread_attr_destroy(&attributes);
    }
    if (!runs)
        pando_log(PANDO_LOG_WARN, "the system refuses a thread: there is no wall time in the profiles.");
}

void pando_wall_thread_stop(void)
{
    if (!runs)
        return;
    atomic_store_explicit(&ends, 1, memory_order_release);
    pando_futex_wake_all(&ends);
    pthread_join(thread, NULL);
    runs = false;
}

void pando_wall_thread_pause(void)
{
    pando_wall_thread_stop();
    pando_wall_clock_pause();
}

void pando_wall_thread_go_on(void)
{
    pando_wall_clock_setup();
    pando_wall_thread_start();
}

void pando_wall_thread_set_rate(void)
{
    if (!runs)
        return;
    pthread_mutex_lock(&lock);
    pando_wall_clock_set_rate(pando_agent.config.wall_rate_hz);
    pthread_mutex_unlock(&lock);
    pando_futex_wake_all(&ends); /* a wait that begins just now ends at the old time: no later than a look of the old rate */
}

void pando_wall_thread_flush(void)
{
    pthread_mutex_lock(&lock);
    pando_wall_clock_flush();
    pthread_mutex_unlock(&lock);
}

void pando_wall_thread_after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
    runs = false;
    pando_wall_clock_setup();
}
