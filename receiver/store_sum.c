/* Why: adds up profiles for a time range. A page that follows a long range asks for the sum of thousands every few seconds: so
 * those whose numbers have the same upper part, a block, are added up once, and their sum is kept in the store. Where a range
 * has a whole block, the sum stands in for its profiles; the few at the range's ends are read one by one.
 * Context: own process; any thread. The lock is held for one row at a time: a long sum never holds up a post.
 *
 * A block's sum is used only if it counts as many profiles as the range has of the block: then the range has all of them.
 * Sums are whole nanoseconds, as those of single profiles are: it makes no difference which way a number came. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "receiver/packed.h"
#include "receiver/store_private.h"

enum {
    BLOCK_SHIFT = 8,          /* 256 profiles, of all groups, in a block */
    WORTH_A_SUM = 8,          /* fewer are as quickly read one by one */
    SUM_LIMIT_BYTES = 1 << 29,
    NS_PER_S = 1000000000,
};

/* What a sum is made for. */
struct summing {
    struct pando_store *store;
    int64_t group_id;
    int64_t open_block;       /* the one that new profiles go to */
    char *message;
    size_t message_bytes;
};

/* Steps a bound statement to its row, whose column is a packed profile, and unpacks it without the lock. 1: there is no row. */
static int unpack_row(struct pando_store *store, sqlite3_stmt *read, int64_t number, struct pando_packed *packed,
                      uint64_t *ret_count, char *message, size_t message_bytes)
{
    int code = sqlite3_step(read);
    int error = code == SQLITE_DONE ? 1 : code == SQLITE_ROW ? 0 : PANDO_ERR_IO;
    void *copy = NULL;
    size_t len_bytes = 0;
    if (error == 0) {
        const void *bytes = sqlite3_column_blob(read, 0);
        len_bytes = (size_t)sqlite3_column_bytes(read, 0);
        *ret_count = (uint64_t)sqlite3_column_int64(read, 1);
        copy = malloc(len_bytes + 1);
        if (copy != NULL && bytes != NULL)
            memcpy(copy, bytes, len_bytes);
    } else if (error < 0) {
        pando_store_explain_read(store->db, code, message, message_bytes);
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
                 (long long)number);
    return error == PANDO_ERR_NO_MEMORY || error == 0 ? error : PANDO_ERR_IO;
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


static int merge(struct summing *summing, struct pando_profile_builder *builder, const struct pando_profile *profile,
                 uint64_t *count, uint64_t profile_count)
{
    int error = pando_profile_builder_merge(builder, profile, NS_PER_S);
    if (error == 0)
        add_meta(builder, profile, *count == 0);
    else
        snprintf(summing->message, summing->message_bytes, error == PANDO_ERR_LIMIT
                     ? "The sum of these profiles is too large; choose a shorter time."
                     : "There is no memory for the sum of these profiles.");
    *count += profile_count;
    return error;
}

static int add_single(struct summing *summing, const int64_t *ids, size_t id_count, struct pando_profile_builder *builder,
                      uint64_t *count)
{
    int error = 0;
    for (size_t i = 0; i < id_count && error == 0; i++) {
        struct pando_packed packed;
        uint64_t unused;
        sqlite3_stmt *read = pando_store_lock(summing->store, STORE_READ);
        sqlite3_bind_int64(read, 1, ids[i]);
        error = unpack_row(summing->store, read, ids[i], &packed, &unused, summing->message, summing->message_bytes);
        if (error == 0) {
            error = merge(summing, builder, &packed.profile, count, 1);
            pando_packed_release(&packed);
        }
        if (error == 1) /* it is not there any more */
            error = 0;
    }
    return error;
}

/* Whether these are all that the group has in the block. */
static bool is_whole(struct summing *summing, int64_t block, size_t id_count)
{
    sqlite3_stmt *count = pando_store_lock(summing->store, STORE_COUNT_BLOCK);
    sqlite3_bind_int64(count, 1, summing->group_id);
    sqlite3_bind_int64(count, 2, block << BLOCK_SHIFT);
    sqlite3_bind_int64(count, 3, (block + 1) << BLOCK_SHIFT);
    bool whole = sqlite3_step(count) == SQLITE_ROW && sqlite3_column_int64(count, 0) == (int64_t)id_count;
    pando_store_unlock(summing->store, count);
    return whole;
}

/* Keeps the sum for the next time. If that fails (a report's store is read-only, a disk is full) the next time is slower. */
static void keep_sum(struct summing *summing, int64_t block, uint64_t profile_count, const struct pando_profile *sum)
{
    struct pando_buffer packed;
    pando_buffer_init(&packed, SUM_LIMIT_BYTES);
    if (!summing->store->read_only && pando_packed_encode(sum, &packed) == 0) {
        sqlite3_stmt *put = pando_store_lock(summing->store, STORE_PUT_SUM);
        sqlite3_bind_int64(put, 1, summing->group_id);
        sqlite3_bind_int64(put, 2, block);
        sqlite3_bind_int64(put, 3, (int64_t)profile_count);
        sqlite3_bind_blob64(put, 4, packed.bytes, packed.len_bytes, SQLITE_STATIC);
        sqlite3_step(put);
        pando_store_unlock(summing->store, put);
    }
    pando_buffer_release(&packed);
}

static int make_sum(struct summing *summing, int64_t block, const int64_t *ids, size_t id_count,
                    struct pando_profile_builder *builder, uint64_t *count)
{
    struct pando_profile_builder *own = pando_profile_builder_new(SUM_LIMIT_BYTES);
    uint64_t own_count = 0;
    int error = own != NULL ? add_single(summing, ids, id_count, own, &own_count) : PANDO_ERR_NO_MEMORY;
    if (error != 0 || own_count == 0) {
        pando_profile_builder_free(own);
        return error;
    }
    struct pando_profile *sum = pando_profile_builder_finish(own);
    if (sum == NULL)
        return PANDO_ERR_NO_MEMORY;
    keep_sum(summing, block, own_count, sum);
    error = merge(summing, builder, sum, count, own_count);
    pando_profile_free(sum);
    return error;
}

/* Adds what the range has of a block. */
static int add_block(struct summing *summing, int64_t block, const int64_t *ids, size_t id_count,
                     struct pando_profile_builder *builder, uint64_t *count)
{
    if (id_count < WORTH_A_SUM || block >= summing->open_block)
        return add_single(summing, ids, id_count, builder, count);
    struct pando_packed packed;
    uint64_t sum_count = 0;
    sqlite3_stmt *read = pando_store_lock(summing->store, STORE_READ_SUM);
    sqlite3_bind_int64(read, 1, summing->group_id);
    sqlite3_bind_int64(read, 2, block);
    sqlite3_bind_int64(read, 3, (int64_t)id_count);
    int error = unpack_row(summing->store, read, ids[0], &packed, &sum_count, summing->message, summing->message_bytes);
    if (error == 0) {
        error = merge(summing, builder, &packed.profile, count, sum_count);
        pando_packed_release(&packed);
        return error;
    }
    if (error == 1 && is_whole(summing, block, id_count))
        return make_sum(summing, block, ids, id_count, builder, count);
    return error == 1 ? add_single(summing, ids, id_count, builder, count) : error;
}

int pando_store_sum_ids(struct pando_store *store, int64_t group_id, const struct pando_store_ids *ids,
                        struct pando_profile_builder *builder, uint64_t *ret_count, char *message, size_t message_bytes)
{
    struct summing summing = {.store = store, .group_id = group_id, .message = message, .message_bytes = message_bytes};
    sqlite3_stmt *last = pando_store_lock(store, STORE_LAST_ID);
    if (sqlite3_step(last) == SQLITE_ROW)
        summing.open_block = sqlite3_column_int64(last, 0) >> BLOCK_SHIFT;
    pando_store_unlock(store, last);
    uint64_t count = 0;
    int error = 0;
    for (size_t from = 0, to; from < ids->count && error == 0; from = to) {
        int64_t block = ids->list[from] >> BLOCK_SHIFT;
        for (to = from + 1; to < ids->count && ids->list[to] >> BLOCK_SHIFT == block; to++)
            continue;
        error = add_block(&summing, block, ids->list + from, to - from, builder, &count);
    }
    *ret_count = count;
    return error;
}
