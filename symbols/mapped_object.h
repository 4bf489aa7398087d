/* Why: the file of a mapped object may be out of reach: deleted by a package upgrade, replaced, or in a mount namespace that was left.
 * What the loader needed of it is still in memory: the names that it shows to others, where its functions begin, its build-id.
 * Context: worker and own processes. Private to symbols/. Memory may be unmapped or changed meanwhile, and say anything: all is copied,
 * bounded and checked. */
#ifndef PANDO_SYMBOLS_MAPPED_OBJECT_H
#define PANDO_SYMBOLS_MAPPED_OBJECT_H

#include <stddef.h>

#include "symbols/elf_sections.h"
#include "symbols/mappings.h"
#include "symbols/object_file.h"

/* Copies it into a small ELF object (malloc'ed), as pando_elf_names_read_memory takes it. 0; PANDO_ERR_NOT_FOUND: its beginning is not
 * where linkers put it, or it has no such names; PANDO_ERR_SYNTAX, PANDO_ERR_LIMIT, PANDO_ERR_IO, PANDO_ERR_NO_MEMORY. */
int pando_mapped_object_copy(const struct pando_object_process *process, const struct pando_mapping *mapping, size_t limit_bytes,
                             char **ret_image, size_t *ret_len, struct pando_build_id *ret_id);

#endif
