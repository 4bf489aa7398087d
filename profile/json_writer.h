/* Why: the few JSON scalars and members that encoders write, right in any locale of the host.
 * Context: worker and own processes. Appends to a buffer, whose own `failed` tells of limits. For profile/ and receiver/. */
#ifndef PANDO_PROFILE_JSON_WRITER_H
#define PANDO_PROFILE_JSON_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* A string with its quotes. `text` is valid UTF-8 (a profile's strings are), and stays UTF-8; only what RFC 8259 demands
 * is escaped, and DEL. */
void pando_json_write_string(struct pando_buffer *out, const char *text);
void pando_json_write_uint(struct pando_buffer *out, uint64_t value);
/* The shortest decimal that reads back as `value`, always with a point or an exponent, so that it stays a float for a
 * typed reader. NaN and infinities, which JSON lacks, become 0.0. */
void pando_json_write_double(struct pando_buffer *out, double value);

/* Members of an object: each puts the comma that it needs before itself. */
void pando_json_key(struct pando_buffer *out, const char *name);
void pando_json_member_uint(struct pando_buffer *out, const char *name, uint64_t value);
void pando_json_member_double(struct pando_buffer *out, const char *name, double value);
/* Nothing when the text is "". */
void pando_json_member_text(struct pando_buffer *out, const char *name, const char *text);
/* A member that is an object, up to its end by the other. */
void pando_json_open(struct pando_buffer *out, const char *name);
void pando_json_close(struct pando_buffer *out);

#endif
