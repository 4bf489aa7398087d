// link: pando_receiver pando_profile pando_base PkgConfig::SQLITE3
/* Roll-ups change nothing: whatever was rolled up, when, in which order and by whom, a range has the same sum, each profile once. The
 * yardstick is a second store with the same profiles in which nothing is ever rolled up. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "profile/slices.h"
#include "store_fixture.h"

#define DAY 86400000ull
#define HOUR 3600000ull
#define FIVE 300000ull

/* A profile of its own shape, length and rate, so that a wrong sum shows. */
static struct pando_profile *make_odd(unsigned i, uint64_t start_ms)
{
    struct pando_profile *profile = make_profile(start_ms, 1 + i % 7, i % 3);
    profile->meta.weight_per_second = 99 + i % 5;
    profile->meta.end_wall_ms = start_ms + 1 + i * 7919 % 400000;
    return profile;
}

static void put_odd(struct pando_store *store, unsigned i, uint64_t start_ms)
{
    char token[32];
    struct pando_profile *profile = make_odd(i, start_ms);
    snprintf(token, sizeof token, "t%u", i);
    assert_int_equal(pando_store_put(store, "web", token, profile, message, sizeof message), 0);
    pando_profile_free(profile);
}

static void roll_up(struct pando_store *store, uint64_t now_ms)
{
    int error = pando_store_roll_up(store, now_ms, message, sizeof message);
    if (error != 0)
        print_message("%s\n", message);
    assert_int_equal(error, 0);
}

/* What is to be the same however a sum was made. */
static void digest(struct pando_store *store, const struct pando_store_query *query, char *text, size_t text_bytes)
{
    struct pando_profile *profile;
    uint64_t count, sum = 0;
    int error = pando_store_sum(store, query, &profile, &count, message, sizeof message);
    if (error != 0) {
        snprintf(text, text_bytes, "%d", error);
        return;
    }
    for (uint32_t i = 0; i < profile->node_count; i++)
        sum += profile->nodes[i].self;
    snprintf(text, text_bytes, "%llu ns, %llu profiles, %llu samples, %llu dropped, %llu..%llu, %.3f s, %u nodes, %s",
             (unsigned long long)sum, (unsigned long long)count, (unsigned long long)profile->meta.samples,
             (unsigned long long)profile->counters[0].value, (unsigned long long)profile->meta.start_wall_ms,
             (unsigned long long)profile->meta.end_wall_ms, profile->meta.cpu_time_s, profile->node_count,
             profile->strings[profile->meta.process_name]);
    pando_profile_free(profile);
}

static void expect_same(struct pando_store *store, struct pando_store *plain, uint64_t start_ms, uint64_t end_ms, bool by_start)
{
    char a[256], b[256];
    const struct pando_store_query query = {.group = "web", .start_ms = start_ms, .end_ms = end_ms, .by_start = by_start};
    digest(store, &query, a, sizeof a);
    digest(plain, &query, b, sizeof b);
    if (strcmp(a, b) != 0)
        print_message("range %llu..%llu\n", (unsigned long long)start_ms, (unsigned long long)end_ms);
    assert_string_equal(a, b);
}

/* Ranges on and off the spans' bounds, in what lies from `from_ms` on. */
static void expect_all_the_same(struct pando_store *store, struct pando_store *plain, uint64_t from_ms, uint64_t length_ms)
{
    static const uint64_t grains[] = {1, FIVE, HOUR, DAY};
    expect_same(store, plain, 0, UINT64_MAX, false);
    expect_same(store, plain, 0, UINT64_MAX, true);
    for (unsigned i = 0; i < 60; i++) {
        uint64_t grain = grains[i % 4], other = grains[i / 4 % 4];
        uint64_t start_ms = from_ms + (uint64_t)rand() * 1000003 % length_ms, end_ms = start_ms + (uint64_t)rand() * 1000003 % length_ms;
        start_ms -= start_ms % grain;
        end_ms -= end_ms % other;
        if (i % 2 == 0)
            end_ms += other - 1;
        if (start_ms <= end_ms)
            expect_same(store, plain, start_ms, end_ms, i % 3 == 0);
    }
}

static struct pando_store *open_plain(void)
{
    struct pando_store *store;
    assert_int_equal(pando_store_open(NULL, false, &store, message, sizeof message), 0);
    return store;
}

/* Three days of profiles in any order, rolled up now and then as the time goes on. */
static void check_levels(struct pando_store *store)
{
    enum { PROFILES = 600 };
    struct pando_store *plain = open_plain();
    srand(7);
    for (unsigned i = 0; i < PROFILES; i++) {
        uint64_t start_ms = 10 * DAY + i * (3 * DAY / PROFILES) - (i % 10 == 0 ? (uint64_t)rand() % (30 * HOUR) : 0);
        put_odd(store, i, start_ms); /* each tenth is late by up to 30 hours */
        put_odd(plain, i, start_ms);
        if (i % 60 == 59) {
            roll_up(store, 10 * DAY + i * (3 * DAY / PROFILES));
            expect_all_the_same(store, plain, 9 * DAY, 4 * DAY);
        }
    }
    roll_up(store, 20 * DAY);
    expect_all_the_same(store, plain, 9 * DAY, 4 * DAY);
    roll_up(store, 20 * DAY); /* there is nothing left to do */
    expect_same(store, plain, 0, UINT64_MAX, false);
    assert_int_equal(put(store, "web", "t5", 1000, 1), 1); /* tokens are known as before */
    pando_store_close(plain);
}

