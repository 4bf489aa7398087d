/* Why: what of /proc/self/maps the code map needs: the executable mappings, and for each where the ELF header of the same object
 * is mapped, since the map does not say which mappings belong together.
 * Context: worker. Private to collector/. Opens nothing, allocates the list only. */
#ifndef PANDO_COLLECTOR_CODE_MAP_TEXT_H
#define PANDO_COLLECTOR_CODE_MAP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PANDO_CODE_MAPPINGS_MAX = 65536 };

/* The file that a mapping shows: slices of the text. */
struct pando_code_file {
    uint64_t device, inode;  /* 0, 0: memory without a file */
    const char *path;        /* not terminated; without " (deleted)" */
    size_t path_len;
};

struct pando_code_mapping {
    uint64_t start, end;     /* addresses [start, end) */
    uint64_t file_offset;    /* of start */
    uint64_t header;         /* address where offset 0 of the same file is mapped; 0: nowhere near, so no ELF object */
    struct pando_code_file file;
};

struct pando_code_mappings {
    struct pando_code_mapping *items; /* malloc'ed, sorted */
    uint32_t count, capacity;
};

/* Reads a text in the form of /proc/PID/maps; the items point into it. Neighbouring mappings without a file become one. 0,
 * PANDO_ERR_LIMIT (the first MAPPINGS_MAX are there), PANDO_ERR_SYNTAX or PANDO_ERR_NO_MEMORY. Release in any case. */
int pando_code_mappings_read(struct pando_code_mappings *mappings, const char *maps, size_t len_bytes);
void pando_code_mappings_release(struct pando_code_mappings *mappings);

bool pando_code_file_same(const struct pando_code_file *a, const struct pando_code_file *b);

#endif
