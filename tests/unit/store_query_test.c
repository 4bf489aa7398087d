// link: pando_receiver pando_profile pando_base PkgConfig::SQLITE3
/* What is asked of a store without reading trees: filters by where a profile came from, the list of hosts and processes, the chart over
 * time, the spans that hold something; and a store of an earlier Pando, brought up to date. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "profile/slices.h"
#include "profile/states.h"
#include "receiver/packed.h"
#include "store_fixture.h"

/* Of one process: `cpu` CPU time and `wall` waiting, in hundredths of a second. */
static void put_from(struct pando_store *store, const char *host, const char *process, uint32_t pid, uint64_t start_ms,
                     uint64_t length_ms, uint64_t cpu, uint64_t wall)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    int64_t frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = string(builder, "main")});
    int64_t node = pando_profile_builder_child(builder, 0, (uint32_t)frame);
    pando_profile_builder_add_self(builder, (uint32_t)node, cpu);
    if (wall != 0) {
        int64_t state = pando_profile_builder_state(builder, PANDO_PROFILE_WAITING);
        int64_t leaf = pando_profile_builder_child(builder, (uint32_t)node, (uint32_t)state);
        pando_profile_builder_add_self(builder, (uint32_t)leaf, wall);
    }
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    *meta = (struct pando_profile_meta){.start_wall_ms = start_ms, .end_wall_ms = start_ms + length_ms, .weight_per_second = 100,
                                        .samples = cpu + wall, .pid = pid, .host_name = string(builder, host),
                                        .process_name = string(builder, process)};
    snprintf(meta->fleet_id, sizeof meta->fleet_id, "00000000-0000-4000-8000-%012u", pid);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_int_equal(pando_store_put(store, "web", NULL, profile, message, sizeof message), 0);
    pando_profile_free(profile);
}

static struct pando_store *filled(void)
{
    struct pando_store *store = open_store(false);
    put_from(store, "alpha", "server", 10, 1000, 1000, 1, 0);
    put_from(store, "alpha", "server", 11, 2000, 1000, 2, 0);
    put_from(store, "alpha", "worker", 12, 3000, 1000, 4, 100);
    put_from(store, "beta", "server", 10, 4000, 1000, 8, 0);
    put_from(store, "beta", "server", 10, 5000, 1000, 16, 0);
    return store;
}

static uint64_t sum(struct pando_store *store, struct pando_store_query query, uint64_t expected_count)
{
    struct pando_profile *profile;
    struct pando_store_range range;
    uint64_t count = 0, total_ns = 0;
    query.group = "web";
    assert_int_equal(pando_store_find(store, &query, &range), 0);
    assert_int_equal(range.count, expected_count);
    int error = pando_store_sum(store, &query, &profile, &count, message, sizeof message);
    assert_int_equal(count, expected_count);
    assert_int_equal(error, expected_count != 0 ? 0 : PANDO_ERR_NOT_FOUND);
    if (error != 0)
        return 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        total_ns += profile->nodes[i].self;
    pando_profile_free(profile);
    return total_ns / 10000000;
}

static void test_filters(void **state)
{
    (void)state;
    struct pando_store *store = filled();
    const struct pando_store_query all = {.end_ms = UINT64_MAX};
    struct pando_store_query query = all;
    assert_int_equal(sum(store, query, 5), 131);
    query.host = "alpha";
    assert_int_equal(sum(store, query, 3), 107);
    query.process = "server";
    assert_int_equal(sum(store, query, 2), 3);
    query.pid = 11;
    assert_int_equal(sum(store, query, 1), 2);
    query.pid = 12;
    assert_int_equal(sum(store, query, 0), 0);
    query = all;
    query.pid = 10; /* on two hosts */
    assert_int_equal(sum(store, query, 3), 25);
    query.end_ms = 4000;
    assert_int_equal(sum(store, query, 2), 9);
    query = all;
    query.fleet_id = "00000000-0000-4000-8000-000000000012";
    assert_int_equal(sum(store, query, 1), 104);
    query.fleet_id = "";
    assert_int_equal(sum(store, query, 0), 0);
    query = all;
    query.host = "' OR 1=1 --";
    assert_int_equal(sum(store, query, 0), 0);
    query.group = "nobody";
    struct pando_store_range range;
    assert_int_equal(pando_store_find(store, &query, &range), PANDO_ERR_NOT_FOUND);
    pando_store_close(store);
}

