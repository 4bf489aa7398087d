/* Why: what the store's files share: the connection, its statements, and how a failure of SQLite becomes a sentence.
 * Context: own process. Private to receiver/store*.c. */
#ifndef PANDO_RECEIVER_STORE_PRIVATE_H
#define PANDO_RECEIVER_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "receiver/store.h"

enum pando_store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_PUT_GROUP,
    STORE_PUT_TOKEN,
    STORE_PUT_PROFILE,
    STORE_GROUPS,
    STORE_FIND_GROUP,
    STORE_RANGE,
    STORE_IDS,
    STORE_READ,
    STORE_LAST_ID,
    STORE_COUNT_BLOCK,
    STORE_READ_SUM,
    STORE_PUT_SUM,
    STORE_STATEMENTS
};

struct pando_store {
    pthread_mutex_t lock; /* for all below */
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENTS];
    bool read_only;
};

/* Numbers of profiles, rising. */
struct pando_store_ids {
    int64_t *list;
    size_t count, capacity;
};

/* Adds these profiles of the group to the builder, its metadata included; *ret_count tells how many were still there. Errors
 * come with a sentence. In store_sum.c. */
int pando_store_sum(struct pando_store *store, int64_t group_id, const struct pando_store_ids *ids,
                    struct pando_profile_builder *builder, uint64_t *ret_count, char *message, size_t message_bytes);

/* Makes the tables in a new file, or checks that they are ours and of a known version. `name` is for the sentence. */
int pando_store_schema(sqlite3 *db, bool read_only, const char *name, char *message, size_t message_bytes);
/* Prepares what a store does. */
int pando_store_prepare(struct pando_store *store);
/* "WHAT: REASON." for what the connection met last; `code` is what SQLite returned. */
void pando_store_explain(sqlite3 *db, int code, const char *what, char *message, size_t message_bytes);
/* Locks, and gives the statement, ready to be bound. */
sqlite3_stmt *pando_store_lock(struct pando_store *store, enum pando_store_statement statement);
/* Resets it (and forgets what was bound), unlocks. */
void pando_store_unlock(struct pando_store *store, sqlite3_stmt *statement);

#endif
