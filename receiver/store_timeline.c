/* Why: receiver/store.h: how much there is over time. Of whole profiles, from columns of the store; of some threads, labels or states of
 * them, from their trees, as few as the chart's bars need.
 * Context: own process; any thread. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "profile/slices.h"
#include "profile/states.h"
#include "receiver/packed.h"
#include "receiver/store_levels.h"
#include "receiver/store_private.h"

enum { SERIES_ROWS_MAX = 3000 }; /* of one level: then rows of a longer span will do, spread over the bars */

struct span {
    uint64_t start_ms, end_ms;
};

/* What is left of `amount` for the part of the span before `until_ms`; exact at its end, so that nothing is lost by rounding. */
static uint64_t share_until(uint64_t amount, struct span span, uint64_t until_ms)
{
    if (until_ms <= span.start_ms)
        return 0;
    if (until_ms >= span.end_ms)
        return amount;
    return (uint64_t)((unsigned __int128)amount * (until_ms - span.start_ms) / (span.end_ms - span.start_ms));
}

/* Spreads one profile, or what is left of several, over the bars that it touches. */
static void spread(struct span span, const struct pando_store_bar *amount, uint64_t first_ms, uint64_t bar_ms,
                   struct pando_store_bar *bars, size_t bar_count)
{
    uint64_t skipped = span.start_ms > first_ms ? (span.start_ms - first_ms) / bar_ms : 0;
    if (skipped >= bar_count)
        return;
    bars[skipped].profiles += amount->profiles;
    for (size_t i = (size_t)skipped; i < bar_count; i++) {
        uint64_t from_ms = first_ms + i * bar_ms, to_ms = from_ms + bar_ms;
        if (from_ms >= span.end_ms && i != skipped)
            break;
        bars[i].samples += share_until(amount->samples, span, to_ms) - share_until(amount->samples, span, from_ms);
        bars[i].cpu_ns += share_until(amount->cpu_ns, span, to_ms) - share_until(amount->cpu_ns, span, from_ms);
        bars[i].wall_ns += share_until(amount->wall_ns, span, to_ms) - share_until(amount->wall_ns, span, from_ms);
    }
}

/* The query up to the end of the last bar. */
static int cover_bars(const struct pando_store_query *query, uint64_t bar_ms, size_t bar_count, struct pando_store_query *ret_whole)
{
    if (bar_ms == 0 || bar_count == 0 || query->start_ms > INT64_MAX || bar_ms > (INT64_MAX - query->start_ms) / bar_count)
        return PANDO_ERR_INVALID;
    *ret_whole = *query;
    ret_whole->end_ms = query->start_ms + bar_ms * bar_count - 1;
    return 0;
}

int pando_store_timeline(struct pando_store *store, const struct pando_store_query *query, uint64_t bar_ms,
                         struct pando_store_bar *bars, size_t bar_count)
{
    struct pando_store_view view;
    struct pando_store_bounds bounds;
    struct pando_store_query whole;
    int error = cover_bars(query, bar_ms, bar_count, &whole);
    if (error == 0)
        error = pando_store_query_begin(store, &whole, &view, &bounds);
    if (error != 0)
        return error;
    memset(bars, 0, bar_count * sizeof *bars);
    sqlite3_stmt *rows = pando_store_view_use(&view, STORE_BARS);
    pando_store_bind_query(rows, &whole, &bounds);
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        const struct pando_store_bar amount = {.profiles = pando_store_column(rows, 2), .samples = pando_store_column(rows, 3),
                                               .cpu_ns = pando_store_column(rows, 4), .wall_ns = pando_store_column(rows, 5)};
        spread((struct span){pando_store_column(rows, 0), pando_store_column(rows, 1)}, &amount, query->start_ms, bar_ms, bars, bar_count);
    }
    pando_store_view_done(&view, rows);
    pando_store_view_end(&view);
    return code == SQLITE_DONE ? 0 : PANDO_ERR_IO;
}

/* Which rows to read: no longer than a bar, if these are still there and not too many of them. */
static int plan_rows(struct pando_store_view *view, const struct pando_store_query *query, const struct pando_store_bounds *bounds,
                     uint64_t bar_ms, struct pando_store_plan *plan, char *message, size_t message_bytes)
{
    enum pando_store_level coarsest = STORE_RAW;
    while (coarsest < STORE_DAY && (uint64_t)pando_store_span_ms(coarsest + 1) <= bar_ms)
        coarsest++;
    for (;; coarsest++) {
        int error = pando_store_plan_up_to(view, query, bounds, coarsest, plan, message, message_bytes);
        if (error != 0 || plan->count <= SERIES_ROWS_MAX || coarsest == STORE_DAY || !pando_store_query_is_any(query))
            return error;
        pando_store_plan_release(plan);
    }
}

static int add_rows(struct pando_store_view *view, const struct pando_store_plan *plan, const struct pando_slice_wish *wish,
                    unsigned states, uint64_t first_ms, uint64_t bar_ms, struct pando_store_bar *bars, size_t bar_count, char *message,
                    size_t message_bytes)
{
    int error = 0;
    for (size_t i = 0; i < plan->count && error == 0; i++) {
        struct pando_packed packed;
        uint64_t totals[PANDO_PROFILE_STATES];
        error = pando_store_read(view, &plan->items[i], &packed, message, message_bytes);
        if (error != 0)
            break;
        const struct pando_profile_meta *meta = &packed.profile.meta;
        error = pando_profile_slice_totals(&packed.profile, wish, 1e9 / meta->weight_per_second, totals);
        struct pando_store_bar amount = {.profiles = plan->items[i].profiles, .cpu_ns = error == 0 ? totals[PANDO_PROFILE_NO_STATE] : 0};
        for (unsigned state = PANDO_PROFILE_NO_STATE + 1; error == 0 && state < PANDO_PROFILE_STATES; state++)
            amount.wall_ns += (states & 1u << state) != 0 ? totals[state] : 0;
        if (error == 0)
            spread((struct span){meta->start_wall_ms, meta->end_wall_ms}, &amount, first_ms, bar_ms, bars, bar_count);
        pando_packed_release(&packed);
    }
    return error;
}

int pando_store_series(struct pando_store *store, const struct pando_store_query *query, const struct pando_slice_wish *wish,
                       unsigned states, uint64_t bar_ms, struct pando_store_bar *bars, size_t bar_count, char *message,
                       size_t message_bytes)
{
    struct pando_store_view view;
    struct pando_store_bounds bounds;
    struct pando_store_query whole;
    struct pando_store_plan plan = {0};
    int error = cover_bars(query, bar_ms, bar_count, &whole);
    if (error == 0)
        error = pando_store_query_begin(store, &whole, &view, &bounds);
    if (error != 0) {
        snprintf(message, message_bytes, error == PANDO_ERR_NOT_FOUND ? "There is no profiling group of this name." : "The store cannot be read.");
        return error;
    }
    memset(bars, 0, bar_count * sizeof *bars);
    error = plan_rows(&view, &whole, &bounds, bar_ms, &plan, message, message_bytes);
    if (error == 0)
        error = add_rows(&view, &plan, wish, states, query->start_ms, bar_ms, bars, bar_count, message, message_bytes);
    pando_store_plan_release(&plan);
    pando_store_view_end(&view);
    return error == PANDO_ERR_SYNTAX ? PANDO_ERR_IO : error;
}
