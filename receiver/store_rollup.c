/* Why: receiver/store.h: rolls up what is due. Profiles wait until their five minutes are over (or are many), rows of a level until
 * the span above is; late ones are due at once. Each fold is a transaction of its own (store_fold.c), so a kill at any time loses nothing
 * and leaves nothing half done.
 * Context: own process; the keeper's thread, or a test. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "receiver/store_fold.h"
#include "receiver/store_retention.h"

enum {
    GRACE_MS = 30000,       /* after the end of five minutes: agents send at once, but not in no time */
    MANY = 256,             /* profiles that are not waited for */
    FOLD_MAX = 512,         /* of them in one fold */
    COMPACT_AT = 8,         /* small rows of one span */
    SMALL_BYTES = 2 << 20,  /* packed */
    DUE_MAX = 2048,         /* spans that are looked up at a time */
};

/* A span with something to fold. */
struct due {
    int64_t group_id, begin_ms;
};

struct rolling {
    struct pando_store *store;
    struct pando_store_view view;
    int64_t now_ms;
    struct due due[DUE_MAX];
    struct pando_store_item inputs[FOLD_MAX];
    unsigned folds;         /* that changed something */
    char *message;
    size_t message_bytes;
};

static int fail_read(struct rolling *rolling, int code)
{
    pando_store_explain_read(pando_store_view_db(&rolling->view), code, rolling->message, rolling->message_bytes);
    return PANDO_ERR_IO;
}

