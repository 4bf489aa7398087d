/* Why: receiver/store.h: what is asked of many profiles without reading one: groups, ranges, hosts and processes.
 * Context: own process; any thread. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "receiver/store_levels.h"
#include "receiver/store_private.h"

int pando_store_groups(struct pando_store *store, int (*visit)(void *context, const struct pando_store_group *group),
                       void *context)
{
    char unused[256];
    struct pando_store_view view;
    int code = SQLITE_DONE, result = pando_store_view_begin(store, &view, unused, sizeof unused);
    if (result != 0)
        return result;
    sqlite3_stmt *groups = pando_store_view_use(&view, STORE_GROUPS);
    while (result == 0 && (code = sqlite3_step(groups)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(groups, 0);
        const struct pando_store_group group = {
            .name = name != NULL ? name : "", .profiles = pando_store_column(groups, 1),
            .samples = pando_store_column(groups, 2), .first_start_ms = pando_store_column(groups, 3),
            .last_end_ms = pando_store_column(groups, 4)};
        result = visit(context, &group);
    }
    if (result == 0 && code != SQLITE_DONE)
        result = PANDO_ERR_IO;
    pando_store_view_done(&view, groups);
    pando_store_view_end(&view);
    return result;
}

static int64_t bounded(uint64_t value_ms)
{
    return value_ms < INT64_MAX ? (int64_t)value_ms : INT64_MAX;
}

int pando_store_bounds(struct pando_store_view *view, const struct pando_store_query *query, struct pando_store_bounds *ret_bounds,
                       char *message, size_t message_bytes)
{
    sqlite3_stmt *find = pando_store_view_use(view, STORE_FIND_GROUP);
    sqlite3_bind_text(find, 1, query->group, -1, SQLITE_STATIC);
    int code = sqlite3_step(find);
    int error = code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? PANDO_ERR_NOT_FOUND : PANDO_ERR_IO;
    if (error == 0) {
        struct pando_store_bounds bounds = {.group_id = sqlite3_column_int64(find, 0), .start_ms = bounded(query->start_ms),
                                            .end_ms = bounded(query->end_ms)};
        int64_t longest_ms = sqlite3_column_int64(find, 1);
        bounds.earliest_ms = query->by_start ? bounds.start_ms : bounds.start_ms > longest_ms ? bounds.start_ms - longest_ms : 0;
        for (int level = 0; level < 4; level++)
            bounds.from_ms[level] = sqlite3_column_int64(find, 2 + level);
        *ret_bounds = bounds;
    } else if (error == PANDO_ERR_NOT_FOUND) {
        snprintf(message, message_bytes, "There is no profiling group of this name.");
    } else {
        pando_store_explain_read(pando_store_view_db(view), code, message, message_bytes);
    }
    pando_store_view_done(view, find);
    return error;
}

bool pando_store_query_is_any(const struct pando_store_query *query)
{
    return query->host == NULL && query->process == NULL && query->fleet_id == NULL && query->pid == 0;
}

void pando_store_bind_query(sqlite3_stmt *statement, const struct pando_store_query *query, const struct pando_store_bounds *bounds)
{
    sqlite3_bind_int64(statement, 1, bounds->group_id);
    sqlite3_bind_int64(statement, 2, bounds->start_ms);
    sqlite3_bind_int64(statement, 3, bounds->end_ms);
    sqlite3_bind_int64(statement, 4, bounds->earliest_ms);
    sqlite3_bind_int(statement, 5, pando_store_query_is_any(query));
    sqlite3_bind_text(statement, 6, query->host, -1, SQLITE_STATIC); /* NULL is bound as NULL */
    sqlite3_bind_text(statement, 7, query->process, -1, SQLITE_STATIC);
    if (query->pid != 0)
        sqlite3_bind_int64(statement, 8, query->pid);
    sqlite3_bind_text(statement, 9, query->fleet_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 10, 0);
}

int pando_store_query_begin(struct pando_store *store, const struct pando_store_query *query, struct pando_store_view *view,
                            struct pando_store_bounds *bounds)
{
    char unused[256];
    int error = pando_store_view_begin(store, view, unused, sizeof unused);
    if (error != 0)
        return error;
    error = pando_store_bounds(view, query, bounds, unused, sizeof unused);
    if (error != 0)
        pando_store_view_end(view);
    return error;
}

