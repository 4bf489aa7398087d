/* Why: what the wall clock keeps of each thread between two looks. Lies in the thread's slot.
 * Context: the wall clock's thread only, but for running_units. Private to agent/. */
#ifndef PANDO_AGENT_WALL_RECORD_H
#define PANDO_AGENT_WALL_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/labels.h"
#include "exchange/sample.h"

struct pando_wall_record {
    atomic_uint running_units;    /* in which the thread was found running: the next signal of its CPU timer takes them */
    unsigned use;                 /* of the slot, at the last look: with another one it is another thread */
    uint32_t tid;
    uint64_t seen_mono_ns;        /* up to then the slot's time is accounted for; 0: never looked at */
    uint64_t remainder;           /* less than a unit, in 1e-9 units */
    /* The sleep in hand: where the thread waits, and for how long the ring has not been told. */
    bool has_stack;
    uint8_t state;                /* enum pando_sample_state */
    uint8_t walk_end, flags;
    uint16_t frame_count;
    uint32_t units;
    uint64_t cpu_ns;              /* the thread's CPU clock: as long as it stands, this is the same sleep */
    struct pando_sample_methods methods;
    struct pando_labels_seen labels; /* that the thread had when it was looked at */
    uint64_t frames[PANDO_SAMPLE_FRAMES_MAX];
};

#endif
