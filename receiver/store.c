/* Why: receiver/store.h: opening, closing, and how much the store may take.
 * Context: own process; any thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "receiver/store_private.h"

#define IN_MEMORY_LIMIT_BYTES (512ull << 20)

enum { BUSY_TIMEOUT_MS = 5000 /* another receiver or a report at the same file */ };

/* A new file is for its owner only: names of functions and files are nobody else's business. Existing ones stay as they are. */
static int make_private(const char *path, char *message, size_t message_bytes)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || errno == EEXIST)
        return 0;
    snprintf(message, message_bytes, "the store %s cannot be made: %s.", path, strerror(errno));
    return PANDO_ERR_IO;
}

/* There is one connection to it only. */
static void forget_path(struct pando_store *store)
{
    free(store->path);
    store->path = NULL;
}

/* Tables of an earlier Pando that must not be changed: they are copied into memory, and brought up to date there. */
static int modernise_copy(struct pando_store *store, const char *name, char *message, size_t message_bytes)
{
    sqlite3 *copy = NULL;
    int code = sqlite3_open_v2(":memory:", &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    sqlite3_backup *backup = code == SQLITE_OK ? sqlite3_backup_init(copy, "main", store->db, "main") : NULL;
    if (backup != NULL)
        sqlite3_backup_step(backup, -1);
    if (code == SQLITE_OK)
        code = backup != NULL ? sqlite3_backup_finish(backup) : sqlite3_errcode(copy);
    sqlite3_close(store->db);
    store->db = copy;
    forget_path(store);
    if (code == SQLITE_OK) {
        int error = pando_store_schema(store->db, false, name, message, message_bytes);
        if (error != 0 || (code = sqlite3_exec(store->db, "PRAGMA query_only = ON", NULL, NULL, NULL)) == SQLITE_OK)
            return error;
    }
    pando_store_explain(store->db, code, name, message, message_bytes);
    return PANDO_ERR_IO;
}

static int connect_file(struct pando_store *store, const char *path, int flags, const char *name, char *message,
                        size_t message_bytes)
{
    free(store->path);
    store->path = strdup(path);
    store->open_flags = flags;
    if (store->path == NULL) {
        snprintf(message, message_bytes, "there is no memory for the store.");
        return PANDO_ERR_NO_MEMORY;
    }
    int code = sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) {
        pando_store_explain(store->db, code, name, message, message_bytes);
        return PANDO_ERR_IO;
    }
    /* Asked to write where it cannot, SQLite opens for reading, and would fail later, less clearly. */
    if (!store->read_only && sqlite3_db_readonly(store->db, "main") == 1) {
        snprintf(message, message_bytes, "%s: it is read-only.", name);
        return PANDO_ERR_IO;
    }
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    int error = pando_store_schema(store->db, store->read_only, name, message, message_bytes);
    if (error == 1)
        error = modernise_copy(store, name, message, message_bytes);
    if (error == 0 && (code = pando_store_prepare(store->db, store->statements)) != SQLITE_OK) {
        pando_store_explain(store->db, code, name, message, message_bytes);
        error = PANDO_ERR_IO;
    }
    return error;
}

static void disconnect(struct pando_store *store)
{
    pando_store_finalize(store->statements);
    sqlite3_close(store->db);
    store->db = NULL;
}

/* A store that was closed and lies where nothing can be written: SQLite wants to make the -wal and -shm beside it, unless told
 * that the file does not change. Only then is it opened so: with a -wal it may be in use. */
static int connect_unchanging(struct pando_store *store, const char *path, const char *name, char *message,
                              size_t message_bytes)
{
    char wal[4096], uri[3 * sizeof wal + 32] = "file:";
    if ((size_t)snprintf(wal, sizeof wal, "%s-wal", path) >= sizeof wal || access(wal, F_OK) == 0)
        return PANDO_ERR_IO;
    size_t len = strlen(uri);
    for (const char *at = path; *at != '\0'; at++)
        len += (size_t)snprintf(uri + len, sizeof uri - len, strchr("?#%", *at) != NULL ? "%%%02x" : "%c", *at);
    snprintf(uri + len, sizeof uri - len, "?immutable=1");
    disconnect(store);
    return connect_file(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, name, message, message_bytes);
}

