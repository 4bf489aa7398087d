/* Why: the profiles on disk: SQLite in WAL mode, one file, one row a profile, a token counts once in its group for ever.
 * Context: own process. Thread-safe (one connection behind a mutex). */
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

/* Stores the body of one accepted profile. Returns 0 (stored), 1 (this token was stored before in this group: nothing
 * changed), or PANDO_ERR_IO (disk full, read-only, ...; nothing changed, `message` has one sentence). Durable on return.
 * `token` NULL: one was not given; the profile always counts. */
int pando_store_put(struct pando_store *store, const char *group, const char *token, const struct pando_profile *profile,
                    const char *body, size_t body_bytes, char *message, size_t message_bytes);

/* Called once a group, by name. Returns 0 or what `visit` returned first that is not 0. */
struct pando_store_group {
    const char *name;
    uint64_t profiles, samples, first_start_ms, last_end_ms;
};
int pando_store_groups(struct pando_store *store, int (*visit)(void *context, const struct pando_store_group *group),
                       void *context);

/* Merges every profile of `group` that overlaps [start_ms, end_ms] (0, UINT64_MAX: all) into one whose self weights are
 * nanoseconds of CPU time (meta.weight_per_second = 1e9); meta start/end/samples/cpu_time_s/overhead are sums and bounds,
 * counters are sums. *ret_profile_count tells how many. PANDO_ERR_NOT_FOUND: no such group or none in range. */
int pando_store_merge(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message, size_t message_bytes);

#endif