int pando_store_find(struct pando_store *store, const struct pando_store_query *query, struct pando_store_range *ret_range)
{
    struct pando_store_view view;
    struct pando_store_bounds bounds;
    int error = pando_store_query_begin(store, query, &view, &bounds);
    if (error != 0)
        return error;
    sqlite3_stmt *range = pando_store_view_use(&view, STORE_RANGE);
    pando_store_bind_query(range, query, &bounds);
    if (sqlite3_step(range) == SQLITE_ROW)
        *ret_range = (struct pando_store_range){
            .count = pando_store_column(range, 0), .first_id = pando_store_column(range, 1),
            .last_id = pando_store_column(range, 2), .id_sum = pando_store_column(range, 3)};
    else
        error = PANDO_ERR_IO;
    pando_store_view_done(&view, range);
    pando_store_view_end(&view);
    return error;
}

int pando_store_range(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_store_range *ret_range)
{
    const struct pando_store_query query = {.group = group, .start_ms = start_ms, .end_ms = end_ms};
    return pando_store_find(store, &query, ret_range);
}

static const char *text_of(sqlite3_stmt *row, int number)
{
    const char *text = (const char *)sqlite3_column_text(row, number);
    return text != NULL ? text : "";
}

int pando_store_sources(struct pando_store *store, const struct pando_store_query *query, enum pando_store_by by,
                        int (*visit)(void *context, const struct pando_store_source *source), void *context)
{
    struct pando_store_view view;
    struct pando_store_bounds bounds;
    int error = pando_store_query_begin(store, query, &view, &bounds);
    if (error != 0)
        return error;
    static const enum pando_store_statement statements[] = {STORE_BY_HOST, STORE_BY_PROCESS, STORE_BY_SOURCE};
    sqlite3_stmt *row = pando_store_view_use(&view, statements[by]);
    pando_store_bind_query(row, query, &bounds);
    int code = SQLITE_DONE, result = 0;
    while (result == 0 && (code = sqlite3_step(row)) == SQLITE_ROW) {
        const struct pando_store_source source = {
            .host = text_of(row, 0), .process = text_of(row, 1), .pid = (uint32_t)pando_store_column(row, 2),
            .fleet_id = text_of(row, 3), .profiles = pando_store_column(row, 4), .samples = pando_store_column(row, 5),
            .cpu_ns = pando_store_column(row, 6), .wall_ns = pando_store_column(row, 7),
            .first_start_ms = pando_store_column(row, 8), .last_end_ms = pando_store_column(row, 9)};
        result = visit(context, &source);
    }
    if (result == 0 && code != SQLITE_DONE)
        result = PANDO_ERR_IO;
    pando_store_view_done(&view, row);
    pando_store_view_end(&view);
    return result;
}

int64_t pando_store_times(struct pando_store *store, const char *group, uint64_t span_ms, uint64_t start_ms, uint64_t end_ms,
                          bool falling, uint64_t *begins_ms, size_t max)
{
    struct pando_store_view view;
    struct pando_store_bounds bounds;
    const struct pando_store_query query = {.group = group, .start_ms = start_ms, .end_ms = end_ms, .by_start = true};
    int error = pando_store_query_begin(store, &query, &view, &bounds);
    if (error != 0)
        return error;
    sqlite3_stmt *times = pando_store_view_use(&view, falling ? STORE_TIMES_DOWN : STORE_TIMES);
    sqlite3_bind_int64(times, 1, bounds.group_id);
    sqlite3_bind_int64(times, 2, bounds.start_ms);
    sqlite3_bind_int64(times, 3, bounds.end_ms);
    sqlite3_bind_int64(times, 4, bounded(span_ms));
    sqlite3_bind_int64(times, 5, bounded(max));
    sqlite3_bind_int(times, 6, span_ms >= 86400000 ? STORE_DAY : span_ms >= 3600000 ? STORE_HOUR : STORE_5_MIN);
    int64_t count = 0;
    int code;
    while ((code = sqlite3_step(times)) == SQLITE_ROW && count < (int64_t)max)
        begins_ms[count++] = pando_store_column(times, 0);
    pando_store_view_done(&view, times);
    pando_store_view_end(&view);
    return code == SQLITE_DONE ? count : PANDO_ERR_IO;
}
