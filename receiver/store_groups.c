/* Why: receiver/store_groups.h: groups. Their tags are in store_tags.c.
 * Context: own process; any thread. These are asked for seldom: their statements are prepared each time. */
#include "receiver/store_groups.h"

#include "base/clock.h"
#include "base/error.h"
#include "receiver/store_lines.h"
#include "receiver/store_private.h"

enum { DELETE_AT_ONCE = 200, ASKED_EVERY_MS = 10000 };

static uint64_t now_ms(void)
{
    return pando_clock_wall_ns() / 1000000;
}

void pando_store_group_rule(struct pando_store *store, bool must_exist, uint32_t max)
{
    store->groups_must_exist = must_exist;
    store->groups_max = max;
}

/* The latest roll-up of a level: what is left when single profiles are gone. */
#define LATEST(level) "(SELECT max(begin_ms) FROM rollup WHERE group_id = profile_group.id AND level = " level ")"
#define COLUMNS \
    "SELECT id, name, created_ms, updated_ms, reported_ms, orchestrated_ms, is_enabled, is_lambda," \
    " (SELECT max(start_ms) FROM posted WHERE group_id = profile_group.id), " LATEST("1") ", " LATEST("2") ", " LATEST("3") \
    " FROM profile_group"

/* The finest that there is tells best when the latest profile began. */
static void read_latest(sqlite3_stmt *rows, struct pando_group *group)
{
    static const uint32_t spans_ms[] = {300000, 300000, 3600000, 86400000};
    for (int i = 0; i < 4 && group->latest_span_ms == 0; i++) {
        if (sqlite3_column_type(rows, 8 + i) == SQLITE_NULL)
            continue;
        group->latest_start_ms = pando_store_column(rows, 8 + i);
        group->latest_span_ms = spans_ms[i];
    }
}

static int visit_rows(struct pando_store *store, sqlite3_stmt *rows, int (*visit)(void *context, const struct pando_group *group),
                      void *context)
{
    int code = SQLITE_DONE, result = 0, count = 0;
    while (result == 0 && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(rows, 1);
        struct pando_group group = {
            .id = sqlite3_column_int64(rows, 0), .name = name != NULL ? name : "", .created_ms = pando_store_column(rows, 2),
            .updated_ms = pando_store_column(rows, 3), .reported_ms = pando_store_column(rows, 4),
            .orchestrated_ms = pando_store_column(rows, 5), .is_enabled = sqlite3_column_int64(rows, 6) != 0,
            .is_lambda = sqlite3_column_int64(rows, 7) != 0};
        read_latest(rows, &group);
        count++;
        result = visit(context, &group);
    }
    pando_store_line_end(store, rows);
    return result != 0 ? result : code == SQLITE_DONE ? count : PANDO_ERR_IO;
}

int pando_store_group_list(struct pando_store *store, int64_t after_id, size_t max,
                           int (*visit)(void *context, const struct pando_group *group), void *context)
{
    sqlite3_stmt *rows = pando_store_line(store, COLUMNS " WHERE id > ?1 AND name < '~' ORDER BY id LIMIT ?2");
    sqlite3_bind_int64(rows, 1, after_id);
    sqlite3_bind_int64(rows, 2, (int64_t)max);
    return visit_rows(store, rows, visit, context);
}

int pando_store_group_find(struct pando_store *store, const char *name,
                           int (*visit)(void *context, const struct pando_group *group), void *context)
{
    sqlite3_stmt *rows = pando_store_line(store, COLUMNS " WHERE name = ?1");
    sqlite3_bind_text(rows, 1, name, -1, SQLITE_STATIC);
    int count = visit_rows(store, rows, visit, context);
    return count > 0 ? 0 : count == 0 ? PANDO_ERR_NOT_FOUND : count;
}

/* Within a transaction. 0, 1, PANDO_ERR_BUSY, PANDO_ERR_LIMIT or PANDO_ERR_IO. */
static int make(struct pando_store *store, const char *name, const char *client_token, bool is_enabled, bool is_lambda,
                const struct pando_tag *tags, size_t tag_count)
{
    int64_t same = -1, groups = 0, id = 0;
    int error = pando_store_run(store, "SELECT client_token = ?2 AND client_token <> '' FROM profile_group WHERE name = ?1", &same,
                                "tt", name, client_token);
    if (error == 0 && same >= 0)
        return same == 1 ? 1 : PANDO_ERR_BUSY;
    if (error == 0)
        error = pando_store_run(store, "SELECT count(*) FROM profile_group WHERE name < '~'", &groups, "");
    if (error == 0 && store->groups_max != 0 && groups >= store->groups_max)
        return PANDO_ERR_LIMIT;
    if (error == 0)
        error = pando_store_run(store,
                                "INSERT INTO profile_group (name, profiles, samples, first_start_ms, last_end_ms, created_ms,"
                                " updated_ms, client_token, is_enabled, is_lambda) VALUES (?1, 0, 0, 0, 0, ?3, ?3, ?2, ?4, ?5)"
                                " RETURNING id", &id, "ttiii", name, client_token, (int64_t)now_ms(), (int64_t)is_enabled,
                                (int64_t)is_lambda);
    for (size_t i = 0; i < tag_count && error == 0; i++)
        error = pando_store_tag_put(store, id, &tags[i]);
    return error;
}