static int connect_store(struct pando_store *store, const char *path, char *message, size_t message_bytes)
{
    if (path == NULL || path[0] == '\0') {
        int error = connect_file(store, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "the store in memory", message,
                                 message_bytes);
        forget_path(store);
        return error == 0 ? pando_store_limit(store, IN_MEMORY_LIMIT_BYTES) : error;
    }
    char name[4200];
    snprintf(name, sizeof name, "the store %s cannot be used", path);
    if (store->read_only) {
        int error = connect_file(store, path, SQLITE_OPEN_READONLY, name, message, message_bytes);
        if (error == PANDO_ERR_IO && access(path, R_OK) == 0)
            error = connect_unchanging(store, path, name, message, message_bytes);
        return error;
    }
    int error = make_private(path, message, message_bytes);
    return error != 0 ? error : connect_file(store, path, SQLITE_OPEN_READWRITE, name, message, message_bytes);
}

int pando_store_open(const char *path, bool read_only, struct pando_store **ret_store, char *message, size_t message_bytes)
{
    struct pando_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        snprintf(message, message_bytes, "there is no memory for the store.");
        return PANDO_ERR_NO_MEMORY;
    }
    store->read_only = read_only;
    pthread_mutex_init(&store->lock, NULL);
    pthread_rwlock_init(&store->rearranging, NULL);
    pthread_mutex_init(&store->readers_lock, NULL);
    pthread_mutex_init(&store->queue.lock, NULL);
    pthread_cond_init(&store->queue.changed, NULL);
    store->queue.end = &store->queue.first;
    int error = connect_store(store, path, message, message_bytes);
    if (error != 0) {
        pando_store_close(store);
        return error;
    }
    *ret_store = store;
    return 0;
}

void pando_store_close(struct pando_store *store)
{
    if (store == NULL)
        return;
    pando_store_readers_close(store);
    disconnect(store);
    free(store->path);
    pthread_rwlock_destroy(&store->rearranging);
    pthread_mutex_destroy(&store->readers_lock);
    pthread_cond_destroy(&store->queue.changed);
    pthread_mutex_destroy(&store->queue.lock);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

sqlite3_stmt *pando_store_lock(struct pando_store *store, enum pando_store_statement statement)
{
    pthread_mutex_lock(&store->lock);
    return store->statements[statement];
}

void pando_store_unlock(struct pando_store *store, sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    pthread_mutex_unlock(&store->lock);
}

int pando_store_limit(struct pando_store *store, uint64_t limit_bytes)
{
    int64_t page_bytes = 4096;
    char sql[64];
    sqlite3_stmt *statement = NULL;
    pthread_mutex_lock(&store->lock);
    if (sqlite3_prepare_v2(store->db, "PRAGMA page_size", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        page_bytes = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    uint64_t pages = limit_bytes / (uint64_t)page_bytes;
    /* A pragma takes no bound value; this is a number and nothing else. */
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %llu", (unsigned long long)(pages < 0xfffffffe ? pages : 0xfffffffe));
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&store->lock);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : PANDO_ERR_IO;
}

int pando_store_rearrange_begin(struct pando_store *store)
{
    if (store->path == NULL)
        pthread_rwlock_wrlock(&store->rearranging);
    pthread_mutex_lock(&store->lock);
    errno = 0; /* for pando_store_explain */
    int64_t unused;
    return pando_store_step_once(store->statements[STORE_BEGIN], &unused);
}

int pando_store_rearrange_end(struct pando_store *store, int code, bool is_done, char *message, size_t message_bytes)
{
    int64_t unused;
    if (code == SQLITE_OK && is_done)
        code = pando_store_step_once(store->statements[STORE_COMMIT], &unused);
    if (code != SQLITE_OK) /* before a rollback makes it forget */
        pando_store_explain(store->db, code, "The store cannot be rearranged", message, message_bytes);
    if (!sqlite3_get_autocommit(store->db))
        pando_store_step_once(store->statements[STORE_ROLLBACK], &unused);
    pthread_mutex_unlock(&store->lock);
    if (store->path == NULL)
        pthread_rwlock_unlock(&store->rearranging);
    return code != SQLITE_OK ? PANDO_ERR_IO : is_done ? 0 : 1;
}
