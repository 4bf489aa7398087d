/* Why: profiles of other tools, as profiles of ours: for `pando report FILE` and `pando diff`.
 * Context: own processes. Pure: bytes in, a profile out. Whatever comes is read or refused with one sentence; nothing recurses. */
#ifndef PANDO_PROFILE_IMPORT_H
#define PANDO_PROFILE_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"

enum { PANDO_IMPORT_DEPTH_MAX = 10000 };

struct pando_import {
    size_t memory_bytes;     /* for the profile that comes out */
    uint64_t ns_per_count;   /* folded: what one of its numbers stands for */
    bool counts_are_samples; /* folded: so that meta.samples is known */
    char *message;           /* the sentence; message_bytes above 0 */
    size_t message_bytes;
};

/* pprof's message, unpacked. Its weights become nanoseconds: of its default value type if that is a time, else of the last that
 * is, else counts times the period. Labels thread_name (thread), thread_id (tid) and others make slices, "state" a state.
 * meta.samples is the sum of the type "count", or the number of its samples. PANDO_ERR_SYNTAX, PANDO_ERR_INVALID (not such a
 * message), PANDO_ERR_UNSUPPORTED (nothing that is time), PANDO_ERR_LIMIT, PANDO_ERR_NO_MEMORY. */
int pando_pprof_decode(const char *bytes, size_t len_bytes, const struct pando_import *import, struct pando_profile **ret_profile);

/* Folded stacks: "root;caller;function NUMBER" in each line. Same errors.
 * meta.samples is 0 unless the numbers are said to be samples. */
int pando_folded_decode(const char *bytes, size_t len_bytes, const struct pando_import *import, struct pando_profile **ret_profile);

/* Writes the sentence and returns `error`. */
int pando_import_refuse(const struct pando_import *import, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
