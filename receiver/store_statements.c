/* Why: all the SQL that the store does with its tables, as constants, so that no name or body is ever part of it.
 * Context: own process. */
#include "receiver/store_private.h"

/* Of `posted`: ?1 group, ?2 and ?3 the range, ?4 how far before it a profile may have begun that reaches into it; then the filter:
 * ?5 whether there is none, ?6 host, ?7 process, ?8 pid, ?9 the start of the process, NULL for any. ?10: where single profiles
 * begin; those before are about to be deleted, and only those count that are in no roll-up yet. */
#define IN_RANGE \
    " posted.group_id = ?1 AND posted.start_ms BETWEEN ?4 AND ?3 AND posted.end_ms >= ?2" \
    " AND (posted.rolled = 0 OR posted.start_ms >= ?10) AND (?5 OR posted.source_id IN (" \
    "SELECT source.id FROM series JOIN source ON source.series_id = series.id WHERE series.group_id = ?1" \
    " AND (?6 IS NULL OR series.host = ?6) AND (?7 IS NULL OR series.process = ?7)" \
    " AND (?8 IS NULL OR source.pid = ?8) AND (?9 IS NULL OR source.fleet_id = ?9)))"

/* Sums of claims may be beyond an integer: total() gives a double where sum() would fail. */
#define LIST_BY(columns, keys) \
    "SELECT " columns ", count(*), total(samples), total(cpu_ns), total(wall_ns), min(start_ms), max(end_ms)" \
    " FROM posted JOIN source ON source.id = posted.source_id JOIN series ON series.id = source.series_id WHERE" IN_RANGE \
    " GROUP BY " keys " ORDER BY total(cpu_ns) + total(wall_ns) DESC, 1, 2, 3, 4"

#define TIMES(order) \
    "SELECT DISTINCT start_ms - start_ms % ?4 AS begin_ms FROM posted WHERE group_id = ?1 AND start_ms BETWEEN ?2 AND ?3" \
    " ORDER BY begin_ms " order " LIMIT ?5"

