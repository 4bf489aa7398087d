/* Why: receiver/store.h: reading profiles out: the groups, what a range holds, and the sum of it (by store_sum.c).
 * Context: own process; any thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "receiver/store_private.h"

enum { MERGED_LIMIT_BYTES = 1 << 29 };

static uint64_t column(sqlite3_stmt *statement, int number)
{
    int64_t value = sqlite3_column_int64(statement, number);
    return value > 0 ? (uint64_t)value : 0;
}

int pando_store_groups(struct pando_store *store, int (*visit)(void *context, const struct pando_store_group *group),
                       void *context)
{
    sqlite3_stmt *groups = pando_store_lock(store, STORE_GROUPS);
    int code, result = 0;
    while (result == 0 && (code = sqlite3_step(groups)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(groups, 0);
        const struct pando_store_group group = {
            .name = name != NULL ? name : "", .profiles = column(groups, 1), .samples = column(groups, 2),
            .first_start_ms = column(groups, 3), .last_end_ms = column(groups, 4)};
        result = visit(context, &group);
    }
    if (result == 0 && code != SQLITE_DONE)
        result = PANDO_ERR_IO;
    pando_store_unlock(store, groups);
    return result;
}

static void explain(struct pando_store *store, int code, char *message, size_t message_bytes)
{
    pando_store_explain(store->db, code, "The store cannot be read", message, message_bytes);
}

/* The group's number. PANDO_ERR_NOT_FOUND, or PANDO_ERR_IO with a sentence. */
static int find_group(struct pando_store *store, const char *group, int64_t *ret_id, char *message, size_t message_bytes)
{
    sqlite3_stmt *find = pando_store_lock(store, STORE_FIND_GROUP);
    sqlite3_bind_text(find, 1, group, -1, SQLITE_STATIC);
    int code = sqlite3_step(find);
    int error = code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? PANDO_ERR_NOT_FOUND : PANDO_ERR_IO;
    if (error == 0)
        *ret_id = sqlite3_column_int64(find, 0);
    else if (error == PANDO_ERR_NOT_FOUND)
        snprintf(message, message_bytes, "There is no profiling group of this name.");
    else
        explain(store, code, message, message_bytes);
    pando_store_unlock(store, find);
    return error;
}

static void bind_range(sqlite3_stmt *statement, int64_t group_id, uint64_t start_ms, uint64_t end_ms)
{
    sqlite3_bind_int64(statement, 1, group_id);
    sqlite3_bind_int64(statement, 2, start_ms < INT64_MAX ? (int64_t)start_ms : INT64_MAX);
    sqlite3_bind_int64(statement, 3, end_ms < INT64_MAX ? (int64_t)end_ms : INT64_MAX);
}

int pando_store_range(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_store_range *ret_range)
{
    char unused[256];
    int64_t group_id;
    int error = find_group(store, group, &group_id, unused, sizeof unused);
    if (error != 0)
        return error;
    sqlite3_stmt *range = pando_store_lock(store, STORE_RANGE);
    bind_range(range, group_id, start_ms, end_ms);
    if (sqlite3_step(range) == SQLITE_ROW)
        *ret_range = (struct pando_store_range){.count = column(range, 0), .first_id = column(range, 1),
                                                .last_id = column(range, 2), .id_sum = column(range, 3)};
    else
        error = PANDO_ERR_IO;
    pando_store_unlock(store, range);
    return error;
}

static int read_ids(struct pando_store *store, int64_t group_id, uint64_t start_ms, uint64_t end_ms, struct pando_store_ids *ids,
                    char *message, size_t message_bytes)
{
    sqlite3_stmt *select = pando_store_lock(store, STORE_IDS);
    bind_range(select, group_id, start_ms, end_ms);
    int code, error = 0;
    while (error == 0 && (code = sqlite3_step(select)) == SQLITE_ROW) {
        if (ids->count == ids->capacity) {
            size_t capacity = ids->capacity * 2 + 64;
            int64_t *list = realloc(ids->list, capacity * sizeof *list);
            if (list == NULL) {
                snprintf(message, message_bytes, "There is no memory for the sum of these profiles.");
                error = PANDO_ERR_NO_MEMORY;
                break;
            }
            ids->list = list;
            ids->capacity = capacity;
        }
        ids->list[ids->count++] = sqlite3_column_int64(select, 0);
    }
    if (error == 0 && code != SQLITE_DONE) {
        explain(store, code, message, message_bytes);
        error = PANDO_ERR_IO;
    }
    pando_store_unlock(store, select);
    return error;
}

int pando_store_merge(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    int64_t group_id;
    struct pando_store_ids ids = {0};
    uint64_t count = 0;
    int error = find_group(store, group, &group_id, message, message_bytes);
    if (error == 0)
        error = read_ids(store, group_id, start_ms, end_ms, &ids, message, message_bytes);
    struct pando_profile_builder *builder = error == 0 ? pando_profile_builder_new(MERGED_LIMIT_BYTES) : NULL;
    if (error == 0 && builder == NULL) {
        snprintf(message, message_bytes, "There is no memory for the sum of these profiles.");
        error = PANDO_ERR_NO_MEMORY;
    }
    if (error == 0)
        error = pando_store_sum(store, group_id, &ids, builder, &count, message, message_bytes);
    free(ids.list);
    if (error == 0 && count == 0) {
        snprintf(message, message_bytes, "The group has no profile in that time.");
        error = PANDO_ERR_NOT_FOUND;
    }
    if (error != 0) {
        pando_profile_builder_free(builder);
        return error;
    }
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    if (profile == NULL)
        return PANDO_ERR_NO_MEMORY;
    *ret_profile = profile;
    *ret_profile_count = count;
    return 0;
}
