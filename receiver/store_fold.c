/* Why: folds rows of the store into fewer: single profiles into a roll-up, roll-ups into one of the level above, many small
 * roll-ups of a span into one. Trees are added up without any lock; then one transaction marks what went in and puts what came
 * out, or, when another receiver was there first or a row is gone, does nothing. So each profile is in one row of a level, always.
 * Context: own process; the keeper's thread.
 *
 * A sum that becomes large is cut into several rows: memory stays bounded, whatever was posted. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "receiver/packed.h"
#include "receiver/store_fold.h"
#include "receiver/store_retention.h"

enum {
    ROW_BYTES = 32 << 20,          /* in memory: the row is ended when it is larger */
    OUTPUT_BYTES = 32 << 20,       /* packed, of one fold: what is left is for the next */
    PACKED_MAX_BYTES = 1 << 29,
    ROWS_MAX = 64,
};

struct output {
    struct pando_buffer packed;
    uint64_t profiles;
};

struct folding {
    const struct pando_store_fold *fold;
    struct pando_profile_builder *builder;
    uint64_t profiles;             /* in the builder */
    struct output outputs[ROWS_MAX];
    size_t output_count, output_bytes;
    char *message;
    size_t message_bytes;
};

static int fail_memory(const struct folding *folding)
{
    snprintf(folding->message, folding->message_bytes, "There is no memory to roll up profiles.");
    return PANDO_ERR_NO_MEMORY;
}

/* What the builder holds becomes a row. */
static int end_row(struct folding *folding)
{
    struct pando_profile *sum = pando_profile_builder_finish(folding->builder);
    folding->builder = NULL;
    if (sum == NULL)
        return fail_memory(folding);
    struct output *output = &folding->outputs[folding->output_count++];
    pando_buffer_init(&output->packed, PACKED_MAX_BYTES);
    output->profiles = folding->profiles;
    folding->profiles = 0;
    int error = pando_packed_encode(sum, &output->packed);
    folding->output_bytes += output->packed.len_bytes;
    pando_profile_free(sum);
    return error == 0 ? 0 : fail_memory(folding);
}

/* One that is damaged stays where it is: sums of its time are refused with its number, as they were before, and all others go on. */
static int add_input(struct folding *folding, struct pando_store_view *view, struct pando_store_item *item)
{
    struct pando_packed packed;
    if (folding->builder == NULL && (folding->builder = pando_profile_builder_new(SIZE_MAX)) == NULL)
        return fail_memory(folding);
    int error = pando_store_read(view, item, &packed, folding->message, folding->message_bytes);
    item->is_damaged = error == PANDO_ERR_SYNTAX;
    if (error != 0)
        return item->is_damaged ? 0 : error;
    error = pando_store_add_coarser(folding->builder, &packed.profile, folding->fold->level, folding->profiles == 0);
    pando_packed_release(&packed);
    folding->profiles += item->profiles;
    if (error != 0)
        return fail_memory(folding);
    return pando_profile_builder_bytes(folding->builder) > ROW_BYTES ? end_row(folding) : 0;
}

/* As many of the inputs as fit one fold; *ret_taken tells how many. */
static int add_inputs(struct folding *folding, struct pando_store *store, size_t *ret_taken)
{
    struct pando_store_view view;
    int error = pando_store_view_begin(store, &view, folding->message, folding->message_bytes);
    if (error != 0)
        return error;
    size_t taken = 0;
    while (error == 0 && taken < folding->fold->input_count && folding->output_bytes < OUTPUT_BYTES &&
           folding->output_count < ROWS_MAX - 1)
        error = add_input(folding, &view, &folding->fold->inputs[taken++]);
    if (error == 0 && folding->builder != NULL && folding->profiles != 0)
        error = end_row(folding);
    pando_store_view_end(&view);
    *ret_taken = taken;
    return error;
}

