/* Why: some distributions leave the names of local functions in the stripped object, as a compressed ELF object of its own
 * (.gnu_debugdata, "MiniDebugInfo").
 * Context: worker and own processes. Private to symbols/. The bytes may be hostile. */
#ifndef PANDO_SYMBOLS_MINI_DEBUG_H
#define PANDO_SYMBOLS_MINI_DEBUG_H

#include <stddef.h>

#include "symbols/elf_sections.h"

/* Unpacks it to malloc'ed memory of at most limit_bytes. 0; PANDO_ERR_NOT_FOUND: the object has none; PANDO_ERR_LIMIT,
 * PANDO_ERR_SYNTAX, PANDO_ERR_NO_MEMORY, PANDO_ERR_IO. */
int pando_mini_debug_read(const struct pando_elf_sections *sections, size_t limit_bytes, char **ret_image, size_t *ret_len);

#endif
