// link: pando_receiver pando_profile pando_base PkgConfig::SQLITE3
/* Groups and their tags in the store: made, found, listed, switched off, deleted with all that is theirs, also when the deletion
 * was cut off in the middle; groups that must be there before a profile comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "receiver/store_groups.h"
#include "store_fixture.h"

struct seen {
    char names[512];
    struct pando_group last;
    char last_name[256];
};

static int note_group(void *context, const struct pando_group *group)
{
    struct seen *seen = context;
    size_t len = strlen(seen->names);
    snprintf(seen->names + len, sizeof seen->names - len, "%s;", group->name);
    seen->last = *group;
    snprintf(seen->last_name, sizeof seen->last_name, "%s", group->name);
    return 0;
}

static int note_tag(void *context, const struct pando_tag *tag)
{
    char *text = context;
    size_t len = strlen(text);
    snprintf(text + len, 512 - len, "%s=%s;", tag->name, tag->value);
    return 0;
}

static int make(struct pando_store *store, const char *name, const char *token)
{
    return pando_store_group_make(store, name, token, true, false, NULL, 0);
}

static void test_made_and_found(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    struct seen seen = {0};
    static const struct pando_tag tags[] = {{"team", "core"}, {"\xc3\xa9", ""}};
    assert_int_equal(pando_store_group_make(store, "web", "t1", false, true, tags, 2), 0);
    assert_int_equal(make(store, "web", "t1"), 1);
    assert_int_equal(make(store, "web", "t2"), PANDO_ERR_BUSY);
    assert_int_equal(make(store, "app", ""), 0);
    assert_int_equal(make(store, "app", ""), PANDO_ERR_BUSY); /* no token is not the same token */
    assert_int_equal(pando_store_group_find(store, "web", note_group, &seen), 0);
    assert_true(!seen.last.is_enabled && seen.last.is_lambda);
    assert_true(seen.last.created_ms > 1600000000000 && seen.last.updated_ms == seen.last.created_ms);
    assert_int_equal(seen.last.reported_ms, 0);
    assert_int_equal(seen.last.latest_start_ms, 0);
    char text[512] = "";
    assert_int_equal(pando_store_tags(store, "web", note_tag, text), 0);
    assert_string_equal(text, "team=core;\xc3\xa9=;");
    assert_int_equal(put(store, "web", "p1", 7000, 1), 0);
    assert_int_equal(put(store, "web", "p2", 5000, 1), 0);
    assert_int_equal(pando_store_group_find(store, "web", note_group, &seen), 0);
    assert_true(seen.last.reported_ms >= seen.last.created_ms);
    assert_int_equal(seen.last.latest_start_ms, 7000);
    assert_int_equal(seen.last.latest_span_ms, 300000);
    run_sql("DELETE FROM posted; DELETE FROM profile;" /* as time leaves it */
            "INSERT INTO rollup (group_id, level, begin_ms, carried, profiles, bytes) VALUES (1, 3, 86400000, 1, 2, 9)");
    memset(&seen, 0, sizeof seen);
    assert_int_equal(pando_store_group_find(store, "web", note_group, &seen), 0);
    assert_int_equal(seen.last.latest_start_ms, 86400000);
    assert_int_equal(seen.last.latest_span_ms, 86400000);
    assert_int_equal(put(store, "by-post", "p1", 7000, 1), 0);
    assert_int_equal(pando_store_group_find(store, "by-post", note_group, &seen), 0);
    assert_true(seen.last.is_enabled && !seen.last.is_lambda && seen.last.created_ms > 1600000000000);
    assert_int_equal(make(store, "by-post", "t"), PANDO_ERR_BUSY);
    assert_int_equal(pando_store_group_find(store, "nobody", note_group, &seen), PANDO_ERR_NOT_FOUND);
    pando_store_close(store);
}

static void test_pages(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    for (char name[] = "a"; name[0] <= 'g'; name[0]++)
        assert_int_equal(make(store, name, ""), 0);
    struct seen seen = {0};
    assert_int_equal(pando_store_group_list(store, 0, 3, note_group, &seen), 3);
    assert_int_equal(pando_store_group_delete(store, "c"), 0); /* what the next page goes on from */
    assert_int_equal(pando_store_group_list(store, seen.last.id, 3, note_group, &seen), 3);
    assert_int_equal(pando_store_group_list(store, seen.last.id, 3, note_group, &seen), 1);
    assert_int_equal(pando_store_group_list(store, seen.last.id, 3, note_group, &seen), 0);
    assert_string_equal(seen.names, "a;b;c;d;e;f;g;");
    pando_store_close(store);
}