/* Ranges side by side have no profile in common when it counts where it began, and one more when it counts what they overlap. */
static void test_by_start(void **state)
{
    (void)state;
    struct pando_store *store = filled();
    const struct pando_store_query left = {.end_ms = 2999, .by_start = true}, right = {.start_ms = 3000, .end_ms = 9000, .by_start = true};
    assert_int_equal(sum(store, left, 2), 3);
    assert_int_equal(sum(store, right, 3), 128);
    const struct pando_store_query overlapping = {.start_ms = 3000, .end_ms = 9000}; /* 2000..3000 ends in it */
    assert_int_equal(sum(store, overlapping, 4), 130);
    pando_store_close(store);
}

static int note_source(void *context, const struct pando_store_source *source)
{
    char *text = context;
    size_t len = strlen(text);
    snprintf(text + len, 512 - len, "%s/%s/%u/%.2s %llu %llu+%llu %llu-%llu;", source->host, source->process, source->pid,
             source->fleet_id[0] != '\0' ? source->fleet_id + 34 : "", (unsigned long long)source->profiles,
             (unsigned long long)source->cpu_ns / 10000000, (unsigned long long)source->wall_ns / 10000000,
             (unsigned long long)source->first_start_ms, (unsigned long long)source->last_end_ms);
    return 0;
}

static int stop_at_once(void *context, const struct pando_store_source *source)
{
    (void)source;
    ++*(int *)context;
    return 42;
}

static void test_sources(void **state)
{
    (void)state;
    struct pando_store *store = filled();
    struct pando_store_query query = {.group = "web", .end_ms = UINT64_MAX};
    char hosts[512] = "", processes[512] = "", starts[512] = "", some[512] = "";
    assert_int_equal(pando_store_sources(store, &query, PANDO_STORE_BY_HOST, note_source, hosts), 0);
    assert_string_equal(hosts, "alpha//0/ 3 7+100 1000-4000;beta//0/ 2 24+0 4000-6000;");
    assert_int_equal(pando_store_sources(store, &query, PANDO_STORE_BY_PROCESS, note_source, processes), 0);
    assert_string_equal(processes, "alpha/worker/0/ 1 4+100 3000-4000;beta/server/0/ 2 24+0 4000-6000;"
                                   "alpha/server/0/ 2 3+0 1000-3000;");
    query.host = "alpha";
    query.process = "server";
    assert_int_equal(pando_store_sources(store, &query, PANDO_STORE_BY_START, note_source, starts), 0);
    assert_string_equal(starts, "alpha/server/11/11 1 2+0 2000-3000;alpha/server/10/10 1 1+0 1000-2000;");
    query.start_ms = 9000;
    assert_int_equal(pando_store_sources(store, &query, PANDO_STORE_BY_HOST, note_source, some), 0);
    assert_string_equal(some, "");
    query = (struct pando_store_query){.group = "web", .end_ms = UINT64_MAX};
    int calls = 0;
    assert_int_equal(pando_store_sources(store, &query, PANDO_STORE_BY_HOST, stop_at_once, &calls), 42);
    assert_int_equal(calls, 1);
    query.group = "nobody";
    assert_int_equal(pando_store_sources(store, &query, PANDO_STORE_BY_HOST, note_source, some), PANDO_ERR_NOT_FOUND);
    pando_store_close(store);
}

