/* Why: keeps the handler's list of executable code (exchange/objects.h) in step with /proc/self/maps, and has the rows of an
 * object built when a handler met its code: late, so that a short process pays nothing, and only for what runs.
 * Context: worker; one thread. */
#ifndef PANDO_COLLECTOR_CODE_MAP_H
#define PANDO_COLLECTOR_CODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange/counters.h"
#include "exchange/objects.h"

struct pando_code_map;

/* `rows_limit_bytes` bounds all tables together (least recently wanted ones are not replaced: what does not fit has no rows, and
 * is counted). NULL: no memory. `objects` must outlive every handler. */
struct pando_code_map *pando_code_map_new(struct pando_objects *objects, struct pando_counters *counters,
                                          size_t rows_limit_bytes);
/* Frees all but what handlers may still read: that is left behind on purpose when they do not leave. */
void pando_code_map_free(struct pando_code_map *map);

/* True when a handler met unknown code, or an unload was counted since the list was made. */
bool pando_code_map_is_stale(const struct pando_code_map *map);
/* Takes over a text in the form of /proc/self/maps and publishes a new list if it differs. `unloads` is pando_objects.unloads as
 * read before the text was. 0, PANDO_ERR_SYNTAX, PANDO_ERR_NO_MEMORY, PANDO_ERR_LIMIT (some left out). */
int pando_code_map_update(struct pando_code_map *map, const char *maps, size_t len_bytes, uint32_t unloads);
/* Builds the tables that handlers asked for, publishes them. Returns how many objects got their answer. */
uint32_t pando_code_map_build_wanted(struct pando_code_map *map);
/* Has the rows of the code at `address` built now, asked for or not (used to finish RAW samples). */
void pando_code_map_want(struct pando_code_map *map, uint64_t address);
/* The list that is published now (this thread is the only one that replaces it); NULL before the first update. */
const struct pando_object_list *pando_code_map_list(const struct pando_code_map *map);
/* Frees old lists and tables that no handler can see any more. Called now and then. */
void pando_code_map_reclaim(struct pando_code_map *map);

#endif
