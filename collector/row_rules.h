/* Why: asks libunwind what a function's unwind information means, and puts the answer as rules that rows can hold.
 *
 * How: libunwind's generic library interprets the information behind accessors of ours and tells the register states of a
 * function, each with its range (unw_reg_states_iterate), but keeps their form to itself. So each state is applied to a made-up
 * frame in which every register has a value that can be recognised and every word of memory tells that it was read: where the
 * frame address and the registers come out shows the rule. States with an expression are applied to sixteen frames, which differ
 * in the low bits of all registers, and must give the same rule.
 * Context: worker. Private to collector/. */
#ifndef PANDO_COLLECTOR_ROW_RULES_H
#define PANDO_COLLECTOR_ROW_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/unwind_image.h"
#include "exchange/rows.h"

/* `row` without its offset; for PANDO_ROW_EXTRA with `extra`. */
struct pando_rule {
    struct pando_row row;
    struct pando_row_extra extra;
    uint8_t rbx;                /* as in pando_rows.rbx */
    bool not_held;              /* the row is NONE because rows cannot hold the rule */
};

struct pando_row_rules;

/* NULL: no memory, or libunwind refuses. */
struct pando_row_rules *pando_row_rules_new(void);
void pando_row_rules_free(struct pando_row_rules *rules);

/* From here on functions are those of `image`, which stays the caller's. */
void pando_row_rules_use(struct pando_row_rules *rules, const struct pando_unwind_image *image);

/* Tells the rules of the function at `start` whose entry is at `entry` (addresses), in order of the code: on_rule gets ranges
 * of addresses [from, to), and ends it with a negative return value. 0; what on_rule returned; PANDO_ERR_SYNTAX: libunwind
 * refuses the function (rules may have been told before); PANDO_ERR_LIMIT: the image costs more work than a good one can. */
int pando_row_rules_of(struct pando_row_rules *rules, uint64_t start, uint64_t entry,
                       int (*on_rule)(void *context, uint64_t from, uint64_t to, const struct pando_rule *rule), void *context);

#endif
