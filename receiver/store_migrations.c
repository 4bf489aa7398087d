/* Why: how the store's tables came to be, step by step: a new file takes all steps, an older one those that it has not had.
 * A step that has been in a release is never changed; the next change is a step of its own, at the end.
 * Context: own process, while a store is opened; each step is one transaction. */
#include "base/error.h"
#include "receiver/packed.h"
#include "receiver/store_private.h"

/* Tokens have a table of their own, without the profiles: whatever becomes of a profile later, its token has been counted.
 * The sums in profile_group are kept in the same transaction as the rows: a list of groups reads no profile. */
static const char PROFILES[] =
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
    "CREATE TABLE profile_sum (" /* of the group's profiles in a block of numbers */
    "  group_id INTEGER NOT NULL REFERENCES profile_group (id),"
    "  block INTEGER NOT NULL,"
    "  profiles INTEGER NOT NULL,"
    "  packed BLOB NOT NULL,"
    "  PRIMARY KEY (group_id, block)"
    ") STRICT;"
    "CREATE INDEX profile_time ON profile (group_id, end_ms, start_ms);"
    "PRAGMA application_id = 0x506e646f;"; /* "Pndo" */

/* What is asked of many profiles at once lies in small rows of its own, `posted`, in the order of time. A series is a host and
 * a process name, a source is one start of such a process. */
static const char FACTS[] =
    "ALTER TABLE profile_group ADD COLUMN longest_ms INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE series ("
    "  id INTEGER PRIMARY KEY,"
    "  group_id INTEGER NOT NULL REFERENCES profile_group (id),"
    "  host TEXT NOT NULL,"
    "  process TEXT NOT NULL,"
    "  UNIQUE (group_id, host, process)"
    ") STRICT;"
    "CREATE TABLE source ("
    "  id INTEGER PRIMARY KEY,"
    "  series_id INTEGER NOT NULL REFERENCES series (id),"
    "  pid INTEGER NOT NULL,"
    "  fleet_id TEXT NOT NULL,"
    "  UNIQUE (series_id, pid, fleet_id)"
    ") STRICT;"
    "CREATE TABLE posted ("
    "  group_id INTEGER NOT NULL,"
    "  start_ms INTEGER NOT NULL,"
    "  id INTEGER NOT NULL," /* of the profile */
    "  end_ms INTEGER NOT NULL,"
    "  source_id INTEGER NOT NULL,"
    "  samples INTEGER NOT NULL,"
    "  cpu_ns INTEGER NOT NULL,"
    "  wall_ns INTEGER NOT NULL,"
    "  PRIMARY KEY (group_id, start_ms, id)"
    ") STRICT, WITHOUT ROWID;"
    "DROP INDEX profile_time;"
    "UPDATE profile_group SET longest_ms = coalesce((SELECT max(end_ms - start_ms) FROM profile"
    " WHERE profile.group_id = profile_group.id), 0);";

/* What the operations on groups tell and set: store_groups.c. */
static const char ABOUT[] =
    "ALTER TABLE profile_group ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE profile_group ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE profile_group ADD COLUMN reported_ms INTEGER NOT NULL DEFAULT 0;"     /* a profile came last; 0 never */
    "ALTER TABLE profile_group ADD COLUMN orchestrated_ms INTEGER NOT NULL DEFAULT 0;" /* an agent asked last; 0 never */
    "ALTER TABLE profile_group ADD COLUMN is_enabled INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE profile_group ADD COLUMN is_lambda INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE profile_group ADD COLUMN client_token TEXT NOT NULL DEFAULT '';"      /* that it was made with */
    "UPDATE profile_group SET"
    "  created_ms = coalesce((SELECT min(received_ms) FROM profile WHERE group_id = profile_group.id), 0),"
    "  reported_ms = coalesce((SELECT max(received_ms) FROM profile WHERE group_id = profile_group.id), 0);"
    "UPDATE profile_group SET updated_ms = created_ms;"
    "CREATE TABLE group_tag ("
    "  group_id INTEGER NOT NULL REFERENCES profile_group (id),"
    "  name TEXT NOT NULL,"
    "  value TEXT NOT NULL,"
    "  PRIMARY KEY (group_id, name)"
    ") STRICT, WITHOUT ROWID;";

/* Roll-ups of five minutes, an hour, a day: store_plan.c tells how they add up. Trees have a table of their own, since SQLite writes
 * a row as a whole when it changes one column. */
