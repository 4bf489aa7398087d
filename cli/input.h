/* Why: `report` and `diff` read files: what Pando writes itself, and what other tools write. What a file is, its bytes tell.
 * Context: own process; blocks. */
#ifndef PANDO_CLI_INPUT_H
#define PANDO_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"

enum pando_input_kind {
    PANDO_INPUT_STORE = 1, /* a receiver's SQLite file: for cli/source.h */
    PANDO_INPUT_PPROF,
    PANDO_INPUT_FOLDED,
    PANDO_INPUT_CODEGURU,  /* an agent's body, JSON or Ion */
    PANDO_INPUT_REPORT,    /* JSON of `pando report` or of a receiver's tree */
};

/* Whether the file is a receiver's store. */
bool pando_input_is_store(const char *path);
/* Reads a file ("-": standard input) of any kind but a store, packed with gzip or not. Its weights are nanoseconds; the profile is the
 * caller's to free. `ns_per_count`: of folded stacks. In all failures `message` has one sentence. */
int pando_input_read(const char *path, uint64_t ns_per_count, struct pando_profile **ret_profile, enum pando_input_kind *ret_kind,
                     uint64_t *ret_profile_count, char *message, size_t message_bytes);
/* "samples" (10 ms), "ns", "us", "ms" or "s": what a number of folded stacks is. Complains and returns false when it is none of them. */
bool pando_input_unit(const char *text, uint64_t *ret_ns_per_count);

#endif
