/* Why: puts together what there is to know about one object's functions and lines: its own symbol tables, mini debug information,
 * a separate debug file; and keeps why a name or a line is missing, so that somebody can be told what to install.
 * Context: worker and own processes; one owner. Private to symbols/. */
#ifndef PANDO_SYMBOLS_OBJECT_DEBUG_H
#define PANDO_SYMBOLS_OBJECT_DEBUG_H

#include <stdbool.h>
#include <stddef.h>

#include "symbols/debug_files.h"
#include "symbols/debug_lines.h"
#include "symbols/elf_names.h"
#include "symbols/elf_sections.h"
#include "symbols/mappings.h"
#include "symbols/object_file.h"

struct pando_debuginfod;

struct pando_object_debug {
    bool is_known;                   /* the rest is filled in */
    struct pando_build_id id;
    bool has_symtab, has_mini_debug, has_unwind;
    bool waits;                      /* a debug file is being fetched */
    enum pando_debug_origin origin;  /* of lines; and of names, unless has_symtab */
    char *path;                      /* of the separate debug file; NULL */
    bool is_from_memory;             /* the file is out of reach: names are those that are mapped with it */
    int names_error;                 /* why the object could not be read; 0 */
    int lines_error;                 /* why there are no lines; 0: there are, or nobody asked */
};

/* How objects and their debug files are reached. */
struct pando_object_access {
    struct pando_object_process process;
    struct pando_debuginfod *fetcher; /* NULL: no server is asked */
};

void pando_object_debug_release(struct pando_object_debug *debug);

/* Reads the names of the object that `mapping` shows, a file, and fills in `debug`. Errors as
 * pando_object_file_open and pando_elf_names_read. */
int pando_object_debug_names(const struct pando_mapping *mapping, struct pando_object_debug *debug,
                             const struct pando_object_access *access, size_t limit_bytes, struct pando_elf_names **ret_names);

/* Opens its lines; names must have been read before. Errors as pando_debug_lines_open, and PANDO_ERR_BUSY: they are being fetched. */
int pando_object_debug_lines(const struct pando_mapping *mapping, struct pando_object_debug *debug,
                             const struct pando_object_access *access, size_t limit_bytes, size_t work_limit_bytes,
                             struct pando_debug_lines **ret_lines);

#endif
