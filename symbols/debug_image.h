/* Why: the debug information of a file as a small ELF object of our own memory, for libdw: it has those sections that tell
 * functions and lines, and not the larger half of the rest (variables, types of macros, locations). The file is closed then:
 * truncating it later raises no SIGBUS, and the memory goes back to the system at once.
 * Context: worker and own processes. Private to symbols/. */
#ifndef PANDO_SYMBOLS_DEBUG_IMAGE_H
#define PANDO_SYMBOLS_DEBUG_IMAGE_H

#include <stddef.h>

#include "symbols/elf_sections.h"

struct pando_debug_image {
    char *bytes;       /* mmap'ed; NULL: none */
    size_t len_bytes;
    size_t lines_at, lines_bytes; /* .debug_line in it */
};

/* Whether the file has debug information at all, and how much work it is to read: its bytes, where those that are packed count three
 * times (SIZE_MAX: it cannot be read). */
bool pando_debug_image_measure(const struct pando_elf_sections *sections, size_t *ret_work_bytes);
/* 0; PANDO_ERR_NOT_FOUND: no debug information; PANDO_ERR_LIMIT: more than limit_bytes; PANDO_ERR_UNSUPPORTED (compression),
 * PANDO_ERR_IO, PANDO_ERR_SYNTAX, PANDO_ERR_NO_MEMORY. */
int pando_debug_image_read(const struct pando_elf_sections *sections, size_t limit_bytes, struct pando_debug_image *ret_image);
/* The length of the unit of .debug_line that begins there, its header without the length itself; UINT64_MAX: there is none. */
uint64_t pando_debug_image_unit_bytes(const struct pando_debug_image *image, uint64_t offset);
void pando_debug_image_release(struct pando_debug_image *image);

#endif
