/* Why: the CodeGuru body goes out in two notations, JSON and Amazon Ion, which say the same: objects, lists, numbers, text. The
 * encoder writes through this and does not know which one it is.
 * Context: worker and own processes; one thread. Private to profile/. */
#ifndef PANDO_PROFILE_VALUE_WRITER_H
#define PANDO_PROFILE_VALUE_WRITER_H

#include <stdint.h>

#include "base/buffer.h"

struct pando_ion_writer;

struct pando_value_writer {
    struct pando_buffer *out;     /* JSON: appended to as it comes. Ion: when pando_ion_writer_finish assembles it */
    struct pando_ion_writer *ion; /* NULL: JSON */
};

/* What failed, 0 while nothing did; after a failure the others do nothing of use. */
int pando_value_failed(const struct pando_value_writer *writer);
/* In each: `name` is the member's name, NULL for a list's element and for the outermost value. Text is valid UTF-8. */
void pando_value_begin_object(struct pando_value_writer *writer, const char *name);
void pando_value_end_object(struct pando_value_writer *writer);
void pando_value_begin_list(struct pando_value_writer *writer, const char *name);
void pando_value_end_list(struct pando_value_writer *writer);
void pando_value_uint(struct pando_value_writer *writer, const char *name, uint64_t value);
void pando_value_double(struct pando_value_writer *writer, const char *name, double value);
void pando_value_text(struct pando_value_writer *writer, const char *name, const char *text);
/* Nothing when the text is "". */
void pando_value_text_if(struct pando_value_writer *writer, const char *name, const char *text);
/* A value that is JSON already (well-formed). */
void pando_value_json(struct pando_value_writer *writer, const char *name, const char *json);

#endif