static void test_timeline(void **state)
{
    (void)state;
    struct pando_store *store = filled();
    struct pando_store_query query = {.group = "web"};
    struct pando_store_bar bars[8];
    assert_int_equal(pando_store_timeline(store, &query, 2000, bars, 4), 0);
    const uint64_t cpu[] = {1, 6, 24, 0}, wall[] = {0, 100, 0, 0}, profiles[] = {1, 2, 2, 0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(bars[i].cpu_ns, cpu[i] * 10000000);
        assert_int_equal(bars[i].wall_ns, wall[i] * 10000000);
        assert_int_equal(bars[i].profiles, profiles[i]);
    }
    query.process = "worker";
    assert_int_equal(pando_store_timeline(store, &query, 2000, bars, 4), 0);
    assert_int_equal(bars[1].cpu_ns, 40000000);
    assert_int_equal(bars[2].cpu_ns, 0);
    /* One that spans bars is spread over them, and nothing is lost to rounding. */
    put_from(store, "gamma", "long", 9, 10000, 7000, 10, 33);
    query = (struct pando_store_query){.group = "web", .host = "gamma", .start_ms = 9500};
    assert_int_equal(pando_store_timeline(store, &query, 1000, bars, 8), 0);
    uint64_t cpu_ns = 0, wall_ns = 0, samples = 0, count = 0;
    for (size_t i = 0; i < 8; i++) {
        cpu_ns += bars[i].cpu_ns;
        wall_ns += bars[i].wall_ns;
        samples += bars[i].samples;
        count += bars[i].profiles;
    }
    assert_int_equal(cpu_ns, 100000000);
    assert_int_equal(wall_ns, 330000000);
    assert_int_equal(samples, 43);
    assert_int_equal(count, 1);
    assert_true(bars[1].cpu_ns > 14000000 && bars[1].cpu_ns < 14600000);
    assert_true(bars[0].cpu_ns > 7000000 && bars[0].cpu_ns < 7300000);
    query.start_ms = 12000; /* what lies before the first bar is left out */
    assert_int_equal(pando_store_timeline(store, &query, 1000, bars, 8), 0);
    assert_true(bars[0].cpu_ns > 14000000 && bars[0].cpu_ns < 14600000);
    assert_int_equal(bars[5].cpu_ns, 0);
    put_from(store, "gamma", "instant", 9, 30000, 0, 5, 0);
    query = (struct pando_store_query){.group = "web", .start_ms = 30000};
    assert_int_equal(pando_store_timeline(store, &query, 1000, bars, 8), 0);
    assert_int_equal(bars[0].cpu_ns, 50000000);
    assert_int_equal(pando_store_timeline(store, &query, 0, bars, 8), PANDO_ERR_INVALID);
    assert_int_equal(pando_store_timeline(store, &query, UINT64_MAX, bars, 8), PANDO_ERR_INVALID);
    query.group = "nobody";
    assert_int_equal(pando_store_timeline(store, &query, 1000, bars, 8), PANDO_ERR_NOT_FOUND);
    pando_store_close(store);
}

/* A thread's time, and that of one waiting: `cpu` and `wall` hundredths of a second, and 3 more of another thread. */
static void put_threads(struct pando_store *store, uint64_t start_ms, uint64_t cpu, uint64_t wall)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    int64_t main_frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = string(builder, "main")});
    int64_t node = pando_profile_builder_child(builder, 0, (uint32_t)main_frame);
    for (unsigned i = 0; i < 2; i++) {
        struct pando_slice slice = {.tid = 100 + i};
        pando_slice_set_thread(&slice, i == 0 ? "worker" : "other", i == 0 ? 6 : 5);
        int64_t leaf = pando_profile_builder_child(builder, (uint32_t)node, (uint32_t)pando_profile_builder_slice(builder, &slice));
        pando_profile_builder_add_self(builder, (uint32_t)leaf, i == 0 ? cpu : 3);
        int64_t waits = pando_profile_builder_child(builder, (uint32_t)leaf, (uint32_t)pando_profile_builder_state(builder, PANDO_PROFILE_WAITING));
        pando_profile_builder_add_self(builder, (uint32_t)waits, i == 0 ? wall : 5);
        int64_t runs = pando_profile_builder_child(builder, (uint32_t)leaf, (uint32_t)pando_profile_builder_state(builder, PANDO_PROFILE_RUNNABLE));
        pando_profile_builder_add_self(builder, (uint32_t)runs, 7);
    }
    *pando_profile_builder_meta(builder) = (struct pando_profile_meta){
        .start_wall_ms = start_ms, .end_wall_ms = start_ms + 60000, .weight_per_second = 100, .samples = cpu};
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_int_equal(pando_store_put(store, "web", NULL, profile, message, sizeof message), 0);
    pando_profile_free(profile);
}

