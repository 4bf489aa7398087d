/* Why: a store with a limit: when it is nearly full, the oldest single profiles go before their time (their sums stay), then sums of
 * five minutes, then of an hour; when that is not enough, posts are refused until there is room. Pages that became free are
 * used again; when they are a large part of a file, it is made smaller.
 * Context: own process; the keeper's thread, or a test. */
#include "base/error.h"
#include "receiver/store_retention.h"

enum {
    DROP_ABOVE_PERCENT = 85,
    DROP_UNTIL_PERCENT = 75,
    REFUSE_ABOVE_PERCENT = 95,
    SHRINK_FREE_PERCENT = 25,    /* of the file's pages */
    SHRINK_FREE_PAGES = 1024,
    SHRINK_AT_ONCE_PAGES = 512,  /* and a transaction */
    SHRINK_STEPS = 64,           /* each time this is called */
};

/* A number that a pragma or a query without parameters gives; with the lock. */
static uint64_t number(struct pando_store *store, enum pando_store_statement statement)
{
    int64_t value;
    return pando_store_step_once(store->statements[statement], &value) == SQLITE_OK && value > 0 ? (uint64_t)value : 0;
}

struct pages {
    uint64_t used, free, limit, bytes_each;
};

static struct pages count_pages(struct pando_store *store)
{
    struct pages pages = {.free = number(store, STORE_FREE_PAGES), .limit = number(store, STORE_MAX_PAGES),
                          .bytes_each = number(store, STORE_PAGE_BYTES)};
    pages.used = number(store, STORE_PAGES) - pages.free;
    return pages;
}

static bool is_above(const struct pages *pages, uint64_t more_pages, unsigned percent)
{
    return pages->used + more_pages > pages->limit / 100 * percent;
}

bool pando_store_is_full(struct pando_store *store, uint64_t bytes)
{
    struct pages pages = count_pages(store);
    return pages.bytes_each != 0 && is_above(&pages, bytes / pages.bytes_each + 1, REFUSE_ABOVE_PERCENT);
}

static bool is_over(struct pando_store *store, unsigned percent)
{
    pthread_mutex_lock(&store->lock);
    struct pages pages = count_pages(store);
    pthread_mutex_unlock(&store->lock);
    return is_above(&pages, 0, percent);
}

/* The beginning of the oldest row of a level that may go; -1: there is none. */
static int64_t oldest(struct pando_store *store, enum pando_store_level level)
{
    sqlite3_stmt *look = pando_store_lock(store, level == STORE_RAW ? STORE_OLDEST_PROFILE : STORE_OLDEST_ROLLUP);
    if (level != STORE_RAW)
        sqlite3_bind_int(look, 1, (int)level);
    int64_t begin_ms = sqlite3_step(look) == SQLITE_ROW && sqlite3_column_type(look, 0) != SQLITE_NULL ? sqlite3_column_int64(look, 0) : -1;
    pando_store_unlock(store, look);
    return begin_ms;
}

static int drop_oldest(struct pando_store *store, char *message, size_t message_bytes)
{
    /* Each level's bound lies on the span of the level above; single profiles go by the hour too. */
    static const enum pando_store_level grains[] = {STORE_HOUR, STORE_HOUR, STORE_DAY};
    for (int level = STORE_RAW; level < STORE_DAY; level++) {
        while (is_over(store, DROP_UNTIL_PERCENT)) {
            int64_t begin_ms = oldest(store, (enum pando_store_level)level);
            struct pando_store_cutoffs cutoffs = {0};
            if (begin_ms < 0)
                break;
            for (int below = STORE_RAW; below <= level; below++) { /* what is finer is gone there too */
                cutoffs.start_ms[below] = pando_store_floor(begin_ms, grains[level]) + pando_store_span_ms(grains[level]);
                cutoffs.came_ms[below] = INT64_MAX;
            }
            int error = pando_store_drop_old(store, &cutoffs, message, message_bytes);
            if (error != 0)
                return error;
        }
    }
    return 0;
}

/* Free pages stay in the file for what comes; a file that is mostly free is made smaller. */
static void shrink(struct pando_store *store)
{
    for (int i = 0; i < SHRINK_STEPS; i++) {
        pthread_mutex_lock(&store->lock);
        struct pages pages = count_pages(store);
        bool is_much = pages.free > SHRINK_FREE_PAGES && pages.free * 100 > (pages.used + pages.free) * SHRINK_FREE_PERCENT;
        if (is_much) {
            int code;
            while ((code = sqlite3_step(store->statements[STORE_SHRINK])) == SQLITE_ROW)
                continue;
            is_much = sqlite3_reset(store->statements[STORE_SHRINK]) == SQLITE_OK && code == SQLITE_DONE &&
                      number(store, STORE_FREE_PAGES) < pages.free; /* a file of an earlier Pando stays as large as it is */
        }
        pthread_mutex_unlock(&store->lock);
        if (!is_much)
            return;
    }
}

bool pando_store_is_tight(struct pando_store *store)
{
    return is_over(store, DROP_ABOVE_PERCENT);
}

int pando_store_make_room(struct pando_store *store, char *message, size_t message_bytes)
{
    int error = pando_store_is_tight(store) ? drop_oldest(store, message, message_bytes) : 0;
    if (error == 0)
        shrink(store);
    return error;
}
