/* Why: receiver/store_lines.h. Context: own process; any thread. */
#include "receiver/store_lines.h"

#include <stdarg.h>

#include "base/error.h"

sqlite3_stmt *pando_store_line(struct pando_store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    pthread_mutex_lock(&store->lock);
    sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    return statement;
}

void pando_store_line_end(struct pando_store *store, sqlite3_stmt *statement)
{
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&store->lock);
}

int pando_store_run(struct pando_store *store, const char *sql, int64_t *ret_value, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    va_list args;
    va_start(args, types);
    for (int i = 0; types[i] != '\0' && code == SQLITE_OK; i++)
        code = types[i] == 't' ? sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT)
                               : sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
    va_end(args);
    if (code == SQLITE_OK) {
        while ((code = sqlite3_step(statement)) == SQLITE_ROW)
            *ret_value = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? 0 : PANDO_ERR_IO;
}

int pando_store_begin(struct pando_store *store)
{
    int64_t unused;
    pthread_mutex_lock(&store->lock);
    return pando_store_run(store, "BEGIN IMMEDIATE", &unused, "");
}

int pando_store_end(struct pando_store *store, int error)
{
    int64_t unused;
    if (error >= 0 && pando_store_run(store, "COMMIT", &unused, "") != 0)
        error = PANDO_ERR_IO;
    if (!sqlite3_get_autocommit(store->db))
        pando_store_run(store, "ROLLBACK", &unused, "");
    pthread_mutex_unlock(&store->lock);
    return error;
}
