/* Why: which rows make up a time range: as few as possible, each profile in exactly one of them. The range's whole days, hours and
 * five minutes are taken from the roll-ups; what has not been rolled up yet, and the range's ends, from single profiles.
 * Context: own process; any thread, within one view of the store.
 *
 * A profile belongs to the span in which it began. It is `rolled` into exactly one row of level 5 min; such a row is `carried`
 * into exactly one of the level above, and so on. So a span's weight is: its rows of the level wanted, and what is not carried
 * yet of the levels below, and what is not rolled yet. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "receiver/store_levels.h"
#include "receiver/store_private.h"

struct planning {
    struct pando_store_view *view;
    const struct pando_store_bounds *bounds;
    struct pando_store_plan *plan;
    enum pando_store_level coarsest;
    char *message;
    size_t message_bytes;
};

static int fail_memory(const struct planning *planning)
{
    snprintf(planning->message, planning->message_bytes, "There is no memory for the sum of these profiles.");
    return PANDO_ERR_NO_MEMORY;
}

static int add(const struct planning *planning, struct pando_store_item item)
{
    struct pando_store_plan *plan = planning->plan;
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity * 2 + 64;
        struct pando_store_item *items = realloc(plan->items, capacity * sizeof *items);
        if (items == NULL)
            return fail_memory(planning);
        plan->items = items;
        plan->capacity = capacity;
    }
    plan->items[plan->count++] = item;
    return 0;
}

/* Steps a bound statement of (id, profiles) through, and ends it. */
static int add_rows(const struct planning *planning, sqlite3_stmt *rows, bool is_rollup)
{
    int code = SQLITE_DONE, error = 0;
    while (error == 0 && (code = sqlite3_step(rows)) == SQLITE_ROW)
        error = add(planning, (struct pando_store_item){.id = sqlite3_column_int64(rows, 0), .is_rollup = is_rollup,
                                                        .profiles = pando_store_column(rows, 1)});
    if (error == 0 && code != SQLITE_DONE) {
        pando_store_explain_read(pando_store_view_db(planning->view), code, planning->message, planning->message_bytes);
        error = PANDO_ERR_IO;
    }
    pando_store_view_done(planning->view, rows);
    return error;
}

/* The roll-ups of [from_ms, to_ms), which are whole spans of the level. */
static int add_rollups(const struct planning *planning, enum pando_store_level level, int64_t from_ms, int64_t to_ms)
{
    int error = 0;
    for (int below = STORE_5_MIN; below <= (int)level && from_ms < to_ms && error == 0; below++) {
        sqlite3_stmt *rows = pando_store_view_use(planning->view, STORE_ROLLUPS);
        sqlite3_bind_int64(rows, 1, planning->bounds->group_id);
        sqlite3_bind_int(rows, 2, below);
        sqlite3_bind_int64(rows, 3, from_ms);
        sqlite3_bind_int64(rows, 4, to_ms);
        sqlite3_bind_int(rows, 5, below == (int)level);
        error = add_rows(planning, rows, true);
    }
    return error;
}

/* [from_ms, to_ms) in whole spans of the level, by the largest ones there are. */
static int cover(const struct planning *planning, enum pando_store_level level, int64_t from_ms, int64_t to_ms)
{
    int64_t inner_from_ms = to_ms, inner_to_ms = to_ms;
    if (level < planning->coarsest) {
        inner_from_ms = pando_store_ceil(from_ms, level + 1);
        inner_to_ms = pando_store_floor(to_ms, level + 1);
    }
    if (inner_from_ms >= inner_to_ms)
        return add_rollups(planning, level, from_ms, to_ms);
    int error = add_rollups(planning, level, from_ms, inner_from_ms);
    if (error == 0)
        error = cover(planning, level + 1, inner_from_ms, inner_to_ms);
    return error == 0 ? add_rollups(planning, level, inner_to_ms, to_ms) : error;
}

