/* Why: where the names and lines of a stripped object are: separate debug files, found by build-id or .gnu_debuglink in the places
 * that every debugger looks in, and what dwz moved out of them. A file that does not belong to the object is not taken.
 * Context: worker and own processes. Private to symbols/. Opens files: close-on-exec, never below descriptor 10. */
#ifndef PANDO_SYMBOLS_DEBUG_FILES_H
#define PANDO_SYMBOLS_DEBUG_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "symbols/elf_sections.h"

enum pando_debug_origin {
    PANDO_DEBUG_NONE,
    PANDO_DEBUG_ITSELF,       /* the object itself has it */
    PANDO_DEBUG_BUILD_ID,     /* a file found by the build-id */
    PANDO_DEBUG_LINK,         /* a file found by .gnu_debuglink */
    PANDO_DEBUG_DEBUGINFOD,   /* a file fetched from a debuginfod server */
};

/* Opens the debug file of the object at `path` whose headers are `sections`. `root` is put before the usual places ("" or the root
 * of a process in another mount namespace). *ret_path (malloc'ed, may be NULL for want of memory) names it. Returns a descriptor,
 * the caller's, or -1: there is none. */
int pando_debug_files_open(const char *root, const char *path, const struct pando_elf_sections *sections,
                           const struct pando_build_id *id, enum pando_debug_origin *ret_origin, char **ret_path);

/* Opens the file that dwz moved parts of `sections` to; `path` is where the file of `sections` is. -1: none, or not found. */
int pando_debug_files_open_alternate(const char *root, const char *path, const struct pando_elf_sections *sections);

#endif