static void test_series(void **state)
{
    (void)state;
    const uint64_t minute = 60000, begin = 1700000100000; /* a whole number of five minutes */
    struct pando_store *store = open_store(false);
    struct pando_slice_wish wish = {0};
    assert_true(pando_slice_wish_thread(&wish, "worker"));
    for (uint64_t i = 0; i < 60; i++)
        put_threads(store, begin + i * minute, i, 100);
    const struct pando_store_query query = {.group = "web", .start_ms = begin};
    struct pando_store_bar bars[60];
    const unsigned waiting = 1u << PANDO_PROFILE_WAITING;
    for (int is_rolled = 0; is_rolled < 2; is_rolled++) {
        assert_int_equal(pando_store_series(store, &query, &wish, waiting, minute, bars, 60, message, sizeof message), 0);
        for (uint64_t i = 0; i < 60; i++) { /* single profiles, as long as they are there */
            assert_int_equal(bars[i].cpu_ns, i * 10000000);
            assert_int_equal(bars[i].wall_ns, 1000000000);
            assert_int_equal(bars[i].samples, 0);
        }
        assert_int_equal(pando_store_series(store, &query, &wish, PANDO_VIEW_WALL, 10 * minute, bars, 6, message, sizeof message), 0);
        for (uint64_t i = 0; i < 6; i++) { /* sums of five minutes do, once there are some */
            assert_int_equal(bars[i].cpu_ns, (100 * i + 45) * 10000000);
            assert_int_equal(bars[i].wall_ns, 10 * 1070000000ull);
        }
        assert_int_equal(pando_store_roll_up(store, begin + 86400000, message, sizeof message), 0);
    }
    /* When only hours are left, they are spread over the bars. */
    const struct pando_store_policy policy = {.raw_s = 3600, .five_s = 3600, .hour_s = 86400 * 3, .day_s = 86400 * 3};
    assert_int_equal(pando_store_retain(store, &policy, begin + 86400000, message, sizeof message), 0);
    uint64_t cpu_ns = 0;
    assert_int_equal(pando_store_series(store, &query, &wish, waiting, minute, bars, 60, message, sizeof message), 0);
    for (uint64_t i = 0; i < 60; i++)
        cpu_ns += bars[i].cpu_ns;
    assert_int_equal(cpu_ns, 59 * 30 * 10000000ull);
    assert_true(pando_slice_wish_label(&wish, "route:/none"));
    assert_int_equal(pando_store_series(store, &query, &wish, waiting, minute, bars, 60, message, sizeof message), 0);
    assert_int_equal(bars[30].cpu_ns + bars[30].wall_ns, 0);
    const struct pando_store_query unknown = {.group = "nobody"};
    assert_int_equal(pando_store_series(store, &unknown, &wish, waiting, minute, bars, 60, message, sizeof message), PANDO_ERR_NOT_FOUND);
    pando_store_close(store);
}

static void test_times(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    put_from(store, "alpha", "server", 1, 300000, 1000, 1, 0);
    put_from(store, "alpha", "server", 1, 599999, 1000, 1, 0);
    put_from(store, "alpha", "server", 1, 3600000, 1000, 1, 0);
    put_from(store, "alpha", "server", 1, 7200001, 1000, 1, 0);
    uint64_t times[8];
    assert_int_equal(pando_store_times(store, "web", 300000, 0, UINT64_MAX, false, times, 8), 3);
    assert_true(times[0] == 300000 && times[1] == 3600000 && times[2] == 7200000);
    assert_int_equal(pando_store_times(store, "web", 3600000, 0, UINT64_MAX, true, times, 8), 3);
    assert_true(times[0] == 7200000 && times[1] == 3600000 && times[2] == 0);
    assert_int_equal(pando_store_times(store, "web", 86400000, 0, UINT64_MAX, true, times, 8), 1);
    assert_int_equal(pando_store_times(store, "web", 300000, 300000, 7200000, false, times, 8), 2);
    assert_int_equal(pando_store_times(store, "web", 300000, 0, UINT64_MAX, true, times, 2), 2);
    assert_int_equal(times[0], 7200000);
    assert_int_equal(pando_store_times(store, "nobody", 300000, 0, UINT64_MAX, true, times, 2), PANDO_ERR_NOT_FOUND);
    pando_store_close(store);
}

