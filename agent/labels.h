/* Why: what the host says about a thread (include/pando.h: labels, a trace's and a span's id), where the handler and the wall clock
 * find it.
 * Context: each function says. A thread's own copy is thread-local, in the block that the loader reserves, so it costs no allocation
 * and is there before Pando starts; its slot has another, for those who look at the thread from outside. */
#ifndef PANDO_AGENT_LABELS_H
#define PANDO_AGENT_LABELS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange/labels.h"
#include "exchange/sample.h"

struct pando_thread_slot;

/* Of a thread, at a moment. */
struct pando_labels_seen {
    uint16_t set;
    bool is_traced;
    uint64_t trace[PANDO_SAMPLE_TRACE_WORDS];
};

enum { PANDO_LABELS_BUFFERS = 4 };

/* The calling thread's own, for the handler to read without a call. Only labels.c writes. */
struct pando_labels_own {
    atomic_uint set;
    atomic_uchar buffer;       /* number + 1 of the current trace's; 0: none */
    atomic_uchar next_buffer;
    uint16_t lost_from;        /* set == LEFT_OUT: the set before */
    uint32_t lost_key;         /* hash of the one label that makes the difference; 0: there are several */
    unsigned generation;       /* of the slot's use */
    struct pando_thread_slot *slot; /* NULL: none yet */
    uint64_t traces[PANDO_LABELS_BUFFERS][PANDO_SAMPLE_TRACE_WORDS];
};
extern __thread struct pando_labels_own pando_labels_own __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* In a slot. */
struct pando_labels_shown {
    atomic_uint set;
    atomic_bool is_traced;
    atomic_ullong trace[PANDO_SAMPLE_TRACE_WORDS];
};

/* All sets of the process, for the worker. */
extern struct pando_label_sets pando_label_sets;

/* The calling thread has this slot, in this use, from now on: its labels are shown there. Handler, or the thread itself. */
void pando_labels_meet(struct pando_thread_slot *slot, unsigned use);
/* The calling thread's set, and the three words of its trace, or NULL. Handler. */
static inline uint16_t pando_labels_own_set(void)
{
    return (uint16_t)atomic_load_explicit(&pando_labels_own.set, memory_order_relaxed);
}

static inline const uint64_t *pando_labels_own_trace(void)
{
    unsigned buffer = atomic_load_explicit(&pando_labels_own.buffer, memory_order_relaxed);
    return buffer != 0 ? pando_labels_own.traces[buffer - 1] : NULL;
}
/* Those that the slot's thread has shown last. Any thread; torn when it is just changing them. */
void pando_labels_of_slot(const struct pando_thread_slot *slot, struct pando_labels_seen *ret_seen);
/* Setup of a use of the slot. */
void pando_labels_forget(struct pando_thread_slot *slot);

#endif
