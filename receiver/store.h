/* Why: the profiles on disk: SQLite in WAL mode, one file, one row a profile, a token counts once in its group for ever.
 * Context: own process. Thread-safe (one connection behind a mutex that is never held while profiles are merged). */
#ifndef PANDO_RECEIVER_STORE_H
#define PANDO_RECEIVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"

struct pando_store;

/* Opens or makes the store; NULL or "" is one in memory. `read_only` for reports (then the file must exist).
 * On failure `message` has one sentence naming the file and the reason. */
int pando_store_open(const char *path, bool read_only, struct pando_store **ret_store, char *message, size_t message_bytes);
void pando_store_close(struct pando_store *store);

/* The store takes no more than this many bytes from now on (rounded to pages): beyond it pando_store_put refuses as on a full
 * disk. A store in memory starts with 512 MiB, a file with none. */
int pando_store_limit(struct pando_store *store, uint64_t limit_bytes);

/* Stores one accepted profile. Returns 0 (stored), 1 (this token was stored before in this group: nothing
 * changed), or PANDO_ERR_IO (disk full, read-only, ...; nothing changed, `message` has one sentence). Durable on return.
 * `token` NULL: one was not given; the profile always counts. */
int pando_store_put(struct pando_store *store, const char *group, const char *token, const struct pando_profile *profile,
                    char *message, size_t message_bytes);

/* Called once a group, by name; it must not use the store. Returns 0, PANDO_ERR_IO, or what `visit` returned first that is
 * not 0. */
struct pando_store_group {
    const char *name;
    uint64_t profiles, samples, first_start_ms, last_end_ms;
};
int pando_store_groups(struct pando_store *store, int (*visit)(void *context, const struct pando_store_group *group),
                       void *context);

/* Which profiles of `group` overlap [start_ms, end_ms], without reading them. Two ranges with equal values hold the same
 * profiles. PANDO_ERR_NOT_FOUND: no such group (a group without profiles in range is 0 with a count of 0). */
struct pando_store_range {
    uint64_t count, first_id, last_id, id_sum;
};
int pando_store_range(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_store_range *ret_range);

/* Merges every profile of `group` that overlaps [start_ms, end_ms] (0, UINT64_MAX: all) into one whose self weights are
 * nanoseconds of CPU time (meta.weight_per_second = 1e9); meta start/end/active/samples/cpu_time_s/overhead are sums and
 * bounds, the names are those of the last profile, counters are sums. *ret_profile_count tells how many.
 * PANDO_ERR_NOT_FOUND: no such group or none in range. PANDO_ERR_LIMIT: the sum is too large. */
int pando_store_merge(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message, size_t message_bytes);

#endif
