/* Why: what `pando run` says at the end: the hottest functions, how much they stand on, and what was lost.
 * Context: own process. */
#ifndef PANDO_CLI_RUN_SUMMARY_H
#define PANDO_CLI_RUN_SUMMARY_H

#include <stdint.h>

#include "cli/output.h"

struct pando_run_summary {
    const char *url;        /* of the receiver */
    const char *group;
    uint64_t start_ms;      /* of the run: older profiles of the group are not meant */
    uint32_t top;           /* lines of the table; 0: none */
    const char *command;
};

/* Prints to stderr. When no profile came it says so, with the likely reason. */
void pando_run_summary_print(const struct pando_run_summary *summary);
/* Writes the same profile as `pando report -o FILE` would, and says so; nothing without a path. */
void pando_run_report_write(const struct pando_run_summary *summary, const struct pando_output *output);

#endif
