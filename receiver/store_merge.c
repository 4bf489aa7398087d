/* Why: receiver/store.h: the sum of what a query finds (added up by store_sum.c).
 * Context: own process; any thread. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "receiver/store_private.h"

enum { MERGED_LIMIT_BYTES = 1 << 29 };

static int read_ids(struct pando_store *store, const struct pando_store_query *query, const struct pando_store_bounds *bounds,
                    struct pando_store_ids *ids, char *message, size_t message_bytes)
{
    sqlite3_stmt *select = pando_store_lock(store, STORE_IDS);
    pando_store_bind_query(select, query, bounds);
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
        pando_store_explain_read(store->db, code, message, message_bytes);
        error = PANDO_ERR_IO;
    }
    pando_store_unlock(store, select);
    return error;
}

int pando_store_sum(struct pando_store *store, const struct pando_store_query *query, struct pando_profile **ret_profile,
                    uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    struct pando_store_bounds bounds;
    struct pando_store_ids ids = {0};
    uint64_t count = 0;
    int error = pando_store_bounds(store, query, &bounds, message, message_bytes);
    if (error == 0)
        error = read_ids(store, query, &bounds, &ids, message, message_bytes);
    struct pando_profile_builder *builder = error == 0 ? pando_profile_builder_new(MERGED_LIMIT_BYTES) : NULL;
    if (error == 0 && builder == NULL) {
        snprintf(message, message_bytes, "There is no memory for the sum of these profiles.");
        error = PANDO_ERR_NO_MEMORY;
    }
    if (error == 0)
        error = pando_store_sum_ids(store, bounds.group_id, &ids, builder, &count, message, message_bytes);
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

int pando_store_merge(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    const struct pando_store_query query = {.group = group, .start_ms = start_ms, .end_ms = end_ms};
    return pando_store_sum(store, &query, ret_profile, ret_profile_count, message, message_bytes);
}
