/* Why: `pando report --format json`, for programs.
 * Context: own process. */
#ifndef PANDO_CLI_REPORT_JSON_H
#define PANDO_CLI_REPORT_JSON_H

#include <stdint.h>
#include <stdio.h>

#include "cli/shown.h"
#include "profile/weights.h"
#include "profile/profile.h"

/* {"group","totalNs","samples","profiles","startMs","endMs","counters","top":[{"name","object","selfNs","totalNs",
 * "selfPercent","totalPercent"}],"tree":{"frames":[{"name","object"}],"nodes":{"parent","frame","selfNs"}}}, and "states" with nanoseconds by
 * name where there is wall time: the tree has the form of the receiver's API. Returns 0, PANDO_ERR_NO_MEMORY or PANDO_ERR_IO. */
int pando_report_json_print(FILE *out, const char *group, const struct pando_shown *shown,
                            const struct pando_weights *weights, uint64_t profile_count, uint32_t top_limit);

#endif
