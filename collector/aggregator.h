/* Why: takes samples out of the ring and folds them into the call tree of the current interval; at the interval's end makes the
 * tree an immutable profile with names.
 * Context: worker; one thread, the agent's. Never touches a sampled thread, never takes the loader's lock. */
#ifndef PANDO_COLLECTOR_AGGREGATOR_H
#define PANDO_COLLECTOR_AGGREGATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange/counters.h"
#include "exchange/labels.h"
#include "exchange/objects.h"
#include "exchange/ring.h"
#include "profile/profile.h"

struct pando_aggregator;

struct pando_aggregator_config {
    struct pando_ring *ring;
    struct pando_objects *objects;
    struct pando_counters *counters;
    size_t tree_limit_bytes;      /* of the call tree of addresses; 0: 10 MiB */
    size_t symbols_limit_bytes;   /* of symbol tables; 0: 32 MiB */
    size_t rows_limit_bytes;      /* of all row tables; 0: 64 MiB */
    uint32_t depth_max;           /* frames of a stack that are kept; 0: 1000 */
    size_t lines_limit_bytes;     /* of debug information, to find lines and inlined functions; 0: none are looked for */
    uint32_t budget_percent;      /* of the process's CPU time, of which finding lines takes half at most */
    bool asks_debuginfod;         /* debug files that are not here are fetched */
    bool has_wall_time;           /* samples of wall time come, too: CPU time is named as such */
    bool has_slices;              /* whose each sample is becomes part of the tree */
    bool slices_by_thread;        /* threads of one name are told apart */
    const struct pando_label_sets *label_sets; /* NULL: samples have no labels */
    const struct pando_label_set *labels;      /* of all threads; NULL: none */
    const char *maps_path;        /* NULL: /proc/thread-self/maps. For tests */
};

/* NULL: no memory. All pointers in the configuration outlive it. */
struct pando_aggregator *pando_aggregator_new(const struct pando_aggregator_config *config);
void pando_aggregator_free(struct pando_aggregator *aggregator);

/* What becomes of a record that was taken: it is folded (SAMPLES_FOLDED, and one of the STACKS_* that tell how its walk ended),
 * or it does not fit even into an empty tree (DROPPED_TREE_FULL). One whose words make no sense is folded as a stack without
 * frames. The sum of self in the profiles is the sum of the weights of the records folded, exactly.
 *
 * One turn: refreshes the code map when it may be old, takes at most `records_max` records, folds them, builds rows that were
 * asked for, frees what no handler reads any more. *ret_taken: records taken. Returns 0, or PANDO_ERR_LIMIT when the tree is
 * full, or memory for it is refused: seal, then call again (the record that did not fit is kept and goes into the next interval). */
int pando_aggregator_turn(struct pando_aggregator *aggregator, uint32_t records_max, uint32_t *ret_taken);

/* From the next record on; as in the configuration. */
void pando_aggregator_set_depth(struct pando_aggregator *aggregator, uint32_t depth_max);

/* Ends threads that were started for it; they start again when they are needed. */
void pando_aggregator_rest(struct pando_aggregator *aggregator);

/* Stacks folded since the last seal (unweighted). */
uint64_t pando_aggregator_samples(const struct pando_aggregator *aggregator);

/* Ends the interval: the tree with names as an immutable profile (the caller's to free), and an empty tree for the next one.
 * Of the profile's meta it fills in samples, counter_name ("WALL_TIME") and the counters of `counters` (their increase since
 * the last seal, those that are zero left out); the caller fills `fill_meta` (called before the profile is finished, with the
 * builder for strings). NULL when there were no samples, or there is no memory (then the samples stay in the tree). */
struct pando_profile *pando_aggregator_seal(struct pando_aggregator *aggregator,
                                            void (*fill_meta)(void *context, struct pando_profile_builder *builder),
                                            void *context);

#endif