static void test_switched(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    struct seen seen = {0};
    bool is_enabled = false;
    assert_int_equal(pando_store_group_asked(store, "web", &is_enabled), PANDO_ERR_NOT_FOUND);
    assert_int_equal(pando_store_group_enable(store, "web", false), PANDO_ERR_NOT_FOUND);
    assert_int_equal(make(store, "web", ""), 0);
    assert_int_equal(pando_store_group_asked(store, "web", &is_enabled), 0);
    assert_true(is_enabled);
    assert_int_equal(pando_store_group_find(store, "web", note_group, &seen), 0);
    uint64_t asked_ms = seen.last.orchestrated_ms;
    assert_true(asked_ms > 1600000000000);
    assert_int_equal(pando_store_group_enable(store, "web", false), 0);
    assert_int_equal(pando_store_group_asked(store, "web", &is_enabled), 0);
    assert_false(is_enabled);
    assert_int_equal(pando_store_group_find(store, "web", note_group, &seen), 0);
    assert_int_equal(seen.last.orchestrated_ms, asked_ms); /* not written each time */
    assert_true(seen.last.updated_ms >= seen.last.created_ms && !seen.last.is_enabled);
    pando_store_close(store);
}

static void test_tags(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    static const struct pando_tag two[] = {{"b", "1"}, {"a", "2"}}, again = {"b", "3"};
    static const char *const names[] = {"a", "nothing"};
    assert_int_equal(pando_store_tags_put(store, "web", two, 2), PANDO_ERR_NOT_FOUND);
    assert_int_equal(make(store, "web", ""), 0);
    assert_int_equal(pando_store_tags_put(store, "web", two, 2), 0);
    assert_int_equal(pando_store_tags_put(store, "web", &again, 1), 0);
    char text[512] = "";
    assert_int_equal(pando_store_tags(store, "web", note_tag, text), 0);
    assert_string_equal(text, "a=2;b=3;");
    assert_int_equal(pando_store_tags_drop(store, "web", names, 2), 0);
    assert_int_equal(pando_store_tags_drop(store, "nobody", names, 2), PANDO_ERR_NOT_FOUND);
    struct pando_tag many[PANDO_TAGS_MAX];
    char many_names[PANDO_TAGS_MAX][8];
    for (int i = 0; i < PANDO_TAGS_MAX; i++) {
        snprintf(many_names[i], sizeof many_names[i], "n%d", i);
        many[i] = (struct pando_tag){many_names[i], "x"};
    }
    assert_int_equal(pando_store_tags_put(store, "web", many, PANDO_TAGS_MAX), PANDO_ERR_LIMIT); /* with b one too many */
    text[0] = '\0';
    assert_int_equal(pando_store_tags(store, "web", note_tag, text), 0);
    assert_string_equal(text, "b=3;"); /* all or none */
    assert_int_equal(pando_store_tags_put(store, "web", many, PANDO_TAGS_MAX - 1), 0);
    pando_store_close(store);
}

/* Rows that belong to the group of that number, in whatever table there is. */
static int rows_of(int group_id)
{
    sqlite3 *db;
    sqlite3_stmt *tables;
    int rows = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c"
                                            " WHERE m.type = 'table' AND c.name = 'group_id'", -1, &tables, NULL), SQLITE_OK);
    int found = 0;
    while (sqlite3_step(tables) == SQLITE_ROW) {
        char sql[256];
        found++;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE group_id = %d", (const char *)sqlite3_column_text(tables, 0), group_id);
        rows += count_sql(sql);
    }
    assert_true(found >= 6);
    sqlite3_finalize(tables);
    sqlite3_close(db);
    return rows;
}

