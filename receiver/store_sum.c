/* Why: adds up rows of the store, single profiles and roll-ups alike: both are trees with whole nanoseconds once they are added,
 * so it makes no difference which way a number came.
 * Context: own process; any thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "receiver/packed.h"
#include "receiver/store_private.h"

enum {
    SUM_LIMIT_BYTES = 1 << 29,
    NS_PER_S = 1000000000,
};

static int explain_row(int error, const struct pando_store_item *item, char *message, size_t message_bytes)
{
    const char *what = item->is_rollup ? "Roll-up" : "Profile";
    if (error == PANDO_ERR_NO_MEMORY)
        snprintf(message, message_bytes, "There is no memory for %s %lld of the store.", what, (long long)item->id);
    else
        snprintf(message, message_bytes, "%s %lld of the store is %s.", what, (long long)item->id,
                 error == PANDO_ERR_UNSUPPORTED ? "from a later Pando" : "damaged");
    return error == PANDO_ERR_NO_MEMORY ? error : PANDO_ERR_SYNTAX;
}

/* A row that the plan has and the store has not is damage too: nothing may be missing from a sum unsaid. */
int pando_store_read(struct pando_store_view *view, const struct pando_store_item *item, struct pando_packed *packed,
                     char *message, size_t message_bytes)
{
    sqlite3_stmt *read = pando_store_view_use(view, item->is_rollup ? STORE_READ_ROLLUP : STORE_READ);
    sqlite3_bind_int64(read, 1, item->id);
    int code = sqlite3_step(read);
    void *copy = NULL;
    size_t len_bytes = 0;
    if (code == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(read, 0);
        len_bytes = (size_t)sqlite3_column_bytes(read, 0);
        copy = malloc(len_bytes + 1);
        if (copy != NULL && bytes != NULL)
            memcpy(copy, bytes, len_bytes);
    } else if (code != SQLITE_DONE) {
        pando_store_explain_read(pando_store_view_db(view), code, message, message_bytes);
    }
    pando_store_view_done(view, read);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return PANDO_ERR_IO;
    int error = code == SQLITE_DONE ? PANDO_ERR_SYNTAX : copy == NULL ? PANDO_ERR_NO_MEMORY : 0;
    if (error == 0)
        error = pando_packed_decode(copy, len_bytes, packed); /* without the store's lock */
    free(copy);
    return error == 0 ? 0 : explain_row(error, item, message, message_bytes);
}

/* A name as a string of the sum; the last profile's stays. Names are not worth failing for: 0 when there is no room. */
static uint32_t carry(struct pando_profile_builder *builder, const struct pando_profile *profile, uint32_t string)
{
    const char *text = profile->strings[string];
    int64_t number = pando_profile_builder_string(builder, text, strlen(text));
    return number > 0 ? (uint32_t)number : 0;
}

static void add_meta(struct pando_profile_builder *builder, const struct pando_profile *profile, bool is_first)
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

int pando_store_add(struct pando_profile_builder *builder, const struct pando_profile *profile, bool is_first)
{
    int error = pando_profile_builder_merge(builder, profile, NS_PER_S);
    if (error == 0)
        add_meta(builder, profile, is_first);
    return error;
}

static int add_item(struct pando_store_view *view, const struct pando_store_item *item, struct pando_profile_builder *builder,
                    bool is_first, char *message, size_t message_bytes)
{
    struct pando_packed packed;
    int error = pando_store_read(view, item, &packed, message, message_bytes);
    if (error != 0)
        return error == PANDO_ERR_SYNTAX ? PANDO_ERR_IO : error;
    error = pando_store_add(builder, &packed.profile, is_first);
    pando_packed_release(&packed);
    if (error != 0)
        snprintf(message, message_bytes, error == PANDO_ERR_LIMIT ? "The sum of these profiles is too large; choose a shorter time."
                                                                  : "There is no memory for the sum of these profiles.");
    return error;
}

static int add_up(struct pando_store_view *view, const struct pando_store_plan *plan, struct pando_profile **ret_profile,
                  uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    if (plan->count == 0) {
        snprintf(message, message_bytes, "The group has no profile in that time.");
        return PANDO_ERR_NOT_FOUND;
    }
    struct pando_profile_builder *builder = pando_profile_builder_new(SUM_LIMIT_BYTES);
    uint64_t count = 0;
    int error = 0;
    if (builder == NULL) {
        snprintf(message, message_bytes, "There is no memory for the sum of these profiles.");
        return PANDO_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < plan->count && error == 0; i++) {
        error = add_item(view, &plan->items[i], builder, i == 0, message, message_bytes);
        count += plan->items[i].profiles;
    }
    if (error != 0) {
        pando_profile_builder_free(builder);
        return error;
    }
    *ret_profile = pando_profile_builder_finish(builder);
    *ret_profile_count = count;
    if (*ret_profile != NULL)
        return 0;
    snprintf(message, message_bytes, "There is no memory for the sum of these profiles.");
    return PANDO_ERR_NO_MEMORY;
}

int pando_store_sum(struct pando_store *store, const struct pando_store_query *query, struct pando_profile **ret_profile,
                    uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    struct pando_store_view view;
    struct pando_store_bounds bounds;
    struct pando_store_plan plan = {0};
    int error = pando_store_view_begin(store, &view, message, message_bytes);
    if (error != 0)
        return error;
    error = pando_store_bounds(&view, query, &bounds, message, message_bytes);
    if (error == 0)
        error = pando_store_plan(&view, query, &bounds, &plan, message, message_bytes);
    if (error == 0)
        error = add_up(&view, &plan, ret_profile, ret_profile_count, message, message_bytes);
    pando_store_view_end(&view);
    pando_store_plan_release(&plan);
    return error;
}

int pando_store_merge(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms,
                      struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    const struct pando_store_query query = {.group = group, .start_ms = start_ms, .end_ms = end_ms};
    return pando_store_sum(store, &query, ret_profile, ret_profile_count, message, message_bytes);
}
