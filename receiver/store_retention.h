/* Why: dropping what is old, because of its age (store_retention.c) or because there is no room (store_quota.c).
 * Context: own process. Private to receiver/store*.c. */
#ifndef PANDO_RECEIVER_STORE_RETENTION_H
#define PANDO_RECEIVER_STORE_RETENTION_H

#include "receiver/store_levels.h"
#include "receiver/store_private.h"

/* What may go of a level: what began before the one and came (or was rolled up) before the other. */
struct pando_store_cutoffs {
    int64_t start_ms[STORE_LEVELS], came_ms[STORE_LEVELS];
};
/* Drops what may go, as far as it is in the level above. PANDO_ERR_IO with a sentence. */
int pando_store_drop_old(struct pando_store *store, const struct pando_store_cutoffs *cutoffs, char *message, size_t message_bytes);

/* If the store's limit is near: drops the oldest of what is finest until it is not. Gives back what is much of a file and free. */
int pando_store_make_room(struct pando_store *store, char *message, size_t message_bytes);

/* Whether the limit is so near that room must be made. */
bool pando_store_is_tight(struct pando_store *store);

/* In a transaction; each an SQLite code. A group's rows of this level and finer ones that begin before `end_ms` need not be there
 * any more. */
int pando_store_move_bounds(struct pando_store *store, int64_t group_id, enum pando_store_level level, int64_t end_ms);
/* A single profile goes; what charts and lists need of it moves to `activity`. */
int pando_store_drop_profile(struct pando_store *store, int64_t group_id, int64_t start_ms, int64_t id);
/* A roll-up goes, with its tree; the row comes last (sqlite3_changes). */
int pando_store_drop_rollup(struct pando_store *store, int64_t id);

/* Whether so much is in use that a post of `bytes` more is refused: what is left is for rolling up, which makes room. With the lock. */
bool pando_store_is_full(struct pando_store *store, uint64_t bytes);

#endif
