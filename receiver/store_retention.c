/* Why: receiver/store.h: what is old goes, the finest first: single profiles, then sums of five minutes, of an hour, of a day. Nothing
 * goes that is not in a row of the level above, so a sum over a long time stays what it was; only where it may begin and end gets
 * coarser. What charts and lists need of single profiles (`posted`) moves to `activity`, in the transaction that deletes them.
 * Something is old when both its own time and the time it came say so: a host whose clock stands in 1970 loses nothing.
 * Context: own process; the keeper's thread, or a test. A few hundred rows a transaction: posts are not held up. */
#include <stdio.h>

#include "base/error.h"
#include "receiver/store_retention.h"

enum {
    PROFILES_AT_ONCE = 200,
    ROLLUPS_AT_ONCE = 20,
    ROWS_AT_ONCE = 1000,
};

struct retaining {
    struct pando_store *store;
    char *message;
    size_t message_bytes;
};

/* One statement with up to three numbers as one transaction. Returns how many rows it changed, or an error. */
static int run(struct retaining *retaining, enum pando_store_statement statement, int64_t a, int64_t b, int64_t c)
{
    struct pando_store *store = retaining->store;
    int64_t unused;
    int changes = 0, code = pando_store_rearrange_begin(store);
    if (code == SQLITE_OK) {
        sqlite3_stmt *one = store->statements[statement];
        sqlite3_bind_int64(one, 1, a);
        if (sqlite3_bind_parameter_count(one) > 1)
            sqlite3_bind_int64(one, 2, b);
        if (sqlite3_bind_parameter_count(one) > 2)
            sqlite3_bind_int64(one, 3, c);
        code = pando_store_step_once(one, &unused);
        changes = sqlite3_changes(store->db);
    }
    int error = pando_store_rearrange_end(store, code, true, retaining->message, retaining->message_bytes);
    return error != 0 ? error : changes;
}

/* A number of the next thing to do; 0: nothing. */
static int look(struct retaining *retaining, enum pando_store_statement statement, int64_t *ret_value)
{
    struct pando_store *store = retaining->store;
    sqlite3_stmt *one = pando_store_lock(store, statement);
    int code = sqlite3_step(one);
    *ret_value = code == SQLITE_ROW ? sqlite3_column_int64(one, 0) : 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        pando_store_explain_read(store->db, code, retaining->message, retaining->message_bytes);
    pando_store_unlock(store, one);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : PANDO_ERR_IO;
}

int pando_store_move_bounds(struct pando_store *store, int64_t group_id, enum pando_store_level level, int64_t end_ms)
{
    int64_t unused;
    sqlite3_stmt *move = store->statements[STORE_MOVE_BOUNDS];
    for (int below = STORE_RAW; below < STORE_LEVELS; below++) /* each on a span of the level above: what is gone is whole there */
        sqlite3_bind_int64(move, below + 1, below > (int)level ? 0
                                            : pando_store_ceil(end_ms, level >= STORE_HOUR ? STORE_DAY : STORE_HOUR));
    sqlite3_bind_int64(move, STORE_LEVELS + 1, group_id);
    return pando_store_step_once(move, &unused);
}

int pando_store_drop_profile(struct pando_store *store, int64_t group_id, int64_t start_ms, int64_t id)
{
    static const enum pando_store_statement steps[] = {STORE_PUT_ACTIVITY, STORE_DELETE_POSTED, STORE_DELETE_PROFILE};
    int64_t unused;
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && code == SQLITE_OK; i++) {
        sqlite3_stmt *step = store->statements[steps[i]];
        sqlite3_bind_int64(step, 1, id);
        if (steps[i] != STORE_DELETE_PROFILE) {
            sqlite3_bind_int64(step, 2, group_id);
            sqlite3_bind_int64(step, 3, start_ms);
        }
        code = pando_store_step_once(step, &unused);
        if (code == SQLITE_OK && sqlite3_changes(store->db) != 1) /* then something is not as it must be: take all back */
            code = SQLITE_CORRUPT;
    }
    return code;
}

int pando_store_drop_rollup(struct pando_store *store, int64_t id)
{
    static const enum pando_store_statement steps[] = {STORE_DELETE_ROLLUP_TREE, STORE_DELETE_ROLLUP};
    int64_t unused;
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && code == SQLITE_OK; i++) {
        sqlite3_bind_int64(store->statements[steps[i]], 1, id);
        code = pando_store_step_once(store->statements[steps[i]], &unused);
    }
    return code;
}

/* A row that may go. */
struct old {
    int64_t id, group_id, begin_ms;
    enum pando_store_level level;
};

