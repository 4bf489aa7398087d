/* Why: what the parts of the agent share: one state for the process, and in which phase it is.
 * Context: each member says who writes it. Private to agent/. */
#ifndef PANDO_AGENT_AGENT_H
#define PANDO_AGENT_AGENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "agent/config.h"
#include "exchange/counters.h"
#include "exchange/objects.h"
#include "exchange/ring.h"

enum pando_phase {
    PANDO_PHASE_OFF = 0,
    PANDO_PHASE_STARTING,
    PANDO_PHASE_ACTIVE,     /* signals become samples */
    PANDO_PHASE_STOPPING,
};

struct pando_agent {
    atomic_uint phase;      /* enum pando_phase; start, stop, fork */
    struct pando_config config;
    struct pando_ring *ring;
    void *ring_memory;
    size_t ring_bytes;
    struct pando_objects objects;
    struct pando_counters counters;
    pid_t pid;              /* of the process that this state is of: a bare clone's child is not it */
    uint64_t start_wall_ns, start_mono_ns, start_cpu_ns;
};

extern struct pando_agent pando_agent;

static inline enum pando_phase pando_agent_phase(void)
{
    return (enum pando_phase)atomic_load_explicit(&pando_agent.phase, memory_order_acquire);
}

#endif
