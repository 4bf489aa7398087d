/* Why: all the SQL that the store does with its tables, as constants, so that no name or body is ever part of it.
 * Context: own process. */
#include "receiver/store_private.h"

/* Of `posted`: ?1 group, ?2 and ?3 the range, ?4 how far before it a profile may have begun that reaches into it; then the filter:
 * ?5 whether there is none, ?6 host, ?7 process, ?8 pid, ?9 the start of the process, NULL for any. ?10: what began before it
 * counts only if it is in no roll-up yet. */
#define IN_RANGE \
    " posted.group_id = ?1 AND posted.start_ms BETWEEN ?4 AND ?3 AND posted.end_ms >= ?2" \
    " AND (posted.rolled = 0 OR posted.start_ms >= ?10) AND (?5 OR posted.source_id IN (" \
    "SELECT source.id FROM series JOIN source ON source.series_id = series.id WHERE series.group_id = ?1" \
    " AND (?6 IS NULL OR series.host = ?6) AND (?7 IS NULL OR series.process = ?7)" \
    " AND (?8 IS NULL OR source.pid = ?8) AND (?9 IS NULL OR source.fleet_id = ?9)))"

/* Of `activity`, what is left of single profiles that are gone: in whole spans, by host and process only. */
#define IN_ACTIVITY \
    " activity.group_id = ?1 AND activity.begin_ms BETWEEN ?2 - 86400000 AND ?3 AND activity.begin_ms + activity.span_ms > ?2" \
    " AND (?5 OR (?8 IS NULL AND ?9 IS NULL AND activity.series_id IN (SELECT id FROM series WHERE group_id = ?1" \
    " AND (?6 IS NULL OR host = ?6) AND (?7 IS NULL OR process = ?7))))"

/* Sums of claims may be beyond an integer: total() gives a double where sum() would fail. */
#define LIST_BY(columns, keys) \
    "WITH part AS (SELECT series_id, pid, fleet_id, 1 AS profiles, samples, cpu_ns, wall_ns, start_ms, end_ms" \
    " FROM posted JOIN source ON source.id = posted.source_id WHERE" IN_RANGE \
    " UNION ALL SELECT series_id, 0, '', profiles, samples, cpu_ns, wall_ns, begin_ms, end_ms FROM activity WHERE" IN_ACTIVITY ")" \
    " SELECT " columns ", total(profiles), total(samples), total(cpu_ns), total(wall_ns), min(start_ms), max(end_ms)" \
    " FROM part JOIN series ON series.id = part.series_id" \
    " GROUP BY " keys " ORDER BY total(cpu_ns) + total(wall_ns) DESC, 1, 2, 3, 4"

/* Two numbers that add up to no more than an integer takes. */
#define ADD(column) #column " = CAST(min(" #column " + excluded." #column ", 9000000000000000000) AS INTEGER)"
#define SUM(column) "CAST(min(total(" #column "), 9000000000000000000) AS INTEGER)"
#define ADD_ACTIVITY \
    " ON CONFLICT DO UPDATE SET " ADD(profiles) ", " ADD(samples) ", " ADD(cpu_ns) ", " ADD(wall_ns) \
    ", end_ms = max(end_ms, excluded.end_ms)"

/* Roll-ups that may go, because they are in the level above, or there is none: by their time, and by when they were made. */
#define OLD_ROLLUPS(level, before, made) \
    "SELECT rollup.id, rollup.group_id, level, begin_ms FROM profile_group JOIN rollup ON rollup.group_id = profile_group.id" \
    " AND level = " level " AND begin_ms < " before " WHERE carried = 1 AND made_ms < " made

#define TIMES(order) \
    "SELECT start_ms - start_ms % ?4 AS span_ms FROM posted WHERE group_id = ?1 AND start_ms BETWEEN ?2 AND ?3" \
    " UNION SELECT begin_ms - begin_ms % ?4 FROM rollup WHERE group_id = ?1 AND level <= ?6 AND begin_ms BETWEEN ?2 AND ?3" \
    " ORDER BY span_ms " order " LIMIT ?5"

