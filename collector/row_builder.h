/* Why: turns an object's unwind information into rows (exchange/rows.h), with libunwind as the authority: its generic library
 * interprets .eh_frame behind accessors of ours, on a private copy of the object's bytes, so that nothing is read that could be
 * unmapped or truncated meanwhile, and the host's own libunwind is not touched.
 * Context: worker; one thread. Never takes the loader's lock. */
#ifndef PANDO_COLLECTOR_ROW_BUILDER_H
#define PANDO_COLLECTOR_ROW_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "exchange/rows.h"

struct pando_row_builder;

/* NULL: no memory, or libunwind refuses. */
struct pando_row_builder *pando_row_builder_new(void);
void pando_row_builder_free(struct pando_row_builder *builder);

/* Builds the rows of the ELF image whose loaded segments are in this process at load bias `bias` and whose ELF header is mapped
 * at `header_address` (it is read with process_vm_readv, so a mapping that is gone is an error, not a crash).
 * `memory_limit_bytes` bounds the table. *ret_rows is one malloc'ed block, freed with free.
 * PANDO_ERR_NOT_FOUND: no .eh_frame_hdr; PANDO_ERR_SYNTAX: damaged; PANDO_ERR_IO: not readable; PANDO_ERR_LIMIT;
 * PANDO_ERR_NO_MEMORY. */
int pando_row_builder_build(struct pando_row_builder *builder, uint64_t header_address, uint64_t bias,
                            size_t memory_limit_bytes, struct pando_rows **ret_rows);

#endif
