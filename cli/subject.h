/* Why: what `report` and `diff` are about: a file, or what a receiver has of a group in some time, with what there is to know of it.
 * Context: own process; blocks. */
#ifndef PANDO_CLI_SUBJECT_H
#define PANDO_CLI_SUBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "cli/source.h"
#include "profile/profile.h"

struct pando_subject {
    char title[PANDO_GROUP_BYTES];
    struct pando_profile *profile; /* nanoseconds; the caller's to free */
    uint64_t profile_count;
    double ns_per_sample;          /* 0: not known (folded stacks that count time) */
};

/* All three: 0, or an error with one sentence in `message`. `ns_per_count`: of folded stacks; 0: nobody said (then it is 1, and
 * a complaint tells). `group` NULL: the only one. */
int pando_subject_of_file(const char *path, uint64_t ns_per_count, struct pando_subject *subject, char *message, size_t message_bytes);
int pando_subject_of_group(const struct pando_source *source, const char *group, uint64_t start_ms, uint64_t end_ms,
                           struct pando_subject *subject, char *message, size_t message_bytes);

#endif
