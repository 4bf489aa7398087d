/* Why: times as users write them.
 * Context: own process. Pure. */
#ifndef PANDO_CLI_TIME_TEXT_H
#define PANDO_CLI_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* "90s", "10m", "2h", "7d" as milliseconds. */
bool pando_time_span(const char *text, uint64_t *ret_ms);
/* "2026-01-31T12:00:00Z" (UTC; "2026-01-31" is its midnight), or milliseconds since 1970. */
bool pando_time_point(const char *text, uint64_t *ret_ms);

#endif
