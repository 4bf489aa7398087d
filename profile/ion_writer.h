/* Why: Amazon Ion 1.0 in its binary form (https://amazon-ion.github.io/ion-docs/docs/binary.html), the second notation of the
 * CodeGuru body. In Ion a value's length stands before it and names are numbers of a table that stands before everything: so
 * what is written is kept aside, without the lengths, until the end is known.
 * Context: worker and own processes; one thread. No recursion. Private to profile/. */
#ifndef PANDO_PROFILE_ION_WRITER_H
#define PANDO_PROFILE_ION_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum pando_ion_container { PANDO_ION_LIST = 0xb, PANDO_ION_STRUCT = 0xd };

struct pando_ion_writer;

/* A writer whose finished bytes will be at most `max_bytes`. NULL: no memory. */
struct pando_ion_writer *pando_ion_writer_new(size_t max_bytes);
void pando_ion_writer_free(struct pando_ion_writer *writer);
/* 0, PANDO_ERR_LIMIT or PANDO_ERR_NO_MEMORY: of whatever was written before. */
int pando_ion_writer_failed(const struct pando_ion_writer *writer);

/* The name of the value that follows, in a struct; NULL does nothing. */
void pando_ion_write_name(struct pando_ion_writer *writer, const char *name);
void pando_ion_write_begin(struct pando_ion_writer *writer, enum pando_ion_container type);
void pando_ion_write_end(struct pando_ion_writer *writer);
void pando_ion_write_int(struct pando_ion_writer *writer, uint64_t magnitude, bool is_negative);
void pando_ion_write_float(struct pando_ion_writer *writer, double value);
void pando_ion_write_text(struct pando_ion_writer *writer, const char *text, size_t len_bytes);
void pando_ion_write_bool(struct pando_ion_writer *writer, bool value);
void pando_ion_write_null(struct pando_ion_writer *writer);

/* Appends the whole to `out`: version marker, symbol table, value. Every container must have ended. Returns 0, PANDO_ERR_LIMIT
 * or PANDO_ERR_NO_MEMORY (also of what was written before). */
int pando_ion_writer_finish(struct pando_ion_writer *writer, struct pando_buffer *out);

#endif