static const char *const STATEMENTS[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_FIND_GROUP] = "SELECT id, longest_ms, raw_from_ms, five_from_ms, hour_from_ms, day_from_ms"
                         " FROM profile_group WHERE name = ?1",
    [STORE_PUT_GROUP] = "INSERT INTO profile_group (name, profiles, samples, first_start_ms, last_end_ms, longest_ms, created_ms,"
                        " updated_ms) VALUES (?1, 0, 0, 0, 0, 0, ?2, ?2) RETURNING id",
    [STORE_COUNT_GROUPS] = "SELECT count(*) FROM profile_group WHERE name < '~'",
    [STORE_PUT_TOKEN] = "INSERT INTO token (group_id, token, seen_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING 1",
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
    [STORE_RANGE] = "SELECT count(*) + (SELECT total(profiles) FROM activity WHERE" IN_ACTIVITY "), coalesce(min(id), 0),"
                    " coalesce(max(id), 0), total(id) FROM posted WHERE" IN_RANGE,
    [STORE_IDS] = "SELECT id, 1 FROM posted WHERE" IN_RANGE " ORDER BY start_ms, id",
    [STORE_BARS] = "SELECT start_ms, end_ms, 1, samples, cpu_ns, wall_ns FROM posted WHERE" IN_RANGE " UNION ALL SELECT begin_ms,"
                   " begin_ms + span_ms, profiles, samples, cpu_ns, wall_ns FROM activity WHERE" IN_ACTIVITY,
    [STORE_BY_HOST] = LIST_BY("host, '', 0, ''", "host"),
    [STORE_BY_PROCESS] = LIST_BY("host, process, 0, ''", "series.id"),
    [STORE_BY_SOURCE] = LIST_BY("host, process, pid, fleet_id", "series.id, pid, fleet_id"),
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
    [STORE_PUT_ROLLUP] = "INSERT INTO rollup (group_id, level, begin_ms, carried, profiles, bytes, made_ms)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
    [STORE_MOVE_BOUNDS] = "UPDATE profile_group SET raw_from_ms = max(raw_from_ms, ?1), five_from_ms = max(five_from_ms, ?2),"
                          " hour_from_ms = max(hour_from_ms, ?3), day_from_ms = max(day_from_ms, ?4) WHERE id = ?5",
    [STORE_OLD_GROUP] = "SELECT id FROM profile_group WHERE EXISTS (SELECT 1 FROM posted JOIN profile ON profile.id = posted.id"
                        " WHERE posted.group_id = profile_group.id AND posted.start_ms < ?1 AND rolled = 1"
                        " AND received_ms < ?2) LIMIT 1",
    [STORE_OLD_PROFILES] = "SELECT posted.id, posted.group_id, 0, posted.start_ms FROM posted JOIN profile ON profile.id = posted.id"
                           " WHERE posted.group_id = ?3 AND posted.start_ms < ?1 AND rolled = 1 AND received_ms < ?2"
                           " ORDER BY posted.start_ms LIMIT ?4",
    [STORE_OLD_ROLLUPS] = OLD_ROLLUPS("1", "?1", "?4") " UNION ALL " OLD_ROLLUPS("2", "?2", "?5") " UNION ALL "
                          OLD_ROLLUPS("3", "?3", "?6") " LIMIT ?7",
    [STORE_PUT_ACTIVITY] = "INSERT INTO activity (group_id, begin_ms, span_ms, series_id, profiles, samples, cpu_ns, wall_ns, end_ms)"
                           " SELECT group_id, start_ms - start_ms % 300000, 300000, series_id, 1, samples, cpu_ns, wall_ns, end_ms"
                           " FROM posted JOIN source ON source.id = posted.source_id"
                           " WHERE group_id = ?2 AND start_ms = ?3 AND posted.id = ?1" ADD_ACTIVITY,
    [STORE_DELETE_POSTED] = "DELETE FROM posted WHERE group_id = ?2 AND start_ms = ?3 AND id = ?1",
    [STORE_DELETE_PROFILE] = "DELETE FROM profile WHERE id = ?1",
    [STORE_OLD_ACTIVITY_5_MIN] = "SELECT max(begin_ms, 1) FROM profile_group JOIN activity ON group_id = profile_group.id"
                                 " WHERE span_ms = 300000 AND begin_ms < five_from_ms LIMIT 1",
    [STORE_OLD_ACTIVITY_HOUR] = "SELECT max(begin_ms, 1) FROM profile_group JOIN activity ON group_id = profile_group.id"
                                " WHERE span_ms = 3600000 AND begin_ms < hour_from_ms LIMIT 1",
    [STORE_WIDEN_ACTIVITY] = "INSERT INTO activity (group_id, begin_ms, span_ms, series_id, profiles, samples, cpu_ns, wall_ns, end_ms)"
                             " SELECT group_id, ?1, ?2, series_id, " SUM(profiles) ", " SUM(samples) ", " SUM(cpu_ns) ", "
                             SUM(wall_ns) ", max(end_ms) FROM activity WHERE span_ms = ?3 AND begin_ms >= ?1 AND begin_ms < ?1 + ?2"
                             " GROUP BY group_id, series_id" ADD_ACTIVITY,
    [STORE_DROP_ACTIVITY] = "DELETE FROM activity WHERE span_ms = ?3 AND begin_ms >= ?1 AND begin_ms < ?1 + ?2",
    [STORE_FORGET_ACTIVITY] = "DELETE FROM activity WHERE begin_ms < (SELECT day_from_ms FROM profile_group WHERE id = group_id)"
                              " AND NOT EXISTS (SELECT 1 FROM rollup WHERE rollup.group_id = activity.group_id AND level = 3"
                              " AND rollup.begin_ms = activity.begin_ms - activity.begin_ms % 86400000)",
    [STORE_FORGET_SOURCES] = "DELETE FROM source WHERE id NOT IN (SELECT source_id FROM posted)",
    [STORE_FORGET_SERIES] = "DELETE FROM series WHERE id NOT IN (SELECT series_id FROM source)"
                            " AND id NOT IN (SELECT series_id FROM activity)",
    [STORE_FORGET_TOKENS] = "DELETE FROM token WHERE (group_id, token) IN (SELECT group_id, token FROM token WHERE seen_ms < ?1 LIMIT ?2)",
    [STORE_OLDEST_PROFILE] = "SELECT min(start_ms) FROM posted WHERE rolled = 1",
    [STORE_OLDEST_ROLLUP] = "SELECT min(begin_ms) FROM rollup WHERE level = ?1 AND carried = 1",
    [STORE_PAGES] = "PRAGMA page_count",
    [STORE_FREE_PAGES] = "PRAGMA freelist_count",
    [STORE_MAX_PAGES] = "PRAGMA max_page_count",
    [STORE_PAGE_BYTES] = "PRAGMA page_size",
    [STORE_SHRINK] = "PRAGMA incremental_vacuum(512)",
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