static void test_levels(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    check_levels(store);
    assert_int_equal(count_sql("SELECT count(*) FROM posted WHERE rolled = 0"), 0);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup WHERE carried = 0"), 0);
    assert_int_equal(count_sql("SELECT sum(profiles) FROM rollup WHERE level = 1"), 600);
    assert_int_equal(count_sql("SELECT sum(profiles) FROM rollup WHERE level = 2"), 600);
    assert_int_equal(count_sql("SELECT sum(profiles) FROM rollup WHERE level = 3"), 600);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup") - count_sql("SELECT count(*) FROM rollup_tree"), 0);
    assert_true(count_sql("SELECT max(n) FROM (SELECT count(*) AS n FROM rollup GROUP BY level, begin_ms)") < 9);
    pando_store_close(store);
    store = open_store(true);
    uint64_t unused = total(store, "web", 0, UINT64_MAX, 600);
    assert_true(unused > 0);
    pando_store_close(store);
}

static void test_levels_in_memory(void **state)
{
    (void)state;
    struct pando_store *store = open_plain();
    check_levels(store);
    pando_store_close(store);
}

/* What is not over yet waits; very many do not. */
static void test_what_is_due(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    put_odd(store, 0, 10 * DAY);
    roll_up(store, 10 * DAY + FIVE);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup"), 0);
    roll_up(store, 10 * DAY + FIVE + 60000);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup WHERE level = 1"), 1);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup"), 1);
    roll_up(store, 10 * DAY + HOUR + FIVE);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup WHERE level = 2"), 1);
    roll_up(store, 11 * DAY + HOUR);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup WHERE level = 3"), 1);
    for (unsigned i = 1; i <= 600; i++)
        put_odd(store, i, 12 * DAY + i);
    roll_up(store, 12 * DAY + 1000);
    assert_int_equal(count_sql("SELECT count(*) FROM posted WHERE rolled = 0"), 0);
    pando_store_close(store);
}

static uint32_t count_slices(struct pando_store *store)
{
    struct pando_profile *profile;
    struct pando_slice_list list;
    uint64_t count;
    assert_int_equal(pando_store_merge(store, "web", 0, UINT64_MAX, &profile, &count, message, sizeof message), 0);
    assert_int_equal(pando_profile_slice_list(profile, &list), 0);
    uint32_t slices = list.count;
    pando_profile_slice_list_release(&list);
    pando_profile_free(profile);
    return slices;
}

/* Threads of one name are one in a roll-up, and from an hour on requests are not told apart: they would be leaves without end. */
static void test_threads_of_one_name(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    for (unsigned i = 0; i < 20; i++) {
        struct pando_slice slice = {.tid = 1000 + i};
        pando_slice_set_thread(&slice, "worker", 6);
        pando_slice_set_label(&slice, "route", 5, i % 2 == 0 ? "/a" : "/b", 2);
        char id[8];
        int len = snprintf(id, sizeof id, "%02x", i / 2);
        pando_slice_set_label(&slice, PANDO_SLICE_TRACE_KEY, sizeof PANDO_SLICE_TRACE_KEY - 1, id, (size_t)len);
        pando_slice_set_label(&slice, PANDO_SLICE_SPAN_KEY, sizeof PANDO_SLICE_SPAN_KEY - 1, id, (size_t)len);
        struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
        int64_t frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = string(builder, "main")});
        int64_t node = pando_profile_builder_child(builder, 0, (uint32_t)frame);
        int64_t leaf = pando_profile_builder_child(builder, (uint32_t)node, (uint32_t)pando_profile_builder_slice(builder, &slice));
        pando_profile_builder_add_self(builder, (uint32_t)leaf, 1);
        *pando_profile_builder_meta(builder) = (struct pando_profile_meta){
            .start_wall_ms = 10 * DAY + i, .end_wall_ms = 10 * DAY + i + 5, .weight_per_second = 100};
        struct pando_profile *profile = pando_profile_builder_finish(builder);
        assert_int_equal(pando_store_put(store, "web", NULL, profile, message, sizeof message), 0);
        pando_profile_free(profile);
    }
    roll_up(store, 10 * DAY + 2 * FIVE);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup WHERE level > 1"), 0);
    assert_int_equal(count_slices(store), 20); /* two routes of ten requests */
    roll_up(store, 11 * DAY + HOUR);
    assert_int_equal(count_slices(store), 2);
    struct pando_profile *profile;
    struct pando_slice_list list;
    uint64_t count;
    assert_int_equal(pando_store_merge(store, "web", 0, UINT64_MAX, &profile, &count, message, sizeof message), 0);
    assert_int_equal(profile->node_count, 4);
    assert_int_equal(pando_profile_slice_list(profile, &list), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.slices[0].slice.thread, "worker");
    assert_int_equal(list.slices[0].slice.tid, 0);
    assert_int_equal(list.slices[0].cpu + list.slices[1].cpu, 200000000);
    pando_profile_slice_list_release(&list);
    pando_profile_free(profile);
    pando_store_close(store);
}

