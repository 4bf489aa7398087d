/* Why: finds the libpando.so that belongs to this `pando`.
 * Context: own process. */
#ifndef PANDO_CLI_AGENT_LIBRARY_H
#define PANDO_CLI_AGENT_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* Writes the absolute path: $PANDO_LIBRARY, or where the build or an installation puts it relative to this program. Complains
 * in one sentence and returns false when it is not there, or LD_PRELOAD could not hold its path (blank or colon in it). */
bool pando_agent_library_find(char *path, size_t path_bytes);

#endif