/* Takes one input up. *ret_done: it was there, and not taken up yet. */
static int take_up(struct pando_store *store, const struct pando_store_fold *fold, const struct pando_store_item *item, bool *ret_done)
{
    int64_t unused;
    int code = SQLITE_OK;
    if (fold->kind != STORE_COMPACT) {
        sqlite3_stmt *mark = store->statements[item->is_rollup ? STORE_MARK_CARRIED : STORE_MARK_ROLLED];
        sqlite3_bind_int64(mark, 1, item->id);
        if (!item->is_rollup) {
            sqlite3_bind_int64(mark, 2, fold->group_id);
            sqlite3_bind_int64(mark, 3, item->start_ms);
        }
        code = pando_store_step_once(mark, &unused);
        *ret_done = sqlite3_changes(store->db) == 1;
    }
    if (code != SQLITE_OK || !*ret_done || (fold->kind != STORE_COMPACT && !fold->drops_inputs))
        return code;
    if (!item->is_rollup)
        return pando_store_drop_profile(store, fold->group_id, item->start_ms, item->id);
    code = pando_store_drop_rollup(store, item->id);
    *ret_done = sqlite3_changes(store->db) == 1;
    return code;
}

static int put_output(struct pando_store *store, const struct pando_store_fold *fold, const struct output *output)
{
    int64_t id, unused;
    sqlite3_stmt *put = store->statements[STORE_PUT_ROLLUP], *put_tree = store->statements[STORE_PUT_ROLLUP_TREE];
    sqlite3_bind_int64(put, 1, fold->group_id);
    sqlite3_bind_int(put, 2, (int)fold->level);
    sqlite3_bind_int64(put, 3, fold->begin_ms);
    sqlite3_bind_int(put, 4, fold->is_carried);
    sqlite3_bind_int64(put, 5, (int64_t)output->profiles);
    sqlite3_bind_int64(put, 6, (int64_t)output->packed.len_bytes);
    sqlite3_bind_int64(put, 7, fold->made_ms);
    int code = pando_store_step_once(put, &id);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_int64(put_tree, 1, id);
    sqlite3_bind_blob64(put_tree, 2, output->packed.bytes, output->packed.len_bytes, SQLITE_STATIC);
    return pando_store_step_once(put_tree, &unused);
}

static int exchange(struct pando_store *store, const struct folding *folding, size_t taken, bool *ret_done)
{
    const struct pando_store_fold *fold = folding->fold;
    *ret_done = true;
    int code = SQLITE_OK;
    if (fold->drops_inputs) /* nothing finer than what comes out is left of its span then */
        code = pando_store_move_bounds(store, fold->group_id, fold->level - 1, fold->begin_ms + pando_store_span_ms(fold->level));
    for (size_t i = 0; i < taken && code == SQLITE_OK && *ret_done; i++)
        if (!fold->inputs[i].is_damaged)
            code = take_up(store, fold, &fold->inputs[i], ret_done);
    for (size_t i = 0; i < folding->output_count && code == SQLITE_OK && *ret_done; i++)
        code = put_output(store, fold, &folding->outputs[i]);
    return code;
}

static int commit(struct pando_store *store, const struct folding *folding, size_t taken)
{
    bool is_done = false;
    int code = pando_store_rearrange_begin(store);
    if (code == SQLITE_OK)
        code = exchange(store, folding, taken, &is_done);
    return pando_store_rearrange_end(store, code, is_done, folding->message, folding->message_bytes);
}

int pando_store_fold(struct pando_store *store, const struct pando_store_fold *fold, char *message, size_t message_bytes)
{
    struct folding *folding = calloc(1, sizeof *folding);
    size_t taken = 0;
    if (folding == NULL) {
        snprintf(message, message_bytes, "There is no memory to roll up profiles.");
        return PANDO_ERR_NO_MEMORY;
    }
    *folding = (struct folding){.fold = fold, .message = message, .message_bytes = message_bytes};
    int error = add_inputs(folding, store, &taken);
    if (error == 0)
        error = folding->output_count != 0 ? commit(store, folding, taken) : 1;
    pando_profile_builder_free(folding->builder);
    for (size_t i = 0; i < folding->output_count; i++)
        pando_buffer_release(&folding->outputs[i].packed);
    free(folding);
    return error;
}