static struct pando_store *fill_two(void)
{
    static const struct pando_tag tag = {"a", "b"};
    struct pando_store *store = open_store(false);
    char token[16];
    for (unsigned i = 0; i < 450; i++) { /* more than are deleted at once */
        snprintf(token, sizeof token, "t%u", i);
        assert_int_equal(put(store, "web", token, 1000 * i, 1), 0);
        if (i < 300)
            assert_int_equal(put(store, "app", token, 1000 * i, 1), 0);
    }
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 450), 450ull * NS_PER_UNIT); /* sums are kept */
    assert_int_equal(total(store, "app", 0, UINT64_MAX, 300), 300ull * NS_PER_UNIT);
    assert_int_equal(pando_store_tags_put(store, "web", &tag, 1), 0);
    return store;
}

static void test_deleted(void **state)
{
    (void)state;
    struct pando_store *store = fill_two();
    int app_rows = rows_of(2);
    assert_true(rows_of(1) > 1000);
    assert_int_equal(pando_store_group_delete(store, "web"), 0);
    assert_int_equal(rows_of(1), 0);
    assert_int_equal(rows_of(2), app_rows);
    assert_int_equal(count_sql("SELECT count(*) FROM profile_group"), 1);
    assert_int_equal(pando_store_group_delete(store, "web"), PANDO_ERR_NOT_FOUND);
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 0), 0);
    assert_int_equal(total(store, "app", 0, UINT64_MAX, 300), 300ull * NS_PER_UNIT);
    assert_int_equal(put(store, "web", "t1", 1000, 1), 0); /* another group of that name */
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 1), 1ull * NS_PER_UNIT);
    pando_store_close(store);
}

static int count_groups(void *context, const struct pando_store_group *group)
{
    assert_string_equal(group->name, "app");
    ++*(int *)context;
    return 0;
}

static void test_cut_off(void **state)
{
    (void)state;
    struct pando_store *store = fill_two();
    int groups = 0;
    run_sql("UPDATE profile_group SET name = '~1', profiles = 0 WHERE name = 'web'"); /* as a kill right after it leaves it */
    run_sql("DELETE FROM posted WHERE group_id = 1 AND start_ms < 100000");
    assert_int_equal(pando_store_groups(store, count_groups, &groups), 0);
    assert_int_equal(groups, 1);
    struct seen seen = {0};
    assert_int_equal(pando_store_group_list(store, 0, 10, note_group, &seen), 1);
    assert_int_equal(pando_store_group_sweep(store), 0);
    assert_int_equal(rows_of(1), 0);
    assert_int_equal(count_sql("SELECT count(*) FROM profile_group"), 1);
    assert_int_equal(total(store, "app", 0, UINT64_MAX, 300), 300ull * NS_PER_UNIT);
    pando_store_close(store);
}

static void test_rules(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    pando_store_group_rule(store, true, 2);
    assert_int_equal(put(store, "web", "t1", 1000, 1), PANDO_ERR_NOT_FOUND);
    assert_non_null(strstr(message, "CreateProfilingGroup."));
    assert_int_equal(make(store, "web", ""), 0);
    assert_int_equal(put(store, "web", "t1", 1000, 1), 0); /* the refused one's token was not used up */
    pando_store_group_rule(store, false, 2);
    assert_int_equal(put(store, "app", "t1", 1000, 1), 0);
    assert_int_equal(put(store, "more", "t1", 1000, 1), PANDO_ERR_NOT_FOUND);
    assert_non_null(strstr(message, "as many groups"));
    assert_int_equal(make(store, "more", ""), PANDO_ERR_LIMIT);
    assert_int_equal(put(store, "app", "t2", 1000, 1), 0);
    assert_int_equal(pando_store_group_delete(store, "app"), 0);
    assert_int_equal(put(store, "more", "t1", 1000, 1), 0);
    pando_store_close(store);
}

static void test_read_only(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    assert_int_equal(make(store, "web", ""), 0);
    pando_store_close(store);
    store = open_store(true);
    bool is_enabled = false;
    assert_int_equal(make(store, "app", ""), PANDO_ERR_IO);
    assert_int_equal(pando_store_group_enable(store, "web", false), PANDO_ERR_IO);
    assert_int_equal(pando_store_group_delete(store, "web"), PANDO_ERR_IO);
    assert_int_equal(pando_store_group_asked(store, "web", &is_enabled), 0); /* an answer, even if it cannot be noted */
    assert_true(is_enabled);
    pando_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_and_found, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_pages, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_switched, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_tags, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_deleted, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_cut_off, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_rules, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_read_only, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
