/* Why: `report` and `diff` read files: what Pando writes itself, and what other tools write. What a file is, its bytes tell.
 * Context: own process; blocks. */
#ifndef PANDO_CLI_INPUT_H
#define PANDO_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/syntax.h"
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
/* What a number of folded stacks is: the option's row, and what it says. Complains and returns false when it is no unit. Not set: leaves
 * *ret_ns_per_count. */
#define PANDO_INPUT_UNIT_ROW(variable) {"unit", 0, "ns|us|ms|s|samples", variable, NULL, "what folded stacks count (ns, if not given); samples are of 10 ms", false}
bool pando_input_read_unit(const struct pando_cli_values *values, size_t option, uint64_t *ret_ns_per_count);

#endif
