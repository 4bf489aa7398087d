/* Why: opening a file: whose it is, of which version, and bringing it up to date.
 * Context: own process. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "receiver/store_private.h"

enum { APPLICATION_ID = 0x506e646f /* "Pndo" */ };

static const char SETTINGS[] =
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA foreign_keys = ON;";

static const char SETTINGS_TO_WRITE[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"               /* what was answered with 204 outlives a power cut */
    "PRAGMA journal_size_limit = 67108864;";

static int read_number(sqlite3 *db, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW) {
            *ret_value = sqlite3_column_int64(statement, 0);
            code = SQLITE_OK;
        }
    }
    sqlite3_finalize(statement);
    return code;
}

/* One step, whole or not at all. Another receiver may have made it since we looked: then there is nothing to do. */
static int take_step(sqlite3 *db, int number)
{
    int64_t version = 0;
    char set_version[48];
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", number + 1); /* takes no bound value */
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = read_number(db, "PRAGMA user_version", &version);
    if (code == SQLITE_OK && version == number) {
        code = sqlite3_exec(db, PANDO_STORE_STEPS[number].sql, NULL, NULL, NULL);
        if (code == SQLITE_OK && PANDO_STORE_STEPS[number].fill != NULL)
            code = PANDO_STORE_STEPS[number].fill(db);
        if (code == SQLITE_OK)
            code = sqlite3_exec(db, set_version, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    return code;
}

static int migrate(sqlite3 *db, int64_t version, const char *name, char *message, size_t message_bytes)
{
    int code = SQLITE_OK;
    for (int number = (int)version; number < PANDO_STORE_VERSION && code == SQLITE_OK; number++)
        code = take_step(db, number);
    if (code == SQLITE_OK)
        return 0;
    pando_store_explain(db, code, name, message, message_bytes); /* before a rollback makes it forget */
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return PANDO_ERR_IO;
}

int pando_store_schema(sqlite3 *db, bool read_only, const char *name, char *message, size_t message_bytes)
{
    int64_t application = 0, version = 0, tables = 0;
    int code = sqlite3_exec(db, SETTINGS, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = read_number(db, "PRAGMA application_id", &application);
    if (code == SQLITE_OK)
        code = read_number(db, "PRAGMA user_version", &version);
    if (code == SQLITE_OK)
        code = read_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    bool is_new = application == 0 && version == 0 && tables == 0;
    if (code == SQLITE_OK && !is_new && application != APPLICATION_ID) {
        snprintf(message, message_bytes, "%s: it is a database of something else than Pando.", name);
        return PANDO_ERR_INVALID;
    }
    if (code == SQLITE_OK && !is_new && (version < 1 || version > PANDO_STORE_VERSION)) {
        snprintf(message, message_bytes, "%s: it has version %lld of Pando's tables, and this Pando knows only version %d.", name,
                 (long long)version, PANDO_STORE_VERSION);
        return PANDO_ERR_UNSUPPORTED;
    }
    if (code == SQLITE_OK && is_new && read_only) {
        snprintf(message, message_bytes, "%s: it is empty.", name);
        return PANDO_ERR_INVALID;
    }
    if (code == SQLITE_OK && read_only)
        return version < PANDO_STORE_VERSION;
    if (code == SQLITE_OK && is_new) /* of use only before there is a table: what is deleted can be given back */
        code = sqlite3_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, SETTINGS_TO_WRITE, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return migrate(db, version, name, message, message_bytes);
    pando_store_explain(db, code, name, message, message_bytes);
    return PANDO_ERR_IO;
}

bool pando_store_is_no_room(sqlite3 *db, int code)
{
    /* A COMMIT that fails to write leaves SQLite's own note empty; errno is what it met. */
    int system = sqlite3_system_errno(db) != 0 ? sqlite3_system_errno(db) : errno;
    return (code & 0xff) == SQLITE_FULL ||
           ((code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT || system == EFBIG));
}

static const char *reason_of(sqlite3 *db, int code)
{
    int system = sqlite3_system_errno(db) != 0 ? sqlite3_system_errno(db) : errno;
    if (pando_store_is_no_room(db, code))
        return "no space is left for it";
    switch (code & 0xff) {
    case SQLITE_READONLY:
        return "it is read-only";
    case SQLITE_NOTADB:
        return "it is no SQLite database";
    case SQLITE_CORRUPT:
        return "it is damaged";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program has it locked";
    case SQLITE_NOMEM:
        return "there is no memory";
    case SQLITE_CANTOPEN:
        return system != 0 ? strerror(system) : "it cannot be opened";
    case SQLITE_IOERR:
        return system != 0 ? strerror(system) : "it cannot be read or written";
    default:
        return sqlite3_errmsg(db);
    }
}

void pando_store_explain(sqlite3 *db, int code, const char *what, char *message, size_t message_bytes)
{
    snprintf(message, message_bytes, "%s: %s.", what, reason_of(db, code));
}
