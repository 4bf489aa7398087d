/* Why: the objects behind the handler's list: which one a mapping belongs to, its load bias, and its rows once they are built;
 * kept from one map to the next as long as the object is the same.
 * Context: worker; one owner. Private to collector/. */
#ifndef PANDO_COLLECTOR_CODE_MAP_TABLES_H
#define PANDO_COLLECTOR_CODE_MAP_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/code_map_text.h"
#include "collector/row_builder.h"

enum { PANDO_CODE_OBJECTS_MAX = 8192, PANDO_CODE_SEGMENTS_MAX = 4 };

/* Where one executable segment lies: whole pages. */
struct pando_code_segment {
    uint64_t start, end; /* addresses */
    uint64_t file_offset;
};

struct pando_code_object {
    struct pando_code_object *next;  /* among those that wait for a grace period */
    struct pando_code_file file;     /* the path is own memory */
    uint64_t header, bias;
    uint64_t fingerprint;            /* of what the rows were built from (pando_image_fingerprint) */
    bool is_elf;                     /* else: nothing that rows can be built of */
    bool is_answered;                /* rows are built, or there will be none */
    bool is_wanted;
    bool is_mapped;                  /* in the map that is being taken over */
    bool is_changed;                 /* something else is there now: it is not found again, and goes with the next list */
    uint32_t segment_count;
    struct pando_code_segment segments[PANDO_CODE_SEGMENTS_MAX];
    struct pando_rows *rows;
};

struct pando_code_objects {
    struct pando_code_object **items; /* sorted by header */
    uint32_t count, capacity;
};

/* The object that `mapping` shows (its header is not 0), from the list or new. 0, PANDO_ERR_NO_MEMORY, PANDO_ERR_LIMIT. */
int pando_code_objects_get(struct pando_code_objects *objects, const struct pando_code_mapping *mapping,
                           struct pando_code_object **ret_object);

/* Whether `mapping` is a part of the object's code as its program headers say. If not, its rows do not hold there. */
bool pando_code_object_has(const struct pando_code_object *object, const struct pando_code_mapping *mapping);

/* Takes those that are not mapped out of the list and returns them, linked, the caller's to free once no handler reads them. */
struct pando_code_object *pando_code_objects_take_unmapped(struct pando_code_objects *objects);

/* Whether the object in memory is still the one that this describes. Reads memory. */
bool pando_code_object_is_current(const struct pando_code_object *object);

void pando_code_object_free(struct pando_code_object *object);

#endif
