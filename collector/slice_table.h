/* Why: whose sample it is: for each sample, a number that stands for its thread, its labels and its span; at the interval's end, the
 * slice (profile/slices.h) of that number.
 * Context: worker; one owner, the aggregator. Bounded; what does not fit is in one slice for all others, and counted. */
#ifndef PANDO_COLLECTOR_SLICE_TABLE_H
#define PANDO_COLLECTOR_SLICE_TABLE_H

#include <stdint.h>

#include "collector/sample_stack.h"
#include "collector/spans.h"
#include "collector/thread_names.h"
#include "exchange/counters.h"
#include "exchange/labels.h"
#include "profile/slices.h"

enum {
    PANDO_SLICE_TABLE_MAX = 512,   /* different ones in an interval, <other> apart, whose number is 0 */
    /* Threads that had ended before their name was asked for. Each has a number of its own, since the name comes later; in the profile
     * those of one name are one. */
    PANDO_SLICE_TABLE_ENDED_MAX = 7679,
    PANDO_SLICE_TABLE_NUMBERS = 1 + PANDO_SLICE_TABLE_MAX + PANDO_SLICE_TABLE_ENDED_MAX,
    PANDO_SLICE_TABLE_INDEX = 2 * PANDO_SLICE_TABLE_NUMBERS,
};
_Static_assert((PANDO_SLICE_TABLE_INDEX & (PANDO_SLICE_TABLE_INDEX - 1)) == 0, "a hash that goes round goes on at the next place");

struct pando_slice_entry {
    char name[PANDO_THREAD_NAME_BYTES];
    uint32_t tid;                  /* told apart by it, or without a name until its thread tells it; else 0 */
    uint16_t set;
    uint16_t span;                 /* number in spans; 0 none */
    bool is_nameless;
};

struct pando_slice_table {
    bool by_thread;
    struct pando_counters *counters;
    const struct pando_label_sets *label_sets;
    struct pando_label_set common; /* labels of all threads */
    struct pando_thread_names names;
    struct pando_spans spans;
    uint32_t count, ended_count;   /* entries, <other> included; those of them whose thread had ended */
    uint32_t nameless_count;       /* those whose thread has not told its name, and their numbers: */
    uint16_t nameless[PANDO_SLICE_TABLE_ENDED_MAX];
    struct pando_slice_entry entries[PANDO_SLICE_TABLE_NUMBERS];
    uint16_t index[PANDO_SLICE_TABLE_INDEX];
};

/* `table` is zeroed memory. The pointers outlive it. `label_sets` may be NULL: no labels but `common`, which is copied. */
void pando_slice_table_init(struct pando_slice_table *table, bool by_thread, const struct pando_label_sets *label_sets,
                            const struct pando_label_set *common, struct pando_counters *counters);
/* The number of the record's slice. */
uint32_t pando_slice_table_find(struct pando_slice_table *table, const struct pando_sample_owner *owner);
/* A thread that ends has told its name. */
void pando_slice_table_name(struct pando_slice_table *table, uint32_t tid, const char name[PANDO_THREAD_NAME_BYTES]);
/* The slice of a number that was found in this interval. */
void pando_slice_table_get(const struct pando_slice_table *table, uint32_t number, struct pando_slice *ret_slice);
/* Forgets all numbers. */
void pando_slice_table_end_interval(struct pando_slice_table *table);

#endif
