/* Why: what the store's files share: the connections, their statements, and how a failure of SQLite becomes a sentence.
 * Context: own process. Private to receiver/store*.c. */
#ifndef PANDO_RECEIVER_STORE_PRIVATE_H
#define PANDO_RECEIVER_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "receiver/store.h"
#include "receiver/store_statements.h"

/* Profiles that wait for a commit: store_put.c. */
struct pando_store_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pando_store_waiting *first, **end;
    bool is_committing;
};

struct pando_store {
    pthread_mutex_t lock; /* for the connection and its statements */
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENTS];
    bool read_only;
    bool groups_must_exist;  /* before a profile comes */
    uint32_t groups_max;     /* 0: any number */
    struct pando_store_queue queue;
};

/* Numbers of profiles, rising. */
struct pando_store_ids {
    int64_t *list;
    size_t count, capacity;
};

/* A query with the group's number and the bounds as the tables have them. In store_query.c. */
struct pando_store_bounds {
    int64_t group_id, start_ms, end_ms;
    int64_t earliest_ms; /* what begins before it is over by start_ms */
};
/* PANDO_ERR_NOT_FOUND, or PANDO_ERR_IO; with a sentence. */
int pando_store_bounds(struct pando_store *store, const struct pando_store_query *query, struct pando_store_bounds *ret_bounds,
                       char *message, size_t message_bytes);
/* Binds ?1 to ?9 of the statements over `posted`. */
void pando_store_bind_query(sqlite3_stmt *statement, const struct pando_store_query *query, const struct pando_store_bounds *bounds);
/* "The store cannot be read: REASON." */
void pando_store_explain_read(sqlite3 *db, int code, char *message, size_t message_bytes);

/* Adds these profiles of the group to the builder, its metadata included; *ret_count tells how many were still there. Errors
 * come with a sentence. In store_sum.c. */
int pando_store_sum_ids(struct pando_store *store, int64_t group_id, const struct pando_store_ids *ids,
                        struct pando_profile_builder *builder, uint64_t *ret_count, char *message, size_t message_bytes);

/* What of a profile has columns of its own, so that lists and charts need not unpack it. The texts are the profile's. */
struct pando_store_facts {
    const char *host, *process, *fleet_id;
    int64_t pid, start_ms, end_ms, samples;
    int64_t cpu_ns, wall_ns; /* as whole nanoseconds as a sum has them */
};
void pando_store_facts(const struct pando_profile *profile, struct pando_store_facts *facts);
/* Puts a row into `posted`, and the host, process and start of process that it came from if they are new. An SQLite code. */
int pando_store_put_facts(sqlite3_stmt *const *statements, int64_t group_id, int64_t profile_id,
                          const struct pando_store_facts *facts);

/* Makes the tables in a new file, brings older ones up to date, or checks that they are ours and of a known version. `name` is
 * for the sentence. 1: they are older and `read_only` is set: nothing was done. */
int pando_store_schema(sqlite3 *db, bool read_only, const char *name, char *message, size_t message_bytes);
/* What the tables have gone through, in order: a file of version N has had the first N steps. store_migrations.c. */
struct pando_store_step {
    const char *sql;
    int (*fill)(sqlite3 *db); /* in the same transaction, after the SQL; an SQLite code. NULL: nothing */
};
extern const struct pando_store_step PANDO_STORE_STEPS[];
extern const int PANDO_STORE_VERSION; /* how many there are */

/* Prepares one statement on a connection, or all / ends them. An SQLite code. */
int pando_store_prepare_one(sqlite3 *db, enum pando_store_statement number, sqlite3_stmt **ret_statement);
int pando_store_prepare(sqlite3 *db, sqlite3_stmt *statements[STORE_STATEMENTS]);
void pando_store_finalize(sqlite3_stmt *statements[STORE_STATEMENTS]);
/* "WHAT: REASON." for what the connection met last; `code` is what SQLite returned. */
void pando_store_explain(sqlite3 *db, int code, const char *what, char *message, size_t message_bytes);
/* Locks, and gives the statement, ready to be bound. */
sqlite3_stmt *pando_store_lock(struct pando_store *store, enum pando_store_statement statement);
/* Resets it (and forgets what was bound), unlocks. */
void pando_store_unlock(struct pando_store *store, sqlite3_stmt *statement);
/* One step of a statement that gives at most one row, whose first column goes to *ret_value (0 if none), then reset and unbound.
 * An SQLite code. */
int pando_store_step_once(sqlite3_stmt *statement, int64_t *ret_value);
/* A column that counts something. */
uint64_t pando_store_column(sqlite3_stmt *statement, int number);

#endif