static const char *const STATEMENTS[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_FIND_GROUP] = "SELECT id, longest_ms, raw_from_ms, five_from_ms, hour_from_ms, day_from_ms"
                         " FROM profile_group WHERE name = ?1",
    [STORE_PUT_GROUP] = "INSERT INTO profile_group (name, profiles, samples, first_start_ms, last_end_ms, longest_ms, created_ms,"
                        " updated_ms) VALUES (?1, 0, 0, 0, 0, 0, ?2, ?2) RETURNING id",
    [STORE_COUNT_GROUPS] = "SELECT count(*) FROM profile_group WHERE name < '~'",
    [STORE_PUT_TOKEN] = "INSERT INTO token (group_id, token) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING 1",
    [STORE_COUNT_GROUP] =
        "UPDATE profile_group SET profiles = profiles + 1, samples = samples + ?2,"
        " first_start_ms = iif(profiles = 0, ?3, min(first_start_ms, ?3)), last_end_ms = max(last_end_ms, ?4),"
        " longest_ms = max(longest_ms, ?4 - ?3), reported_ms = ?5 WHERE id = ?1",
    [STORE_PUT_PROFILE] = "INSERT INTO profile (group_id, start_ms, end_ms, received_ms, packed) VALUES (?1, ?2, ?3, ?4, ?5)"
                          " RETURNING id",
    [STORE_FIND_SOURCE] = "SELECT source.id FROM series JOIN source ON source.series_id = series.id"
                          " WHERE group_id = ?1 AND host = ?2 AND process = ?3 AND pid = ?4 AND fleet_id = ?5",
    [STORE_PUT_SERIES] = "INSERT INTO series (group_id, host, process) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [STORE_PUT_SOURCE] = "INSERT INTO source (series_id, pid, fleet_id) SELECT id, ?4, ?5 FROM series"
                         " WHERE group_id = ?1 AND host = ?2 AND process = ?3 RETURNING id",
    [STORE_PUT_POSTED] = "INSERT INTO posted (group_id, start_ms, id, end_ms, source_id, samples, cpu_ns, wall_ns)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_GROUPS] = "SELECT name, profiles, samples, first_start_ms, last_end_ms FROM profile_group"
                     " WHERE name < '~' AND profiles > 0 ORDER BY name",
    [STORE_RANGE] = "SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0), coalesce(sum(id), 0) FROM posted WHERE"
                    IN_RANGE,
    [STORE_IDS] = "SELECT id, 1 FROM posted WHERE" IN_RANGE " ORDER BY start_ms, id",
    [STORE_BARS] = "SELECT start_ms, end_ms, samples, cpu_ns, wall_ns FROM posted WHERE" IN_RANGE,
    [STORE_BY_HOST] = LIST_BY("host, '', 0, ''", "host"),
    [STORE_BY_PROCESS] = LIST_BY("host, process, 0, ''", "series.id"),
    [STORE_BY_SOURCE] = LIST_BY("host, process, pid, fleet_id", "source.id"),
    [STORE_TIMES] = TIMES("ASC"),
    [STORE_TIMES_DOWN] = TIMES("DESC"),
    [STORE_READ] = "SELECT packed FROM profile WHERE id = ?1",
    [STORE_READ_ROLLUP] = "SELECT packed FROM rollup_tree WHERE id = ?1",
    [STORE_ROLLUPS] = "SELECT id, profiles FROM rollup WHERE group_id = ?1 AND level = ?2 AND begin_ms >= ?3 AND begin_ms < ?4"
                      " AND (?5 OR carried = 0) ORDER BY begin_ms, id",
    [STORE_UNROLLED] = "SELECT id, 1 FROM posted WHERE rolled = 0 AND group_id = ?1 AND start_ms >= ?2 AND start_ms < ?3"
                       " ORDER BY start_ms, id",
    [STORE_DUE_PROFILES] = "SELECT group_id, start_ms - start_ms % ?1 AS begin_ms FROM posted WHERE rolled = 0"
                           " GROUP BY group_id, begin_ms HAVING begin_ms <= ?2 OR count(*) >= ?3 LIMIT ?4",
    [STORE_DUE_ROLLUPS] = "SELECT DISTINCT group_id, begin_ms - begin_ms % ?1 AS upper_ms FROM rollup WHERE carried = 0"
                          " AND level = ?3 AND upper_ms <= ?2 LIMIT ?4",
    [STORE_FOLD_PROFILES] = "SELECT id, 1, start_ms FROM posted WHERE rolled = 0 AND group_id = ?1 AND start_ms >= ?2"
                            " AND start_ms < ?3 ORDER BY start_ms, id LIMIT ?4",
    [STORE_FOLD_ROLLUPS] = "SELECT id, profiles, begin_ms FROM rollup WHERE group_id = ?1 AND level = ?5 AND begin_ms >= ?2"
                           " AND begin_ms < ?3 AND carried = ?6 AND bytes <= ?7 ORDER BY begin_ms, id LIMIT ?4",
    [STORE_MARK_ROLLED] = "UPDATE posted SET rolled = 1 WHERE group_id = ?2 AND start_ms = ?3 AND id = ?1 AND rolled = 0",
    [STORE_MARK_CARRIED] = "UPDATE rollup SET carried = 1 WHERE id = ?1 AND carried = 0",
    [STORE_DELETE_ROLLUP] = "DELETE FROM rollup WHERE id = ?1",
    [STORE_DELETE_ROLLUP_TREE] = "DELETE FROM rollup_tree WHERE id = ?1",
    [STORE_PUT_ROLLUP] = "INSERT INTO rollup (group_id, level, begin_ms, carried, profiles, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                         " RETURNING id",
    [STORE_PUT_ROLLUP_TREE] = "INSERT INTO rollup_tree (id, packed) VALUES (?1, ?2)",
};

int pando_store_prepare_one(sqlite3 *db, enum pando_store_statement number, sqlite3_stmt **ret_statement)
{
    return sqlite3_prepare_v3(db, STATEMENTS[number], -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
}

int pando_store_prepare(sqlite3 *db, sqlite3_stmt *statements[STORE_STATEMENTS])
{
    int code = SQLITE_OK;
    for (int i = 0; i < STORE_STATEMENTS && code == SQLITE_OK; i++)
        code = pando_store_prepare_one(db, (enum pando_store_statement)i, &statements[i]);
    return code;
}

void pando_store_finalize(sqlite3_stmt *statements[STORE_STATEMENTS])
{
    for (int i = 0; i < STORE_STATEMENTS; i++) {
        sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}

int pando_store_step_once(sqlite3_stmt *statement, int64_t *ret_value)
{
    int code = sqlite3_step(statement);
    *ret_value = 0;
    if (code == SQLITE_ROW) {
        *ret_value = sqlite3_column_int64(statement, 0);
        code = sqlite3_step(statement); /* an INSERT with RETURNING is done only after its last row */
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

uint64_t pando_store_column(sqlite3_stmt *statement, int number)
{
    if (sqlite3_column_type(statement, number) == SQLITE_FLOAT) {
        double value = sqlite3_column_double(statement, number);
        return value < 0 ? 0 : value < 18446744073709549568.0 ? (uint64_t)value : UINT64_MAX;
    }
    int64_t value = sqlite3_column_int64(statement, number);
    return value > 0 ? (uint64_t)value : 0;
}
