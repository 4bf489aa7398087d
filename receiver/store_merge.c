/* Why: receiver/store.h: reading profiles out: the groups, what a range holds, and the sum of it.
 * Context: own process; any thread. The lock is held for one row at a time: a long sum never holds up a post. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "receiver/packed.h"
#include "receiver/store_private.h"

enum {
    MERGED_LIMIT_BYTES = 1 << 29,
    NS_PER_S = 1000000000,
};

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

struct ids {
    int64_t *list;
    size_t count, capacity;
};

static int read_ids(struct pando_store *store, int64_t group_id, uint64_t start_ms, uint64_t end_ms, struct ids *ids,
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

/* Reads one profile; 1 when it is not there any more. */
static int read_profile(struct pando_store *store, int64_t id, struct pando_packed *packed, char *message,
                        size_t message_bytes)
{
    sqlite3_stmt *read = pando_store_lock(store, STORE_READ);
    sqlite3_bind_int64(read, 1, id);
    int code = sqlite3_step(read);
    int error = code == SQLITE_DONE ? 1 : code == SQLITE_ROW ? 0 : PANDO_ERR_IO;
    void *copy = NULL;
    size_t len_bytes = 0;
    if (error == 0) {
        const void *bytes = sqlite3_column_blob(read, 0);
        len_bytes = (size_t)sqlite3_column_bytes(read, 0);
        copy = malloc(len_bytes + 1);
        if (copy != NULL && bytes != NULL)
            memcpy(copy, bytes, len_bytes);
    } else if (error < 0) {
        explain(store, code, message, message_bytes);
    }
    pando_store_unlock(store, read);
    if (error != 0)
        return error;
    error = copy != NULL ? pando_packed_decode(copy, len_bytes, packed) : PANDO_ERR_NO_MEMORY;
    free(copy);
    if (error != 0)
        snprintf(message, message_bytes, error == PANDO_ERR_NO_MEMORY ? "There is no memory for profile %lld of the store."
                                         : error == PANDO_ERR_UNSUPPORTED ? "Profile %lld of the store is from a later Pando."
                                                                          : "Profile %lld of the store is damaged.",
                 (long long)id);
    return error == PANDO_ERR_NO_MEMORY || error == 0 ? error : PANDO_ERR_IO;
}

/* A name of the last profile, as a string of the sum. Names are not worth failing for: 0 when there is no room. */
static uint32_t carry(struct pando_profile_builder *builder, const struct pando_profile *profile, uint32_t string)
{
    const char *text = profile->strings[string];
    int64_t number = pando_profile_builder_string(builder, text, strlen(text));
    return number > 0 ? (uint32_t)number : 0;
}

static void add_meta(struct pando_profile_builder *builder, const struct pando_profile *profile, bool is_first, bool is_last)
{
    const struct pando_profile_meta *from = &profile->meta;
    struct pando_profile_meta *sum = pando_profile_builder_meta(builder);
    if (is_first || from->start_wall_ms < sum->start_wall_ms)
        sum->start_wall_ms = from->start_wall_ms;
    if (is_first || from->end_wall_ms > sum->end_wall_ms)
        sum->end_wall_ms = from->end_wall_ms;
    if (is_first || from->agent_start_wall_ms < sum->agent_start_wall_ms)
        sum->agent_start_wall_ms = from->agent_start_wall_ms;
    sum->active_ms += from->active_ms;
    sum->cpu_time_s += from->cpu_time_s;
    sum->samples += from->samples;
    sum->overhead_cpu_ms += from->overhead_cpu_ms;
    if (from->overhead_memory_mib > sum->overhead_memory_mib)
        sum->overhead_memory_mib = from->overhead_memory_mib;
    sum->weight_per_second = NS_PER_S;
    if (!is_last)
        return;
    sum->mean_threads = from->mean_threads;
    sum->pid = from->pid;
    sum->vcpus = from->vcpus;
    memcpy(sum->fleet_id, from->fleet_id, sizeof sum->fleet_id);
    sum->counter_name = carry(builder, profile, from->counter_name);
    sum->runtime_version = carry(builder, profile, from->runtime_version);
    sum->agent_type = carry(builder, profile, from->agent_type);
    sum->agent_version = carry(builder, profile, from->agent_version);
    sum->host_name = carry(builder, profile, from->host_name);
    sum->process_name = carry(builder, profile, from->process_name);
}

static int add_all(struct pando_store *store, const struct ids *ids, struct pando_profile_builder *builder,
                   uint64_t *ret_count, char *message, size_t message_bytes)
{
    *ret_count = 0;
    for (size_t i = 0; i < ids->count; i++) {
        struct pando_packed packed;
        int error = read_profile(store, ids->list[i], &packed, message, message_bytes);
        if (error == 1)
            continue;
        if (error != 0)
            return error;
        error = pando_profile_builder_merge(builder, &packed.profile, NS_PER_S);
        if (error == 0)
            add_meta(builder, &packed.profile, *ret_count == 0, i + 1 == ids->count);
        pando_packed_release(&packed);
        if (error != 0) {
            snprintf(message, message_bytes, error == PANDO_ERR_LIMIT
                         ? "The sum of these %zu profiles is too large; choose a shorter time."
                         : "There is no memory for the sum of these %zu profiles.", ids->count);
            return error;
        }
        ++*ret_count;
    }
    return 0;
}

int pando_store_merge(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    int64_t group_id;
    struct ids ids = {0};
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
        error = add_all(store, &ids, builder, &count, message, message_bytes);
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
