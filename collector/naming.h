/* Why: finding lines and inlined functions takes time, and an interval's end is no moment to take it: the frames that have come into
 * the tree are looked up ahead, a few at each turn, within a share of the program's CPU time.
 * Context: worker; one owner, the aggregator's thread. docs/symbols.md has the decisions. */
#ifndef PANDO_COLLECTOR_NAMING_H
#define PANDO_COLLECTOR_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/call_tree.h"
#include "symbols/symbols.h"

enum { PANDO_NAMING_BATCH = 1024 };

struct pando_naming {
    struct pando_symbols *symbols;
    uint32_t budget_percent;    /* of the process's CPU time; 0: no lines are looked for */
    uint32_t next_frame;        /* of the tree: those before it have been taken */
    int64_t credit_ns;          /* CPU time that may be used; below 0: was used too much */
    uint64_t process_cpu_ns;    /* at the last look */
    uint64_t waits_since_mono_ns; /* the oldest frame that was not taken; 0: none */
    bool has_refused;           /* some were not looked up: they are tried again when the interval ends */
    uint32_t count, done;       /* of the batch */
    struct pando_symbols_place batch[PANDO_NAMING_BATCH];
};

/* `symbols` outlives it. */
void pando_naming_init(struct pando_naming *naming, struct pando_symbols *symbols, uint32_t budget_percent);
/* Looks up frames of the tree that are new, as far as the budget allows, in batches: opening debug information is what costs. */
void pando_naming_turn(struct pando_naming *naming, const struct pando_call_tree *tree);
/* The interval ends: looks up what is left, as far as the budget allows. Returns how many frames of the interval were not looked up
 * for the budget's or a limit's sake. */
uint64_t pando_naming_finish(struct pando_naming *naming, const struct pando_call_tree *tree);

#endif
