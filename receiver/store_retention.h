/* Why: dropping what is old, because of its age (store_retention.c) or because there is no room (store_quota.c).
 * Context: own process. Private to receiver/store*.c. */
#ifndef PANDO_RECEIVER_STORE_RETENTION_H
#define PANDO_RECEIVER_STORE_RETENTION_H

#include "receiver/store_levels.h"
#include "receiver/store_private.h"

/* Drops rows of each level whose span began before this (which only moves forward), as far as they are in the level above; single
 * profiles only if they came before `received_before_ms`. PANDO_ERR_IO with a sentence. */
int pando_store_drop_before(struct pando_store *store, const int64_t from_ms[STORE_LEVELS], int64_t received_before_ms, char *message,
                            size_t message_bytes);

/* If the store's limit is near: drops the oldest of what is finest until it is not. Gives back what is much of a file and free. */
int pando_store_make_room(struct pando_store *store, char *message, size_t message_bytes);

/* Whether the limit is so near that room must be made. */
bool pando_store_is_tight(struct pando_store *store);

/* In a transaction. Each SQLite codes. What is before the bounds may go (they only move forward). */
int pando_store_move_bounds(struct pando_store *store, const int64_t from_ms[STORE_LEVELS]);
/* A single profile goes; what charts and lists need of it moves to `activity`. */
int pando_store_drop_profile(struct pando_store *store, int64_t group_id, int64_t start_ms, int64_t id);

/* Whether so much is in use that a post of `bytes` more is refused: what is left is for rolling up, which makes room. With the lock. */
bool pando_store_is_full(struct pando_store *store, uint64_t bytes);

#endif