/* Steps a bound statement through rows of (group, begin). Returns how many, or an error. */
static int read_due(struct rolling *rolling, sqlite3_stmt *rows)
{
    struct due *due = rolling->due;
    int count = 0, code = SQLITE_DONE;
    while (count < DUE_MAX && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        due[count].group_id = sqlite3_column_int64(rows, 0);
        due[count++].begin_ms = sqlite3_column_int64(rows, 1);
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        count = fail_read(rolling, code);
    pando_store_view_done(&rolling->view, rows);
    return count;
}

static int find_due(struct rolling *rolling, enum pando_store_level level)
{
    int error = pando_store_view_begin(rolling->store, &rolling->view, rolling->message, rolling->message_bytes);
    if (error != 0)
        return error;
    int64_t span_ms = pando_store_span_ms(level);
    bool is_raw = level == STORE_5_MIN;
    sqlite3_stmt *rows = pando_store_view_use(&rolling->view, is_raw ? STORE_DUE_PROFILES : STORE_DUE_ROLLUPS);
    sqlite3_bind_int64(rows, 1, span_ms);
    /* Each level waits a little longer than the one below, so that what is due there is in it. */
    sqlite3_bind_int64(rows, 2, rolling->now_ms - span_ms - (int64_t)level * GRACE_MS);
    sqlite3_bind_int(rows, 3, is_raw ? MANY : (int)level - 1);
    sqlite3_bind_int(rows, 4, DUE_MAX);
    int count = read_due(rolling, rows);
    pando_store_view_end(&rolling->view);
    return count;
}

/* Steps a bound statement through rows of (id, profiles, start). Returns how many, or an error. */
static int read_inputs(struct rolling *rolling, sqlite3_stmt *rows, bool is_rollup)
{
    struct pando_store_item *inputs = rolling->inputs;
    int count = 0, code = SQLITE_DONE;
    while (count < FOLD_MAX && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        inputs[count++] = (struct pando_store_item){
            .id = sqlite3_column_int64(rows, 0), .profiles = pando_store_column(rows, 1),
            .start_ms = sqlite3_column_int64(rows, 2), .is_rollup = is_rollup};
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        count = fail_read(rolling, code);
    pando_store_view_done(&rolling->view, rows);
    return count;
}

/* Where the rows of a span that are to be folded are found. */
struct span {
    int64_t group_id, begin_ms, span_ms;
    enum pando_store_level level; /* of the rows; STORE_RAW: profiles */
    bool is_carried;
    int64_t bytes_max;
};

static int find_inputs(struct rolling *rolling, const struct span *span)
{
    int error = pando_store_view_begin(rolling->store, &rolling->view, rolling->message, rolling->message_bytes);
    if (error != 0)
        return error;
    bool is_rollup = span->level != STORE_RAW;
    sqlite3_stmt *rows = pando_store_view_use(&rolling->view, is_rollup ? STORE_FOLD_ROLLUPS : STORE_FOLD_PROFILES);
    sqlite3_bind_int64(rows, 1, span->group_id);
    sqlite3_bind_int64(rows, 2, span->begin_ms);
    sqlite3_bind_int64(rows, 3, span->begin_ms + span->span_ms);
    sqlite3_bind_int(rows, 4, FOLD_MAX);
    if (is_rollup) {
        sqlite3_bind_int(rows, 5, (int)span->level);
        sqlite3_bind_int(rows, 6, span->is_carried);
        sqlite3_bind_int64(rows, 7, span->bytes_max);
    }
    int count = read_inputs(rolling, rows, is_rollup);
    pando_store_view_end(&rolling->view);
    return count;
}

/* What was found becomes rows of the span. 0: done, 1: nothing changed, or an error. */
static int fold_inputs(struct rolling *rolling, struct pando_store_fold fold, int count)
{
    fold.inputs = rolling->inputs;
    fold.input_count = (size_t)count;
    fold.made_ms = rolling->now_ms;
    if (pando_store_is_tight(rolling->store)) { /* what is older goes first; if nothing can, this is what must */
        int error = pando_store_make_room(rolling->store, rolling->message, rolling->message_bytes);
        if (error != 0)
            return error;
        fold.drops_inputs = pando_store_is_tight(rolling->store);
    }
    int result = pando_store_fold(rolling->store, &fold, rolling->message, rolling->message_bytes);
    rolling->folds += result == 0;
    return result;
}

/* Late profiles, or very many, make several rows for a span: when these are many and small they become one. */
static int compact(struct rolling *rolling, int64_t group_id, enum pando_store_level level, int64_t begin_ms, bool is_carried)
{
    const struct span span = {.group_id = group_id, .begin_ms = begin_ms, .span_ms = pando_store_span_ms(level), .level = level,
                              .is_carried = is_carried, .bytes_max = SMALL_BYTES};
    int count = find_inputs(rolling, &span);
    if (count < COMPACT_AT)
        return count < 0 ? count : 0;
    return fold_inputs(rolling, (struct pando_store_fold){.kind = STORE_COMPACT, .group_id = group_id, .level = level,
                                                          .begin_ms = begin_ms, .is_carried = is_carried}, count);
}

/* All of a span of `level` that waits one level below. */
static int fold_span(struct rolling *rolling, struct due due, enum pando_store_level level)
{
    const struct span span = {.group_id = due.group_id, .begin_ms = due.begin_ms, .span_ms = pando_store_span_ms(level),
                              .level = level - 1, .bytes_max = INT64_MAX};
    bool is_last = level == STORE_DAY; /* there is no level above */
    const struct pando_store_fold fold = {.kind = level == STORE_5_MIN ? STORE_ROLL : STORE_CARRY, .group_id = due.group_id,
                                          .level = level, .begin_ms = due.begin_ms, .is_carried = is_last};
    int count, result = 0;
    while (result == 0 && (count = find_inputs(rolling, &span)) != 0) {
        if (count < 0)
            return count;
        result = fold_inputs(rolling, fold, count);
        int64_t input_begin_ms = pando_store_floor(rolling->inputs[0].start_ms, level - 1);
        if (result == 0)
            result = compact(rolling, due.group_id, level, due.begin_ms, is_last);
        if (result == 0 && level != STORE_5_MIN) /* of the first only: those that are late come from few spans */
            result = compact(rolling, due.group_id, level - 1, input_begin_ms, true);
    }
    return result < 0 ? result : 0;
}

static int roll_level(struct rolling *rolling, enum pando_store_level level)
{
    int count, error = 0;
    unsigned before;
    do {
        before = rolling->folds;
        count = find_due(rolling, level);
        for (int i = 0; i < count && error == 0; i++)
            error = fold_span(rolling, rolling->due[i], level);
    } while (count == DUE_MAX && error == 0 && rolling->folds != before);
    return count < 0 ? count : error;
}

int pando_store_roll_up(struct pando_store *store, uint64_t now_ms, char *message, size_t message_bytes)
{
    struct rolling *rolling = calloc(1, sizeof *rolling);
    if (rolling == NULL) {
        snprintf(message, message_bytes, "There is no memory to roll up profiles.");
        return PANDO_ERR_NO_MEMORY;
    }
    rolling->store = store;
    rolling->now_ms = (int64_t)now_ms;
    rolling->message = message;
    rolling->message_bytes = message_bytes;
    int error = 0;
    for (int level = STORE_5_MIN; level <= STORE_DAY && error == 0; level++)
        error = roll_level(rolling, (enum pando_store_level)level);
    free(rolling);
    return error;
}
