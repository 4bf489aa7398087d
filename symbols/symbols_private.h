/* Why: what the files symbols*.c share: the objects of a map with their names, their lines, and what was found in them.
 * Context: worker and own processes; one owner. Private to symbols/. */
#ifndef PANDO_SYMBOLS_SYMBOLS_PRIVATE_H
#define PANDO_SYMBOLS_SYMBOLS_PRIVATE_H

#include "symbols/mappings.h"
#include "symbols/name_cache.h"
#include "symbols/object_debug.h"
#include "symbols/perf_map.h"
#include "symbols/symbols.h"

struct pando_symbols {
    struct pando_mappings mappings;
    struct pando_object_access access;
    size_t limit_bytes;
    size_t used_bytes;      /* of all tables of names */
    uint64_t use_number;
    size_t lines_limit_bytes; /* of debug information that is open; 0: no lines are wanted */
    struct pando_perf_map *perf_map; /* NULL: code made at run time was not met yet */
    uint64_t perf_map_mono_ns;       /* when it was last looked at */
    struct pando_perf_name perf_name;
    struct pando_symbols_frame perf_frame;
    struct pando_name_cache *found;
    bool found_is_full;
    struct pando_symbols_counts counts;
};

/* The object's names, read when they are not there. NULL when there are none to be had. */
struct pando_elf_names *pando_symbols_names_of(struct pando_symbols *symbols, const struct pando_mapping *mapping);
/* A mapping that shows the object, if any does still. */
struct pando_mapping pando_symbols_mapping_of(const struct pando_symbols *symbols, struct pando_object *object);
/* Throws tables of names away until all fit; never the one of `keep`. */
void pando_symbols_evict(struct pando_symbols *symbols, const struct pando_object *keep);
/* Names code that a runtime has made, if it tells. */
void pando_symbols_name_made_code(struct pando_symbols *symbols, uint64_t address, struct pando_symbols_name *ret_name);
void pando_symbols_close_lines(struct pando_object *object);

#endif
