/* Why: from an address to the source: which functions were inlined there, and the file and line of each. The debug information is
 * read by libdw, from a copy in memory (symbols/debug_image.h).
 * Context: worker and own processes; one owner. Private to symbols/. Never on a sampled thread: opening takes milliseconds. */
#ifndef PANDO_SYMBOLS_DEBUG_LINES_H
#define PANDO_SYMBOLS_DEBUG_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "symbols/dwarf_scopes.h"
#include "symbols/elf_sections.h"

struct pando_debug_lines;

enum { PANDO_DEBUG_FRAMES_MAX = 64 }; /* functions at one address, as PANDO_SYMBOLS_FRAMES_MAX; of more, the innermost */

struct pando_debug_frame {
    const char *name;        /* as the debug information has it: mangled, or plain; NULL unknown */
    const char *scopes[PANDO_DWARF_SCOPES_MAX + 1]; /* of a plain C++ name: what is around it, outermost first, then NULL */
    const char *file;        /* source file; NULL unknown */
    uint32_t line;           /* in `file`; 0 unknown */
    const char *home_file;   /* where the function is written, which may be another file (#include, #line); NULL unknown */
    uint32_t home_line;
    const char *folder;      /* in which files are whose names do not begin with "/": where it was compiled; NULL unknown */
};

/* Reads the debug information of the file `fd`, and of `alternate_fd` (what dwz took out of several files; -1: none). Both stay the
 * caller's and may be closed. At most limit_bytes are used, as far as it can be foreseen, and nothing is read that is more work than work_limit_bytes
 * (pando_debug_image_measure).
 * 0; PANDO_ERR_TIMEOUT: it would be more work; PANDO_ERR_NOT_FOUND: there is none; PANDO_ERR_LIMIT; PANDO_ERR_SYNTAX, PANDO_ERR_UNSUPPORTED, PANDO_ERR_IO,
 * PANDO_ERR_NO_MEMORY. */
int pando_debug_lines_open(int fd, int alternate_fd, size_t limit_bytes, size_t work_limit_bytes,
                           struct pando_debug_lines **ret_lines);
void pando_debug_lines_close(struct pando_debug_lines *lines);
/* Memory in use; grows with the units that addresses are found in. Over the limit: close and open again. */
size_t pando_debug_lines_bytes(const struct pando_debug_lines *lines);

/* The functions at an ELF address, innermost first; the last is the one that has the code. Strings live until close.
 * 0; PANDO_ERR_NOT_FOUND: nothing is known of the address; PANDO_ERR_LIMIT, PANDO_ERR_NO_MEMORY. */
int pando_debug_lines_find(struct pando_debug_lines *lines, uint64_t address,
                           struct pando_debug_frame frames[PANDO_DEBUG_FRAMES_MAX], uint32_t *ret_count);

/* The name of the file that dwz moved common parts to, as the file `fd` tells it (malloc'ed), and its build-id.
 * 0, PANDO_ERR_NOT_FOUND or PANDO_ERR_NO_MEMORY. */
int pando_debug_lines_alternate(const struct pando_elf_sections *sections, char **ret_path, struct pando_build_id *ret_id);

#endif