static const char ROLLUPS[] =
    "ALTER TABLE posted ADD COLUMN rolled INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX posted_unrolled ON posted (group_id, start_ms, id) WHERE rolled = 0;"
    "CREATE TABLE rollup ("
    "  id INTEGER PRIMARY KEY,"
    "  group_id INTEGER NOT NULL,"
    "  level INTEGER NOT NULL," /* 1 five minutes, 2 an hour, 3 a day */
    "  begin_ms INTEGER NOT NULL,"
    "  carried INTEGER NOT NULL," /* into the level above */
    "  profiles INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX rollup_time ON rollup (group_id, level, begin_ms, carried, profiles, bytes);"
    "CREATE INDEX rollup_uncarried ON rollup (level, group_id, begin_ms) WHERE carried = 0;"
    "CREATE TABLE rollup_tree ("
    "  id INTEGER PRIMARY KEY,"
    "  packed BLOB NOT NULL"
    ") STRICT;"
    "ALTER TABLE profile_group ADD COLUMN raw_from_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE profile_group ADD COLUMN five_from_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE profile_group ADD COLUMN hour_from_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE profile_group ADD COLUMN day_from_ms INTEGER NOT NULL DEFAULT 0;"
    "DROP TABLE profile_sum;";

/* What is left of single profiles that are gone, for charts and lists: a row a series and span. When a token was seen first, so that
 * it can be forgotten one day. */
static const char ACTIVITY[] =
    "CREATE TABLE activity ("
    "  group_id INTEGER NOT NULL,"
    "  begin_ms INTEGER NOT NULL,"
    "  span_ms INTEGER NOT NULL,"
    "  series_id INTEGER NOT NULL,"
    "  profiles INTEGER NOT NULL,"
    "  samples INTEGER NOT NULL,"
    "  cpu_ns INTEGER NOT NULL,"
    "  wall_ns INTEGER NOT NULL,"
    "  end_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (group_id, begin_ms, span_ms, series_id)"
    ") STRICT, WITHOUT ROWID;"
    "ALTER TABLE rollup ADD COLUMN made_ms INTEGER NOT NULL DEFAULT 0;"
    "UPDATE rollup SET made_ms = CAST(strftime('%s', 'now') AS INTEGER) * 1000;"
    "ALTER TABLE token ADD COLUMN seen_ms INTEGER NOT NULL DEFAULT 0;"
    "UPDATE token SET seen_ms = CAST(strftime('%s', 'now') AS INTEGER) * 1000;"
    "CREATE INDEX token_seen ON token (seen_ms);";

/* A profile that cannot be read keeps its row: who asks for its sum is told. */
static int note_row(sqlite3_stmt *row, sqlite3_stmt *const *statements)
{
    struct pando_store_facts facts = {.host = "", .process = "", .fleet_id = ""};
    struct pando_packed packed = {0};
    int error = pando_packed_decode(sqlite3_column_blob(row, 4), (size_t)sqlite3_column_bytes(row, 4), &packed);
    if (error == PANDO_ERR_NO_MEMORY)
        return SQLITE_NOMEM;
    if (error == 0)
        pando_store_facts(&packed.profile, &facts);
    facts.start_ms = sqlite3_column_int64(row, 2);
    facts.end_ms = sqlite3_column_int64(row, 3);
    int code = pando_store_put_facts(statements, sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 0), &facts);
    pando_packed_release(&packed);
    return code;
}

static int fill_facts(sqlite3 *db)
{
    static const enum pando_store_statement needed[] = {STORE_FIND_SOURCE, STORE_PUT_SERIES, STORE_PUT_SOURCE, STORE_PUT_POSTED};
    sqlite3_stmt *statements[STORE_STATEMENTS] = {0}, *row = NULL;
    int code = sqlite3_prepare_v2(db, "SELECT id, group_id, start_ms, end_ms, packed FROM profile", -1, &row, NULL);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0] && code == SQLITE_OK; i++)
        code = pando_store_prepare_one(db, needed[i], &statements[needed[i]]);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW)
        code = note_row(row, statements);
    pando_store_finalize(statements);
    sqlite3_finalize(row);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

const struct pando_store_step PANDO_STORE_STEPS[] = {
    {PROFILES, NULL},
    {FACTS, fill_facts},
    {ABOUT, NULL},
    {ROLLUPS, NULL},
    {ACTIVITY, NULL},
};
const int PANDO_STORE_VERSION = sizeof PANDO_STORE_STEPS / sizeof PANDO_STORE_STEPS[0];
