/* Why: code that a runtime makes while it runs is in no file; runtimes that are asked to (node --perf-basic-prof, python -X perf, Java
 * agents) write its functions to /tmp/perf-PID.map, in the form that perf reads: "START SIZE name", hexadecimal.
 * Context: worker and own processes; one owner. Private to symbols/. Anybody may write to /tmp: only a regular file of our own user
 * (or of root) is read, no link is followed, and size and number of functions are bounded. */
#ifndef PANDO_SYMBOLS_PERF_MAP_H
#define PANDO_SYMBOLS_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols/object_file.h"

struct pando_perf_map;

struct pando_perf_map *pando_perf_map_new(size_t limit_bytes);
void pando_perf_map_free(struct pando_perf_map *map);

/* Reads what the process's map file has got since the last time. Cheap when nothing was added. Returns 0; PANDO_ERR_NOT_FOUND: there is
 * none, or none that may be trusted; PANDO_ERR_LIMIT: it is too long, what fits is there; PANDO_ERR_NO_MEMORY, PANDO_ERR_IO. */
int pando_perf_map_update(struct pando_perf_map *map, const struct pando_object_process *process);
/* Takes more of the text (tests and fuzzers; the update uses it). A line that makes no sense is passed over, the last one without its
 * newline waits for the rest. */
int pando_perf_map_add(struct pando_perf_map *map, const char *text, size_t len_bytes);

/* A name of the runtimes that are known, taken apart: "JS:*name /a.js:12:3" (node; the mark is how far it was compiled) and
 * "py::name:/a.py" (Python) -> name, file, line. Others are names as they are. */
struct pando_perf_name {
    char function[1024];
    char file[1024];      /* "" unknown */
    uint32_t line;        /* 0 unknown */
};
void pando_perf_name_parse(const char *text, struct pando_perf_name *name);

/* The function that was written last of those that have `address`; NULL: none. Valid until the next update. */
const char *pando_perf_map_find(struct pando_perf_map *map, uint64_t address);
size_t pando_perf_map_bytes(const struct pando_perf_map *map);

#endif