static void test_a_damaged_profile_holds_up_nothing(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    for (unsigned i = 0; i < 20; i++)
        put_odd(store, i, 10 * DAY + i * 1000);
    run_sql("UPDATE profile SET packed = x'0102030405' WHERE id = 7");
    roll_up(store, 12 * DAY);
    assert_int_equal(count_sql("SELECT sum(profiles) FROM rollup WHERE level = 3"), 19);
    assert_int_equal(count_sql("SELECT id FROM posted WHERE rolled = 0"), 7);
    struct pando_profile *profile;
    uint64_t count;
    assert_int_equal(pando_store_merge(store, "web", 0, UINT64_MAX, &profile, &count, message, sizeof message), PANDO_ERR_IO);
    assert_string_equal(message, "Profile 7 of the store is damaged.");
    pando_store_close(store);
}

/* Everything at once: two receivers on one file, both post, both roll up, and somebody reads: a sum never has a profile twice, and
 * never loses one that it had. */
struct crowd {
    struct pando_store *store;
    unsigned number;
    atomic_bool *stop;
};

enum { CROWD_PROFILES = 150 };

static void *crowd_post(void *context)
{
    struct crowd *crowd = context;
    for (unsigned i = 0; i < CROWD_PROFILES; i++) {
        char token[32], why[256];
        snprintf(token, sizeof token, "c%u", i);
        struct pando_profile *profile = make_profile(10 * DAY + i * 250000, 1, 0);
        int result = pando_store_put(crowd->store, "web", token, profile, why, sizeof why);
        pando_profile_free(profile);
        if (result < 0)
            return NULL;
    }
    return context;
}

static void *crowd_roll(void *context)
{
    struct crowd *crowd = context;
    char why[256];
    while (!*crowd->stop)
        if (pando_store_roll_up(crowd->store, 20 * DAY, why, sizeof why) != 0)
            return NULL;
    return context;
}

static void *crowd_read(void *context)
{
    struct crowd *crowd = context;
    uint64_t last = 0;
    while (!*crowd->stop) {
        char why[256];
        struct pando_profile *profile;
        uint64_t count = 0, sum = 0;
        int error = pando_store_merge(crowd->store, "web", 0, UINT64_MAX, &profile, &count, why, sizeof why);
        if (error == PANDO_ERR_NOT_FOUND)
            continue;
        if (error != 0)
            return NULL;
        for (uint32_t i = 0; i < profile->node_count; i++)
            sum += profile->nodes[i].self;
        pando_profile_free(profile);
        if (count < last || sum != count * NS_PER_UNIT)
            return NULL;
        last = count;
    }
    return context;
}

static void crowd(struct pando_store *one, struct pando_store *other)
{
    atomic_bool stop = false;
    void *(*const works[])(void *) = {crowd_post, crowd_post, crowd_roll, crowd_roll, crowd_read, crowd_read};
    enum { THREADS = 6, POSTERS = 2 };
    struct crowd crowds[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){.store = i % 2 == 0 ? one : other, .number = i, .stop = &stop};
        /* A store of its own rolls up in one thread. */
        works[i] == crowd_roll && one == other && i % 2 == 1 ? (void)(crowds[i].store = NULL) : (void)0;
        if (crowds[i].store != NULL)
            assert_int_equal(pthread_create(&threads[i], NULL, works[i], &crowds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *result;
        if (crowds[i].store == NULL)
            continue;
        pthread_join(threads[i], &result);
        assert_non_null(result);
        if (i == POSTERS - 1)
            stop = true;
    }
    roll_up(one, 20 * DAY);
    assert_int_equal(total(one, "web", 0, UINT64_MAX, CROWD_PROFILES), (uint64_t)CROWD_PROFILES * NS_PER_UNIT);
}

static void test_crowd_on_a_file(void **state)
{
    (void)state;
    struct pando_store *one = open_store(false), *other = open_store(false);
    crowd(one, other);
    pando_store_close(one);
    pando_store_close(other);
}

static void test_crowd_in_memory(void **state)
{
    (void)state;
    struct pando_store *store = open_plain();
    crowd(store, store);
    pando_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_levels, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_levels_in_memory, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_due, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_threads_of_one_name, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_damaged_profile_holds_up_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_crowd_on_a_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_crowd_in_memory, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