int pando_store_group_make(struct pando_store *store, const char *name, const char *client_token, bool is_enabled, bool is_lambda,
                           const struct pando_tag *tags, size_t tag_count)
{
    int error = pando_store_begin(store);
    if (error == 0)
        error = make(store, name, client_token, is_enabled, is_lambda, tags, tag_count);
    return pando_store_end(store, error);
}

int pando_store_group_enable(struct pando_store *store, const char *name, bool is_enabled)
{
    int64_t id = 0;
    int error = pando_store_begin(store);
    if (error == 0)
        error = pando_store_run(store, "UPDATE profile_group SET is_enabled = ?2, updated_ms = ?3 WHERE name = ?1 RETURNING id", &id,
                                "tii", name, (int64_t)is_enabled, (int64_t)now_ms());
    if (error == 0 && id == 0)
        error = PANDO_ERR_NOT_FOUND;
    return pando_store_end(store, error);
}

int pando_store_group_asked(struct pando_store *store, const char *name, bool *ret_is_enabled)
{
    int64_t state = -1, unused = 0, now = (int64_t)now_ms();
    /* 2: it was noted lately. */
    pthread_mutex_lock(&store->lock);
    int error = pando_store_run(store, "SELECT is_enabled + 2 * (abs(?2 - orchestrated_ms) < ?3) FROM profile_group WHERE name = ?1",
                                &state, "tii", name, now, (int64_t)ASKED_EVERY_MS);
    pthread_mutex_unlock(&store->lock);
    if (error == 0 && state < 0)
        return PANDO_ERR_NOT_FOUND;
    if (error == 0)
        *ret_is_enabled = (state & 1) != 0;
    if (error != 0 || state >= 2)
        return error;
    error = pando_store_begin(store);
    if (error == 0)
        error = pando_store_run(store, "UPDATE profile_group SET orchestrated_ms = ?2 WHERE name = ?1", &unused, "ti", name, now);
    pando_store_end(store, error);
    return 0; /* a full disk is no reason to leave agents without an answer */
}

/* Everything that belongs to a group, a part at a time; what refers to others goes first. A table with a group_id is named here. */
static const char *const PARTS[] = {
    "DELETE FROM posted WHERE (group_id, start_ms, id) IN (SELECT group_id, start_ms, id FROM posted WHERE group_id = ?1 LIMIT ?2)",
    "DELETE FROM profile WHERE id IN (SELECT id FROM profile WHERE group_id = ?1 LIMIT ?2)",
    "DELETE FROM rollup_tree WHERE id IN (SELECT rollup_tree.id FROM rollup JOIN rollup_tree ON rollup_tree.id = rollup.id"
    " WHERE rollup.group_id = ?1 LIMIT ?2)",
    "DELETE FROM rollup WHERE id IN (SELECT id FROM rollup WHERE group_id = ?1 LIMIT ?2)",
    "DELETE FROM activity WHERE group_id = ?1 AND begin_ms IN (SELECT begin_ms FROM activity WHERE group_id = ?1 LIMIT ?2)",
    "DELETE FROM token WHERE (group_id, token) IN (SELECT group_id, token FROM token WHERE group_id = ?1 LIMIT ?2)",
    "DELETE FROM source WHERE id IN (SELECT source.id FROM series JOIN source ON source.series_id = series.id"
    " WHERE series.group_id = ?1 LIMIT ?2)",
    "DELETE FROM series WHERE id IN (SELECT id FROM series WHERE group_id = ?1 LIMIT ?2)",
    "DELETE FROM group_tag WHERE group_id = ?1 AND ?2 > 0",
    "DELETE FROM profile_group WHERE id = ?1 AND ?2 > 0",
};

static int delete_part(struct pando_store *store, const char *sql, int64_t id, int *ret_rows)
{
    int64_t unused;
    int error = pando_store_begin(store);
    if (error == 0)
        error = pando_store_run(store, sql, &unused, "ii", id, (int64_t)DELETE_AT_ONCE);
    *ret_rows = error == 0 ? sqlite3_changes(store->db) : 0;
    return pando_store_end(store, error);
}

static int delete_all(struct pando_store *store, int64_t id)
{
    int error = 0;
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        int rows = DELETE_AT_ONCE;
        while (error == 0 && rows >= DELETE_AT_ONCE)
            error = delete_part(store, PARTS[i], id, &rows);
    }
    return error;
}

/* A name that no request can have: from then on there is no such group for anybody. */
static int hide(struct pando_store *store, const char *name, int64_t *ret_id)
{
    int error = pando_store_begin(store);
    if (error == 0)
        error = pando_store_run(store, "UPDATE profile_group SET name = '~' || id, profiles = 0 WHERE name = ?1 RETURNING id", ret_id,
                                "t", name);
    if (error == 0 && *ret_id == 0)
        error = PANDO_ERR_NOT_FOUND;
    return pando_store_end(store, error);
}

int pando_store_group_delete(struct pando_store *store, const char *name)
{
    int64_t id = 0;
    int error = hide(store, name, &id);
    if (error == 0)
        delete_all(store, id); /* what a failure leaves goes with the next sweep */
    return error;
}

int pando_store_group_sweep(struct pando_store *store)
{
    for (int64_t id = 0, before = 0;; before = id, id = 0) {
        pthread_mutex_lock(&store->lock);
        int error = pando_store_run(store, "SELECT min(id) FROM profile_group WHERE name >= '~' AND id > ?1", &id, "i", before);
        pthread_mutex_unlock(&store->lock);
        if (error == 0 && id != 0)
            error = delete_all(store, id);
        if (error != 0 || id == 0)
            return error;
    }
}
