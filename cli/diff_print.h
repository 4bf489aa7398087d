/* Why: what `pando diff` prints: a table for people, Markdown for tickets, JSON for programs.
 * Context: own process. */
#ifndef PANDO_CLI_DIFF_PRINT_H
#define PANDO_CLI_DIFF_PRINT_H

#include <stdio.h>

#include "cli/conditions.h"
#include "profile/compare_write.h"

struct pando_diff {
    struct pando_compare_about about;
    struct pando_compare compare;
    struct pando_condition *conditions;
    uint32_t condition_count;
};

/* The functions that changed, and how many did not; then each condition with what it found. Each returns whether some condition is met,
 * in *ret_is_met, and 0, PANDO_ERR_NO_MEMORY or PANDO_ERR_IO. */
int pando_diff_print_text(FILE *out, const struct pando_diff *diff, bool *ret_is_met);
int pando_diff_print_markdown(FILE *out, const struct pando_diff *diff, bool *ret_is_met);
int pando_diff_print_json(FILE *out, const struct pando_diff *diff, bool *ret_is_met);

#endif
