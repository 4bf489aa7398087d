/* Why: the profiles on disk: SQLite in WAL mode, one file, one row a profile, a token counts once in its group for ever.
 * Context: own process. Thread-safe (one connection behind a mutex that is never held while profiles are merged). */
#ifndef PANDO_RECEIVER_STORE_H
#define PANDO_RECEIVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"
#include "profile/slices.h"

struct pando_store;

/* Opens or makes the store; NULL or "" is one in memory. `read_only` for reports (then the file must exist).
 * On failure `message` has one sentence naming the file and the reason. */
int pando_store_open(const char *path, bool read_only, struct pando_store **ret_store, char *message, size_t message_bytes);
void pando_store_close(struct pando_store *store);

/* The store takes no more than this many bytes from now on (rounded to pages): near it pando_store_put refuses as on a full
 * disk, and pando_store_retain makes room. A store in memory starts with 512 MiB, a file with none. */
int pando_store_limit(struct pando_store *store, uint64_t limit_bytes);

/* Stores one accepted profile. Returns 0 (stored), 1 (this token was stored before in this group: nothing
 * changed), PANDO_ERR_NOT_FOUND (there is no such group, and pando_store_group_rule lets none be made), PANDO_ERR_LIMIT (there is no room,
 * on the disk or under the store's limit: later there may be), or PANDO_ERR_IO (read-only, ...); then nothing changed, and `message` has one sentence. Durable on return.
 * `token` NULL: one was not given; the profile always counts. */
int pando_store_put(struct pando_store *store, const char *group, const char *token, const struct pando_profile *profile,
                    char *message, size_t message_bytes);

/* The same in two parts: what takes processor time and needs the profile, and what waits for the disk and does not. Posts that wait
 * at the same time share a commit. A parcel is freed by the caller. PANDO_ERR_NO_MEMORY, PANDO_ERR_IO with a sentence. */
struct pando_store_parcel;
int pando_store_pack(const struct pando_profile *profile, struct pando_store_parcel **ret_parcel, char *message, size_t message_bytes);
void pando_store_parcel_free(struct pando_store_parcel *parcel);
int pando_store_put_parcel(struct pando_store *store, const char *group, const char *token, const struct pando_store_parcel *parcel,
                           char *message, size_t message_bytes);

/* Called once a group, by name; it must not use the store. Returns 0, PANDO_ERR_IO, or what `visit` returned first that is
 * not 0. */
struct pando_store_group {
    const char *name;
    uint64_t profiles, samples, first_start_ms, last_end_ms;
};
int pando_store_groups(struct pando_store *store, int (*visit)(void *context, const struct pando_store_group *group),
                       void *context);

/* Which profiles are meant. `start_ms`, `end_ms`: those that overlap [start_ms, end_ms] (0, UINT64_MAX: all); with `by_start`
 * those that began in it, so that ranges side by side have no profile in common. The members after that choose among where they
 * came from; NULL (and pid 0) is any. They must be there until the call returns. */
struct pando_store_query {
    const char *group;
    uint64_t start_ms, end_ms;
    bool by_start;
    const char *host, *process;
    const char *fleet_id;   /* of one start of a process (meta.fleet_id) */
    uint32_t pid;
};

/* What a query finds, without reading it. Two ranges with equal values hold the same profiles. PANDO_ERR_NOT_FOUND: no such
 * group (a group of which nothing is found is 0 with a count of 0), PANDO_ERR_IO. */
struct pando_store_range {
    uint64_t count, first_id, last_id, id_sum;
};
int pando_store_find(struct pando_store *store, const struct pando_store_query *query, struct pando_store_range *ret_range);
int pando_store_range(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_store_range *ret_range);

/* Merges what the query finds into one profile whose self weights are nanoseconds of CPU time (meta.weight_per_second = 1e9);
 * meta start/end/active/samples/cpu_time_s/overhead are sums and bounds, the names are those of the last profile, counters
 * are sums. *ret_profile_count tells how many. PANDO_ERR_NOT_FOUND: no such group or nothing found. PANDO_ERR_LIMIT: the sum
 * is too large. With a sentence. */
int pando_store_sum(struct pando_store *store, const struct pando_store_query *query, struct pando_profile **ret_profile,
                    uint64_t *ret_profile_count, char *message, size_t message_bytes);