/* Steps a bound statement of (id, group, level, begin) through. An SQLite code. */
static int list_old(sqlite3_stmt *rows, struct old *list, int max, int *ret_count)
{
    int code;
    *ret_count = 0;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW && *ret_count < max)
        list[(*ret_count)++] = (struct old){
            .id = sqlite3_column_int64(rows, 0), .group_id = sqlite3_column_int64(rows, 1),
            .level = (enum pando_store_level)sqlite3_column_int(rows, 2), .begin_ms = sqlite3_column_int64(rows, 3)};
    sqlite3_reset(rows);
    sqlite3_clear_bindings(rows);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

static int drop_list(struct pando_store *store, const struct old *list, int count)
{
    int code = SQLITE_OK;
    for (int i = 0; i < count && code == SQLITE_OK; i++) {
        const struct old *old = &list[i];
        code = pando_store_move_bounds(store, old->group_id, old->level, old->begin_ms + pando_store_span_ms(old->level));
        if (code == SQLITE_OK)
            code = old->level == STORE_RAW ? pando_store_drop_profile(store, old->group_id, old->begin_ms, old->id)
                                           : pando_store_drop_rollup(store, old->id);
    }
    return code;
}

/* In a transaction: some single profiles of a group. */
static int drop_profiles(struct pando_store *store, const struct pando_store_cutoffs *cutoffs, int64_t group_id, int *ret_count)
{
    struct old list[PROFILES_AT_ONCE];
    sqlite3_stmt *rows = store->statements[STORE_OLD_PROFILES];
    sqlite3_bind_int64(rows, 1, cutoffs->start_ms[STORE_RAW]);
    sqlite3_bind_int64(rows, 2, cutoffs->came_ms[STORE_RAW]);
    sqlite3_bind_int64(rows, 3, group_id);
    sqlite3_bind_int(rows, 4, PROFILES_AT_ONCE);
    int code = list_old(rows, list, PROFILES_AT_ONCE, ret_count);
    return code == SQLITE_OK ? drop_list(store, list, *ret_count) : code;
}

/* In a transaction: some roll-ups of any group. */
static int drop_rollups(struct pando_store *store, const struct pando_store_cutoffs *cutoffs, int64_t unused, int *ret_count)
{
    (void)unused;
    struct old list[ROLLUPS_AT_ONCE];
    sqlite3_stmt *rows = store->statements[STORE_OLD_ROLLUPS];
    for (int level = STORE_5_MIN; level < STORE_LEVELS; level++) {
        sqlite3_bind_int64(rows, level, cutoffs->start_ms[level]);
        sqlite3_bind_int64(rows, level + 3, cutoffs->came_ms[level]);
    }
    sqlite3_bind_int(rows, 7, ROLLUPS_AT_ONCE);
    int code = list_old(rows, list, ROLLUPS_AT_ONCE, ret_count);
    return code == SQLITE_OK ? drop_list(store, list, *ret_count) : code;
}

/* One transaction. Returns how many rows went, or an error. */
static int drop_some(struct retaining *retaining, const struct pando_store_cutoffs *cutoffs, int64_t group_id,
                     int (*drop)(struct pando_store *, const struct pando_store_cutoffs *, int64_t, int *))
{
    int count = 0, code = pando_store_rearrange_begin(retaining->store);
    if (code == SQLITE_OK)
        code = drop(retaining->store, cutoffs, group_id, &count);
    int error = pando_store_rearrange_end(retaining->store, code, count != 0, retaining->message, retaining->message_bytes);
    return error < 0 ? error : count;
}

/* A group with single profiles that may go; 0: there is none. */
static int find_old_group(struct retaining *retaining, const struct pando_store_cutoffs *cutoffs, int64_t *ret_id)
{
    sqlite3_stmt *find = pando_store_lock(retaining->store, STORE_OLD_GROUP);
    sqlite3_bind_int64(find, 1, cutoffs->start_ms[STORE_RAW]);
    sqlite3_bind_int64(find, 2, cutoffs->came_ms[STORE_RAW]);
    int code = sqlite3_step(find);
    *ret_id = code == SQLITE_ROW ? sqlite3_column_int64(find, 0) : 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        pando_store_explain_read(retaining->store->db, code, retaining->message, retaining->message_bytes);
    pando_store_unlock(retaining->store, find);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : PANDO_ERR_IO;
}

