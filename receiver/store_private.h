/* Why: what the store's files share: the connections, their statements, and how a failure of SQLite becomes a sentence.
 * Context: own process. Private to receiver/store*.c. */
#ifndef PANDO_RECEIVER_STORE_PRIVATE_H
#define PANDO_RECEIVER_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "receiver/store.h"
#include "receiver/store_levels.h"
#include "receiver/store_statements.h"

/* Profiles that wait for a commit: store_put.c. */
struct pando_store_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pando_store_waiting *first, **end;
    bool is_committing;
};

/* A connection of a reader's own: store_reader.c. */
struct pando_store_reader {
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENTS];
    struct pando_store_reader *next;
};

struct pando_store {
    pthread_mutex_t lock; /* for the connection and its statements */
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENTS];
    bool read_only;
    bool groups_must_exist;  /* before a profile comes */
    uint32_t groups_max;     /* 0: any number */
    struct pando_store_queue queue;
    pthread_rwlock_t rearranging; /* of a store in memory; readers share it */
    pthread_mutex_t readers_lock; /* for the next two */
    struct pando_store_reader *readers;
    int reader_count;
    char *path;                   /* for more connections; NULL: in memory */
    int open_flags;
};

/* One state of the store, to be read from. */
struct pando_store_view {
    struct pando_store *store;
    struct pando_store_reader *reader; /* NULL: the store's own connection */
};
/* PANDO_ERR_IO or PANDO_ERR_NO_MEMORY with a sentence: then there is nothing to end. */
int pando_store_view_begin(struct pando_store *store, struct pando_store_view *view, char *message, size_t message_bytes);
void pando_store_view_end(struct pando_store_view *view);
/* A statement, ready to be bound / ended. One at a time. */
sqlite3_stmt *pando_store_view_use(struct pando_store_view *view, enum pando_store_statement statement);
void pando_store_view_done(struct pando_store_view *view, sqlite3_stmt *statement);
sqlite3 *pando_store_view_db(const struct pando_store_view *view);
void pando_store_readers_close(struct pando_store *store);
/* "The store cannot be read: REASON." */
void pando_store_explain_read(sqlite3 *db, int code, char *message, size_t message_bytes);

/* What changes which rows hold a profile, or deletes: begins a transaction on the store's own connection, with its lock, while
 * nobody has a view of a store in memory. An SQLite code; pando_store_rearrange_end always follows: it commits if `code` is
 * SQLITE_OK and `is_done`, else takes all back. 0; 1: taken back without an error; PANDO_ERR_IO with a sentence. */
int pando_store_rearrange_begin(struct pando_store *store);
int pando_store_rearrange_end(struct pando_store *store, int code, bool is_done, char *message, size_t message_bytes);

/* A query with the group's number and the bounds as the tables have them. In store_query.c. */
struct pando_store_bounds {
    int64_t group_id, start_ms, end_ms;
    int64_t earliest_ms; /* what begins before it is over by start_ms */
    int64_t from_ms[4];  /* of each level of store_levels.h: rows of earlier spans are gone */
};
/* PANDO_ERR_NOT_FOUND, or PANDO_ERR_IO; with a sentence. */
int pando_store_bounds(struct pando_store_view *view, const struct pando_store_query *query, struct pando_store_bounds *ret_bounds,
                       char *message, size_t message_bytes);
/* What all queries begin with: a view, and the group's bounds. On an error there is nothing to end. */
int pando_store_query_begin(struct pando_store *store, const struct pando_store_query *query, struct pando_store_view *view,
                            struct pando_store_bounds *bounds);
/* Binds ?1 to ?10 of the statements over `posted`. */
void pando_store_bind_query(sqlite3_stmt *statement, const struct pando_store_query *query, const struct pando_store_bounds *bounds);
/* Whether it takes all of the group. */
bool pando_store_query_is_any(const struct pando_store_query *query);

/* A row with a tree: a profile as posted, or a roll-up of several. */
struct pando_store_item {
    int64_t id, start_ms;
    uint64_t profiles;
    bool is_rollup, is_damaged;
};
/* The rows that make up what a query finds. In store_plan.c. Errors come with a sentence; release it in any case. */
struct pando_store_plan {
    struct pando_store_item *items;
    size_t count, capacity;
};
int pando_store_plan(struct pando_store_view *view, const struct pando_store_query *query, const struct pando_store_bounds *bounds,
                     struct pando_store_plan *plan, char *message, size_t message_bytes);
/* The same without roll-ups of a level above `coarsest`, where finer rows are still there. */
int pando_store_plan_up_to(struct pando_store_view *view, const struct pando_store_query *query, const struct pando_store_bounds *bounds,
                           enum pando_store_level coarsest, struct pando_store_plan *plan, char *message, size_t message_bytes);
void pando_store_plan_release(struct pando_store_plan *plan);

/* Reads a row's tree: end it with pando_packed_release. PANDO_ERR_SYNTAX: it is damaged; PANDO_ERR_IO, PANDO_ERR_NO_MEMORY. With a
 * sentence. In store_sum.c. */
struct pando_packed;
int pando_store_read(struct pando_store_view *view, const struct pando_store_item *item, struct pando_packed *packed,
                     char *message, size_t message_bytes);
/* Adds a tree to a sum in nanoseconds, with its metadata. The builder's errors. */
int pando_store_add(struct pando_profile_builder *builder, const struct pando_profile *profile, bool is_first);

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
/* Whether it is that the disk or the store's limit has no room left. */
bool pando_store_is_no_room(sqlite3 *db, int code);
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
