/* Why: what the host says about a thread (include/pando.h: labels, a trace's and a span's id), where the handler and the wall clock
 * find it.
 * Context: each function says. A thread's own copy is thread-local, in the block that the loader reserves, so it costs no allocation
 * and is there before Pando starts; its slot has another, for those who look at the thread from outside. */
#ifndef PANDO_AGENT_LABELS_H
#define PANDO_AGENT_LABELS_H

#include <stdatomic.h>
#include <stdbool.h>
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
/* The calling thread's. Handler. */
void pando_labels_of_self(struct pando_labels_seen *ret_seen);
/* Those that the slot's thread has shown last. Any thread; torn when it is just changing them. */
void pando_labels_of_slot(const struct pando_thread_slot *slot, struct pando_labels_seen *ret_seen);
/* Setup of a use of the slot. */
void pando_labels_forget(struct pando_thread_slot *slot);

#endif
