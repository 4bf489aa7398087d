/* Why: what `run` and `report` print: the table of the hottest functions, and the tree.
 * Context: own process. */
#ifndef PANDO_CLI_TOP_TABLE_H
#define PANDO_CLI_TOP_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "profile/weights.h"
#include "profile/profile.h"

enum { PANDO_TOP_TABLE_MAX = 10000 };

/* The table of the `limit` hottest functions. The profile's weights are nanoseconds of `clock` ("CPU time"). Returns 0 or
 * PANDO_ERR_NO_MEMORY. */
int pando_top_table_print(FILE *out, const struct pando_profile *profile, const struct pando_weights *weights,
                          const char *clock, uint32_t limit);
/* The call tree, hottest branch first, without the branches under `min_percent` of all. 0 or PANDO_ERR_NO_MEMORY. */
int pando_tree_print(FILE *out, const struct pando_profile *profile, const struct pando_weights *weights,
                     double min_percent);
double pando_percent(uint64_t part, uint64_t whole);

#endif