int pando_store_merge(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message, size_t message_bytes);

/* How much there is over time: `bars[i]` is what falls into [start_ms + i * bar_ms, + bar_ms) of the query's start; its end is
 * passed over. CPU time and wall time are apart (they must not be added up). A profile that spans several bars is spread over them
 * evenly, and counts as a profile where it begins (or in the first bar). PANDO_ERR_NOT_FOUND, PANDO_ERR_IO, PANDO_ERR_INVALID
 * (no bars). */
struct pando_store_bar {
    uint64_t profiles, samples, cpu_ns, wall_ns;
};
int pando_store_timeline(struct pando_store *store, const struct pando_store_query *query, uint64_t bar_ms,
                         struct pando_store_bar *bars, size_t bar_count);

/* The same of the wished threads and labels, and of the states whose bits are in `states` (profile/states.h; CPU time is always there).
 * `samples` stays 0: which of them were whose is not known. What is only left as sums of a longer span than a bar's is spread over it.
 * Reads trees: it takes memory and time as a sum does. Also PANDO_ERR_NO_MEMORY; with a sentence. */
int pando_store_series(struct pando_store *store, const struct pando_store_query *query, const struct pando_slice_wish *wish,
                       unsigned states, uint64_t bar_ms, struct pando_store_bar *bars, size_t bar_count, char *message,
                       size_t message_bytes);

/* Where the profiles that a query finds came from, the heaviest first. Called once a source; it must not use the store.
 * Returns 0, PANDO_ERR_NOT_FOUND, PANDO_ERR_IO, or what `visit` returned first that is not 0. */
enum pando_store_by {
    PANDO_STORE_BY_HOST,    /* process "", pid 0, fleet_id "" */
    PANDO_STORE_BY_PROCESS, /* each process name on each host; pid 0, fleet_id "" */
    PANDO_STORE_BY_START,   /* each start of a process */
};
struct pando_store_source {
    const char *host, *process, *fleet_id; /* "" unknown */
    uint32_t pid;                          /* 0 unknown */
    uint64_t profiles, samples, cpu_ns, wall_ns, first_start_ms, last_end_ms;
};
int pando_store_sources(struct pando_store *store, const struct pando_store_query *query, enum pando_store_by by,
                        int (*visit)(void *context, const struct pando_store_source *source), void *context);

/* Into which spans of `span_ms` (300000, 3600000, 86400000; counted from 1970) the profiles of `group` that began in
 * [start_ms, end_ms] fall: their beginnings, rising or falling, at most `max`. Returns how many, PANDO_ERR_NOT_FOUND or
 * PANDO_ERR_IO. */
int64_t pando_store_times(struct pando_store *store, const char *group, uint64_t span_ms, uint64_t start_ms, uint64_t end_ms,
                          bool falling, uint64_t *begins_ms, size_t max);

/* Adds profiles up to sums of five minutes, an hour, a day, as far as these are over by `now_ms` (since 1970): whatever asks for
 * long ranges reads few rows then. Late profiles go where they belong; each counts once, whenever this is called or killed. For one
 * thread at a time. PANDO_ERR_IO, PANDO_ERR_NO_MEMORY with a sentence: what was done stays, the rest is for the next call. */
int pando_store_roll_up(struct pando_store *store, uint64_t now_ms, char *message, size_t message_bytes);

/* How long things are kept, in seconds; 0: 7 days, 15 days, 60 days, 3 years. What is shorter than the one before is made as long. */
struct pando_store_policy {
    uint64_t raw_s;  /* profiles as posted */
    uint64_t five_s; /* sums of five minutes */
    uint64_t hour_s, day_s;
};
enum { PANDO_STORE_TOKEN_DAYS = 30 }; /* that a token is remembered: agents send from their spools for 7 days */

/* Deletes what is older than that, as far as it is rolled up; when the store's limit (pando_store_limit) is near, also what is not
 * so old, the finest first. Sums over whole days stay what they were. For the thread that rolls up. PANDO_ERR_IO with a sentence. */
int pando_store_retain(struct pando_store *store, const struct pando_store_policy *policy, uint64_t now_ms, char *message,
                       size_t message_bytes);

#endif
