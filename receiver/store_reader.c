/* Why: who reads a file does it on a connection of his own, in one transaction: he sees one state of the store however long
 * it takes, and holds up neither posts nor what is rolled up meanwhile. A store in memory has one connection only: there rows are
 * read one by one under its lock, and what rearranges rows waits until readers are through.
 * Context: own process; any thread. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "receiver/store_private.h"

enum { KEPT_MAX = 4, BUSY_TIMEOUT_MS = 5000 };

static void free_reader(struct pando_store_reader *reader)
{
    pando_store_finalize(reader->statements);
    sqlite3_close(reader->db);
    free(reader);
}

static struct pando_store_reader *open_reader(const struct pando_store *store, char *message, size_t message_bytes)
{
    struct pando_store_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        snprintf(message, message_bytes, "There is no memory to read the store.");
        return NULL;
    }
    int code = sqlite3_open_v2(store->path, &reader->db, store->open_flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(reader->db, BUSY_TIMEOUT_MS);
        code = sqlite3_exec(reader->db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;", NULL,
                            NULL, NULL);
    }
    if (code == SQLITE_OK)
        code = pando_store_prepare(reader->db, reader->statements);
    if (code == SQLITE_OK)
        return reader;
    pando_store_explain_read(reader->db, code, message, message_bytes);
    free_reader(reader);
    return NULL;
}

int pando_store_view_begin(struct pando_store *store, struct pando_store_view *view, char *message, size_t message_bytes)
{
    *view = (struct pando_store_view){.store = store};
    if (store->path == NULL) {
        pthread_rwlock_rdlock(&store->rearranging);
        return 0;
    }
    pthread_mutex_lock(&store->readers_lock);
    view->reader = store->readers;
    if (view->reader != NULL) {
        store->readers = view->reader->next;
        store->reader_count--;
    }
    pthread_mutex_unlock(&store->readers_lock);
    if (view->reader == NULL && (view->reader = open_reader(store, message, message_bytes)) == NULL)
        return PANDO_ERR_IO;
    int code = sqlite3_exec(view->reader->db, "BEGIN", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return 0;
    pando_store_explain_read(view->reader->db, code, message, message_bytes);
    free_reader(view->reader);
    return PANDO_ERR_IO;
}

void pando_store_view_end(struct pando_store_view *view)
{
    struct pando_store *store = view->store;
    if (view->reader == NULL) {
        pthread_rwlock_unlock(&store->rearranging);
        return;
    }
    bool is_good = sqlite3_exec(view->reader->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    pthread_mutex_lock(&store->readers_lock);
    bool is_kept = is_good && store->reader_count < KEPT_MAX;
    if (is_kept) {
        view->reader->next = store->readers;
        store->readers = view->reader;
        store->reader_count++;
    }
    pthread_mutex_unlock(&store->readers_lock);
    if (!is_kept)
        free_reader(view->reader);
}

void pando_store_readers_close(struct pando_store *store)
{
    for (struct pando_store_reader *reader = store->readers, *next; reader != NULL; reader = next) {
        next = reader->next;
        free_reader(reader);
    }
    store->readers = NULL;
}

sqlite3 *pando_store_view_db(const struct pando_store_view *view)
{
    return view->reader != NULL ? view->reader->db : view->store->db;
}

sqlite3_stmt *pando_store_view_use(struct pando_store_view *view, enum pando_store_statement statement)
{
    if (view->reader != NULL)
        return view->reader->statements[statement];
    return pando_store_lock(view->store, statement);
}

void pando_store_view_done(struct pando_store_view *view, sqlite3_stmt *statement)
{
    if (view->reader == NULL) {
        pando_store_unlock(view->store, statement);
        return;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

void pando_store_explain_read(sqlite3 *db, int code, char *message, size_t message_bytes)
{
    pando_store_explain(db, code, "The store cannot be read", message, message_bytes);
}