/* Rows of activity become rows of the span above, a span at a time; those before day_from_ms go. */
static int shrink_activity(struct retaining *retaining)
{
    for (int level = STORE_HOUR; level <= STORE_DAY; level++) {
        int64_t span_ms = pando_store_span_ms((enum pando_store_level)level), below_ms = pando_store_span_ms((enum pando_store_level)level - 1);
        for (int64_t begin_ms = 1; begin_ms != 0;) {
            int error = look(retaining, level == STORE_HOUR ? STORE_OLD_ACTIVITY_5_MIN : STORE_OLD_ACTIVITY_HOUR, &begin_ms);
            if (error != 0)
                return error;
            if (begin_ms == 0)
                break;
            begin_ms -= begin_ms % span_ms;
            struct pando_store *store = retaining->store;
            int code = pando_store_rearrange_begin(store);
            static const enum pando_store_statement both[] = {STORE_WIDEN_ACTIVITY, STORE_DROP_ACTIVITY};
            for (size_t i = 0; i < 2 && code == SQLITE_OK; i++) {
                int64_t unused;
                sqlite3_bind_int64(store->statements[both[i]], 1, begin_ms);
                sqlite3_bind_int64(store->statements[both[i]], 2, span_ms);
                sqlite3_bind_int64(store->statements[both[i]], 3, below_ms);
                code = pando_store_step_once(store->statements[both[i]], &unused);
            }
            error = pando_store_rearrange_end(store, code, true, retaining->message, retaining->message_bytes);
            if (error != 0)
                return error;
        }
    }
    int changes = run(retaining, STORE_FORGET_ACTIVITY, 0, 0, 0);
    return changes < 0 ? changes : 0;
}

/* Processes of which no single profile is left, and series of which nothing is. */
static int forget_sources(struct retaining *retaining)
{
    int changes = run(retaining, STORE_FORGET_SOURCES, 0, 0, 0);
    if (changes >= 0)
        changes = run(retaining, STORE_FORGET_SERIES, 0, 0, 0);
    return changes < 0 ? changes : 0;
}

static int forget_tokens(struct retaining *retaining, int64_t before_ms)
{
    int changes = ROWS_AT_ONCE;
    while (changes >= ROWS_AT_ONCE)
        changes = run(retaining, STORE_FORGET_TOKENS, before_ms, ROWS_AT_ONCE, 0);
    return changes < 0 ? changes : 0;
}

int pando_store_drop_old(struct pando_store *store, const struct pando_store_cutoffs *cutoffs, char *message, size_t message_bytes)
{
    struct retaining retaining = {.store = store, .message = message, .message_bytes = message_bytes};
    int64_t group_id = 0;
    int count = 1, total = 0, error = 0;
    while (error == 0 && count > 0 && (error = find_old_group(&retaining, cutoffs, &group_id)) == 0 && group_id != 0)
        total += count = drop_some(&retaining, cutoffs, group_id, drop_profiles);
    if (error == 0 && count >= 0)
        do {
            total += count = drop_some(&retaining, cutoffs, 0, drop_rollups);
        } while (count > 0);
    if (error != 0 || count < 0 || total == 0)
        return error != 0 ? error : count < 0 ? count : 0;
    error = shrink_activity(&retaining);
    return error == 0 ? forget_sources(&retaining) : error;
}

static int64_t before(uint64_t now_ms, uint64_t keep_s, enum pando_store_level grain)
{
    uint64_t keep_ms = keep_s < UINT64_MAX / 1000 ? keep_s * 1000 : UINT64_MAX;
    return keep_ms < now_ms ? pando_store_floor((int64_t)(now_ms - keep_ms), grain) : 0;
}

static uint64_t at_least(uint64_t value, uint64_t minimum)
{
    return value > minimum ? value : minimum;
}

static struct pando_store_policy settle(struct pando_store_policy policy)
{
    enum { DAY_S = 86400 };
    if (policy.raw_s == 0)
        policy.raw_s = 7 * DAY_S;
    if (policy.five_s == 0)
        policy.five_s = 15 * DAY_S;
    if (policy.hour_s == 0)
        policy.hour_s = 60 * DAY_S;
    if (policy.day_s == 0)
        policy.day_s = 1096 * DAY_S;
    policy.five_s = at_least(policy.five_s, policy.raw_s);
    policy.hour_s = at_least(policy.hour_s, policy.five_s);
    policy.day_s = at_least(policy.day_s, policy.hour_s);
    return policy;
}

int pando_store_retain(struct pando_store *store, const struct pando_store_policy *policy, uint64_t now_ms, char *message,
                       size_t message_bytes)
{
    struct retaining retaining = {.store = store, .message = message, .message_bytes = message_bytes};
    struct pando_store_policy settled = settle(*policy);
    const uint64_t keep_s[STORE_LEVELS] = {settled.raw_s, settled.five_s, settled.hour_s, settled.day_s};
    struct pando_store_cutoffs cutoffs;
    for (int level = STORE_RAW; level < STORE_LEVELS; level++)
        cutoffs.start_ms[level] = cutoffs.came_ms[level] = before(now_ms, keep_s[level], level < STORE_HOUR ? STORE_HOUR : STORE_DAY);
    int error = pando_store_drop_old(store, &cutoffs, message, message_bytes);
    if (error == 0)
        error = forget_tokens(&retaining, before(now_ms, PANDO_STORE_TOKEN_DAYS * 86400ull, STORE_HOUR));
    return error == 0 ? pando_store_make_room(store, message, message_bytes) : error;
}
