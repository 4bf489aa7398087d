/* Why: where `run` and `report` get profiles from: a receiver over HTTP, or its store.
 * Context: own process; blocks. */
#ifndef PANDO_CLI_SOURCE_H
#define PANDO_CLI_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "profile/profile.h"

enum { PANDO_GROUP_BYTES = 256 };

struct pando_source {
    const char *url;         /* of a receiver, or NULL: */
    const char *store_path;
    const char *host, *process; /* only profiles from there; NULL: any */
    uint32_t pid;               /* 0: any */
};

/* GET of `path` under the receiver's address `base`. 0 with the body, or an error with a sentence. */
int pando_source_get(const char *base, const char *path, struct pando_buffer *body, char *message, size_t message_bytes);
/* Merges the profiles of `group` that overlap [start_ms, end_ms] (0, UINT64_MAX: all). The weights are nanoseconds, with
 * thread states as in profile/states.h; the profile is the caller's to free. PANDO_ERR_NOT_FOUND: there are none; in all failures `message` has one sentence. */
int pando_source_merge(const struct pando_source *source, const char *group, uint64_t start_ms, uint64_t end_ms,
                       struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message,
                       size_t message_bytes);
/* The name of the only group. PANDO_ERR_NOT_FOUND: there is none, or there are several; `message` says so, with their names. */
int pando_source_only_group(const struct pando_source *source, char *group, size_t group_bytes, char *message,
                            size_t message_bytes);

#endif