static int add_unrolled(const struct planning *planning, int64_t from_ms, int64_t to_ms)
{
    sqlite3_stmt *rows = pando_store_view_use(planning->view, STORE_UNROLLED);
    sqlite3_bind_int64(rows, 1, planning->bounds->group_id);
    sqlite3_bind_int64(rows, 2, from_ms);
    sqlite3_bind_int64(rows, 3, to_ms);
    return add_rows(planning, rows, false);
}

/* Single profiles that overlap the query's range, or are chosen by it, and began in [from_ms, to_ms]. */
static int add_singles(const struct planning *planning, const struct pando_store_query *query, int64_t from_ms, int64_t to_ms)
{
    if (from_ms > to_ms)
        return 0;
    struct pando_store_bounds bounds = *planning->bounds;
    bounds.earliest_ms = from_ms;
    bounds.end_ms = to_ms;
    sqlite3_stmt *rows = pando_store_view_use(planning->view, STORE_IDS);
    pando_store_bind_query(rows, query, &bounds);
    if (pando_store_query_is_any(query)) /* the range's ends are moved outward to roll-ups there, so those have them */
        sqlite3_bind_int64(rows, 10, bounds.from_ms[STORE_RAW]);
    return add_rows(planning, rows, false);
}

/* Where single profiles are gone already, a range's end moves outward to that of the shortest span that is still there. */
static enum pando_store_level finest(const struct pando_store_bounds *bounds, int64_t ms)
{
    enum pando_store_level level = STORE_RAW;
    while (level < STORE_DAY && ms < bounds->from_ms[level])
        level++;
    return level;
}

int pando_store_plan(struct pando_store_view *view, const struct pando_store_query *query, const struct pando_store_bounds *bounds,
                     struct pando_store_plan *plan, char *message, size_t message_bytes)
{
    return pando_store_plan_up_to(view, query, bounds, STORE_DAY, plan, message, message_bytes);
}

int pando_store_plan_up_to(struct pando_store_view *view, const struct pando_store_query *query, const struct pando_store_bounds *bounds,
                           enum pando_store_level coarsest, struct pando_store_plan *plan, char *message, size_t message_bytes)
{
    enum pando_store_level oldest = finest(bounds, bounds->start_ms);
    const struct planning planning = {
        .view = view, .bounds = bounds, .plan = plan, .coarsest = coarsest > oldest ? coarsest : oldest, .message = message,
        .message_bytes = message_bytes};
    *plan = (struct pando_store_plan){0};
    if (!pando_store_query_is_any(query) || planning.coarsest == STORE_RAW)
        return add_singles(&planning, query, bounds->earliest_ms, bounds->end_ms);
    int64_t from_ms = pando_store_floor(bounds->start_ms, finest(bounds, bounds->start_ms));
    int64_t to_ms = bounds->end_ms < INT64_MAX ? bounds->end_ms + 1 : INT64_MAX;
    to_ms = pando_store_ceil(to_ms, finest(bounds, to_ms - 1));
    int64_t inner_from_ms = pando_store_ceil(from_ms, STORE_5_MIN), inner_to_ms = pando_store_floor(to_ms, STORE_5_MIN);
    if (inner_from_ms >= inner_to_ms)
        return add_singles(&planning, query, bounds->earliest_ms, bounds->end_ms);
    int error = cover(&planning, STORE_5_MIN, inner_from_ms, inner_to_ms);
    if (error == 0)
        error = add_unrolled(&planning, inner_from_ms, inner_to_ms);
    if (error == 0)
        error = add_singles(&planning, query, bounds->earliest_ms, inner_from_ms - 1);
    return error == 0 ? add_singles(&planning, query, inner_to_ms, bounds->end_ms) : error;
}

void pando_store_plan_release(struct pando_store_plan *plan)
{
    free(plan->items);
    *plan = (struct pando_store_plan){0};
}
