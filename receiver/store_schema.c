/* Why: the store's tables and statements: all the SQL there is, as constants, so that no name or body is ever part of it.
 * Context: own process.
 *
 * Tokens have a table of their own, without the profiles: whatever becomes of a profile later, its token has been counted.
 * The sums in profile_group are kept in the same transaction as the rows: a list of groups reads no profile. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "receiver/store_private.h"

enum {
    APPLICATION_ID = 0x506e646f, /* "Pndo" */
    SCHEMA_VERSION = 1,
};

static const char SETTINGS[] =
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA foreign_keys = ON;";

static const char SETTINGS_TO_WRITE[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"               /* what was answered with 204 outlives a power cut */
    "PRAGMA journal_size_limit = 67108864;";

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE profile_group ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  profiles INTEGER NOT NULL,"
    "  samples INTEGER NOT NULL,"
    "  first_start_ms INTEGER NOT NULL,"
    "  last_end_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE token ("
    "  group_id INTEGER NOT NULL REFERENCES profile_group (id),"
    "  token TEXT NOT NULL,"
    "  PRIMARY KEY (group_id, token)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE profile ("
    "  id INTEGER PRIMARY KEY,"
    "  group_id INTEGER NOT NULL REFERENCES profile_group (id),"
    "  start_ms INTEGER NOT NULL,"
    "  end_ms INTEGER NOT NULL,"
    "  received_ms INTEGER NOT NULL,"
    "  packed BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE profile_sum (" /* of the group's profiles in a block of numbers: store_sum.c */
    "  group_id INTEGER NOT NULL REFERENCES profile_group (id),"
    "  block INTEGER NOT NULL,"
    "  profiles INTEGER NOT NULL,"
    "  packed BLOB NOT NULL,"
    "  PRIMARY KEY (group_id, block)"
    ") STRICT;"
    "CREATE INDEX profile_time ON profile (group_id, end_ms, start_ms);"
    "PRAGMA application_id = 0x506e646f;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static const char *const STATEMENTS[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_PUT_GROUP] =
        "INSERT INTO profile_group (name, profiles, samples, first_start_ms, last_end_ms) VALUES (?1, 1, ?2, ?3, ?4)"
        " ON CONFLICT (name) DO UPDATE SET profiles = profiles + 1, samples = samples + excluded.samples,"
        " first_start_ms = min(first_start_ms, excluded.first_start_ms),"
        " last_end_ms = max(last_end_ms, excluded.last_end_ms) RETURNING id",
    [STORE_PUT_TOKEN] = "INSERT INTO token (group_id, token) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING 1",
    [STORE_PUT_PROFILE] =
        "INSERT INTO profile (group_id, start_ms, end_ms, received_ms, packed) VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_GROUPS] = "SELECT name, profiles, samples, first_start_ms, last_end_ms FROM profile_group ORDER BY name",
    [STORE_FIND_GROUP] = "SELECT id FROM profile_group WHERE name = ?1",
    [STORE_RANGE] = "SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0), coalesce(sum(id), 0) FROM profile"
                    " WHERE group_id = ?1 AND start_ms <= ?3 AND end_ms >= ?2",
    [STORE_IDS] = "SELECT id FROM profile WHERE group_id = ?1 AND start_ms <= ?3 AND end_ms >= ?2 ORDER BY id",
    [STORE_READ] = "SELECT packed, 1 FROM profile WHERE id = ?1",
    [STORE_LAST_ID] = "SELECT max(id) FROM profile",
    [STORE_COUNT_BLOCK] = "SELECT count(*) FROM profile WHERE id >= ?2 AND id < ?3 AND +group_id = ?1",
    [STORE_READ_SUM] = "SELECT packed, profiles FROM profile_sum WHERE group_id = ?1 AND block = ?2 AND profiles = ?3",
    [STORE_PUT_SUM] = "INSERT INTO profile_sum (group_id, block, profiles, packed) VALUES (?1, ?2, ?3, ?4)"
                      " ON CONFLICT (group_id, block) DO UPDATE SET profiles = excluded.profiles, packed = excluded.packed",
};

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
    if (code == SQLITE_OK && !is_new && version != SCHEMA_VERSION) {
        snprintf(message, message_bytes, "%s: it has version %lld of Pando's tables, and this Pando knows only version %d.", name,
                 (long long)version, (int)SCHEMA_VERSION);
        return PANDO_ERR_UNSUPPORTED;
    }
    if (code == SQLITE_OK && is_new && read_only) {
        snprintf(message, message_bytes, "%s: it is empty.", name);
        return PANDO_ERR_INVALID;
    }
    if (code == SQLITE_OK && !read_only)
        code = sqlite3_exec(db, SETTINGS_TO_WRITE, NULL, NULL, NULL);
    if (code == SQLITE_OK && is_new) {
        code = sqlite3_exec(db, SCHEMA, NULL, NULL, NULL);
        int64_t now = 0;
        /* Another receiver may have made them between our look and our BEGIN. */
        if (code != SQLITE_OK && sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK &&
            read_number(db, "PRAGMA user_version", &now) == SQLITE_OK && now == SCHEMA_VERSION)
            code = SQLITE_OK;
    }
    if (code == SQLITE_OK)
        return 0;
    pando_store_explain(db, code, name, message, message_bytes);
    return PANDO_ERR_IO;
}

int pando_store_prepare(struct pando_store *store)
{
    for (int i = 0; i < STORE_STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(store->db, STATEMENTS[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

static const char *reason_of(sqlite3 *db, int code)
{
    /* A COMMIT that fails to write leaves SQLite's own note empty; errno is what it met. */
    int system = sqlite3_system_errno(db) != 0 ? sqlite3_system_errno(db) : errno;
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "no space is left for it";
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
        if (system == ENOSPC || system == EDQUOT || system == EFBIG)
            return "no space is left for it";
        return system != 0 ? strerror(system) : "it cannot be read or written";
    default:
        return sqlite3_errmsg(db);
    }
}

void pando_store_explain(sqlite3 *db, int code, const char *what, char *message, size_t message_bytes)
{
    snprintf(message, message_bytes, "%s: %s.", what, reason_of(db, code));
}
