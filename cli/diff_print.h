/* Why: what `pando diff` prints: a table for people, Markdown for tickets, JSON for programs.
 * Context: own process. */
#ifndef PANDO_CLI_DIFF_PRINT_H
#define PANDO_CLI_DIFF_PRINT_H

#include <stdio.h>

#include "cli/conditions.h"

struct pando_diff {
    const char *title_a, *title_b, *clock; /* "CPU time" */
    struct pando_compare compare;
    struct pando_condition *conditions;
    uint32_t condition_count;
    uint32_t top;                          /* rows at most */
};

/* The functions that changed, and how many did not; then each condition with what it found. Each returns whether some condition is met,
 * in *ret_is_met, and 0, PANDO_ERR_NO_MEMORY or PANDO_ERR_IO. */
int pando_diff_print_text(FILE *out, const struct pando_diff *diff, bool *ret_is_met);
int pando_diff_print_markdown(FILE *out, const struct pando_diff *diff, bool *ret_is_met);
int pando_diff_print_json(FILE *out, const struct pando_diff *diff, bool *ret_is_met);

#endif