/* As the first version made it. */
static const char FIRST_VERSION[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE profile_group (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, profiles INTEGER NOT NULL,"
    "  samples INTEGER NOT NULL, first_start_ms INTEGER NOT NULL, last_end_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE token (group_id INTEGER NOT NULL REFERENCES profile_group (id), token TEXT NOT NULL,"
    "  PRIMARY KEY (group_id, token)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE profile (id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL REFERENCES profile_group (id),"
    "  start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, received_ms INTEGER NOT NULL, packed BLOB NOT NULL) STRICT;"
    "CREATE TABLE profile_sum (group_id INTEGER NOT NULL REFERENCES profile_group (id), block INTEGER NOT NULL,"
    "  profiles INTEGER NOT NULL, packed BLOB NOT NULL, PRIMARY KEY (group_id, block)) STRICT;"
    "CREATE INDEX profile_time ON profile (group_id, end_ms, start_ms);"
    "PRAGMA application_id = 0x506e646f;"
    "PRAGMA user_version = 1;"
    "INSERT INTO profile_group VALUES (7, 'web', 40, 1260, 1000, 41000);"
    "INSERT INTO token VALUES (7, 'old');";

/* 40 profiles of a second each, and one that cannot be read if `damaged`. */
static void make_first_version(bool damaged)
{
    sqlite3 *db;
    sqlite3_stmt *insert;
    run_sql(FIRST_VERSION);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO profile VALUES (?1, 7, ?2, ?2 + 1000, 0, ?3)", -1, &insert, NULL), SQLITE_OK);
    for (int i = 0; i < 40; i++) {
        struct pando_profile *profile = make_profile(1000 + 1000 * (uint64_t)i, 1 + (uint64_t)i % 20, 3);
        struct pando_buffer packed;
        pando_buffer_init(&packed, 1 << 20);
        assert_int_equal(pando_packed_encode(profile, &packed), 0);
        if (damaged && i == 20)
            packed.bytes[packed.len_bytes / 2] ^= 1;
        sqlite3_bind_int(insert, 1, 100 + i);
        sqlite3_bind_int(insert, 2, 1000 + 1000 * i);
        sqlite3_bind_blob(insert, 3, packed.bytes, (int)packed.len_bytes, SQLITE_TRANSIENT);
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        sqlite3_reset(insert);
        pando_buffer_release(&packed);
        pando_profile_free(profile);
    }
    sqlite3_finalize(insert);
    sqlite3_close(db);
}

static void check_migrated(struct pando_store *store)
{
    const struct pando_store_query box = {.group = "web", .start_ms = 0, .host = "box", .pid = 77};
    struct pando_store_bar bars[2];
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 40), 420ull * NS_PER_UNIT);
    assert_int_equal(total(store, "web", 5500, 6500, 2), 11ull * NS_PER_UNIT); /* the fifth and the sixth */
    assert_int_equal(pando_store_timeline(store, &box, 21000, bars, 2), 0);
    assert_int_equal(bars[0].cpu_ns, 210ull * NS_PER_UNIT);
    assert_int_equal(bars[1].cpu_ns, 210ull * NS_PER_UNIT);
}

static void test_first_version(void **state)
{
    (void)state;
    make_first_version(false);
    struct pando_store *store = open_store(true); /* a report must not change it */
    check_migrated(store);
    assert_int_equal(put(store, "web", "new", 1000, 1), PANDO_ERR_IO);
    pando_store_close(store);
    assert_int_equal(count_sql("PRAGMA user_version"), 1);
    store = open_store(false);
    check_migrated(store);
    assert_int_equal(put(store, "web", "old", 1000, 1), 1);
    assert_int_equal(put(store, "web", "new", 1000, 1), 0);
    pando_store_close(store);
    assert_true(count_sql("PRAGMA user_version") > 1);
    store = open_store(false); /* not again */
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 41), 421ull * NS_PER_UNIT);
    pando_store_close(store);
}

static void test_first_version_with_a_damaged_profile(void **state)
{
    (void)state;
    make_first_version(true);
    struct pando_store *store = open_store(false);
    assert_int_equal(total(store, "web", 1000, 20500, 20), 210ull * NS_PER_UNIT);
    struct pando_profile *profile;
    uint64_t count;
    assert_int_equal(pando_store_merge(store, "web", 0, UINT64_MAX, &profile, &count, message, sizeof message), PANDO_ERR_IO);
    assert_string_equal(message, "Profile 120 of the store is damaged.");
    pando_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_filters, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_by_start, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_sources, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_timeline, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_series, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_times, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_first_version, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_first_version_with_a_damaged_profile, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
