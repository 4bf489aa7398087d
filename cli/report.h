/* Why: `run` and `attach` write at their end what `pando report -o FILE` would, whatever variables are set for `report`.
 * Context: own process; blocks. */
#ifndef PANDO_CLI_REPORT_H
#define PANDO_CLI_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/output.h"

/* Writes the profiles of a group from `start_ms` on. False after a complaint. */
bool pando_report_write(const char *url, const char *group, uint64_t start_ms, const struct pando_output *output);

#endif
