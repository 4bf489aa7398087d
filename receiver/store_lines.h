/* Why: statements that are seldom needed are prepared when they are, in one line where they are used.
 * Context: own process. Private to receiver/store_groups.c and store_tags.c. */
#ifndef PANDO_RECEIVER_STORE_LINES_H
#define PANDO_RECEIVER_STORE_LINES_H

#include "receiver/store_groups.h"
#include "receiver/store_private.h"

/* Locks, and prepares `sql`, a constant. SQLite takes NULL for a statement, and says that it was misused, when that failed. */
sqlite3_stmt *pando_store_line(struct pando_store *store, const char *sql);
void pando_store_line_end(struct pando_store *store, sqlite3_stmt *statement);

/* With the lock: runs `sql`, a constant, to its end; `types` tells what is bound: 't' a text, 'i' an int64_t. The last row's first
 * column goes to *ret_value, which no row leaves alone. 0 or PANDO_ERR_IO. */
int pando_store_run(struct pando_store *store, const char *sql, int64_t *ret_value, const char *types, ...);

/* Locks and begins to write. Whatever it returned, pando_store_end unlocks; with 0 it commits, else it undoes what was done. Returns
 * what it was given, or PANDO_ERR_IO. */
int pando_store_begin(struct pando_store *store);
int pando_store_end(struct pando_store *store, int error);

/* With the lock. */
int pando_store_tag_put(struct pando_store *store, int64_t group_id, const struct pando_tag *tag);

#endif
