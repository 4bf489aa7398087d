// link: pando_receiver pando_profile pando_base PkgConfig::SQLITE3
/* What is old goes, and nothing else: sums of whole days stay what they were, lists and charts too; late profiles and full stores
 * included. The yardstick is a second store with the same profiles from which nothing goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "store_fixture.h"

#define DAY 86400000ull
#define HOUR 3600000ull
#define FIVE 300000ull

static const struct pando_store_policy short_policy = {.raw_s = 86400, .five_s = 2 * 86400, .hour_s = 5 * 86400, .day_s = 20 * 86400};

static void put_at(struct pando_store *store, const char *host, uint64_t start_ms, uint64_t self, unsigned filler)
{
    struct pando_profile *made = make_profile(start_ms, self, filler);
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    assert_int_equal(pando_profile_builder_merge(builder, made, made->meta.weight_per_second), 0);
    *pando_profile_builder_meta(builder) = (struct pando_profile_meta){
        .start_wall_ms = start_ms, .end_wall_ms = start_ms + 60000, .weight_per_second = 100, .samples = 3 * self, .pid = 7,
        .host_name = string(builder, host), .process_name = string(builder, "server"),
        .fleet_id = "01234567-89ab-4cde-8f01-23456789abcd"};
    pando_profile_free(made);
    made = pando_profile_builder_finish(builder);
    int error = pando_store_put(store, "web", NULL, made, message, sizeof message);
    pando_profile_free(made);
    if (error != 0)
        print_message("%s\n", message);
    assert_int_equal(error, 0);
}

static struct pando_store *open_plain(void)
{
    struct pando_store *store;
    assert_int_equal(pando_store_open(NULL, false, &store, message, sizeof message), 0);
    return store;
}

static void tend(struct pando_store *store, uint64_t now_ms)
{
    int error = pando_store_roll_up(store, now_ms, message, sizeof message);
    if (error == 0)
        error = pando_store_retain(store, &short_policy, now_ms, message, sizeof message);
    if (error != 0)
        print_message("%s\n", message);
    assert_int_equal(error, 0);
}

static uint64_t sum_of(struct pando_store *store, uint64_t start_ms, uint64_t end_ms, uint64_t *ret_count)
{
    const struct pando_store_query query = {.group = "web", .start_ms = start_ms, .end_ms = end_ms, .by_start = true};
    struct pando_profile *profile;
    uint64_t sum = 0;
    *ret_count = 0;
    int error = pando_store_sum(store, &query, &profile, ret_count, message, sizeof message);
    if (error == PANDO_ERR_NOT_FOUND)
        return 0;
    assert_int_equal(error, 0);
    for (uint32_t i = 0; i < profile->node_count; i++)
        sum += profile->nodes[i].self;
    pando_profile_free(profile);
    return sum;
}

static void expect_same(struct pando_store *store, struct pando_store *plain, uint64_t start_ms, uint64_t end_ms)
{
    uint64_t count, plain_count, sum = sum_of(store, start_ms, end_ms, &count), plain_sum = sum_of(plain, start_ms, end_ms, &plain_count);
    if (sum != plain_sum)
        print_message("range %llu..%llu\n", (unsigned long long)start_ms, (unsigned long long)end_ms);
    assert_int_equal(count, plain_count);
    assert_int_equal(sum, plain_sum);
}

struct list {
    uint64_t profiles, cpu_ns;
    unsigned count;
};

static int add_source(void *context, const struct pando_store_source *source)
{
    struct list *list = context;
    list->profiles += source->profiles;
    list->cpu_ns += source->cpu_ns;
    list->count++;
    return 0;
}

static void expect_lists_are_whole(struct pando_store *store, uint64_t profiles, uint64_t cpu_ns, uint64_t first_day_ms, size_t days)
{
    struct pando_store_query query = {.group = "web", .end_ms = UINT64_MAX};
    struct list hosts = {0}, processes = {0};
    struct pando_store_range range;
    assert_int_equal(pando_store_sources(store, &query, PANDO_STORE_BY_HOST, add_source, &hosts), 0);
    assert_int_equal(pando_store_sources(store, &query, PANDO_STORE_BY_PROCESS, add_source, &processes), 0);
    assert_int_equal(pando_store_find(store, &query, &range), 0);
    assert_int_equal(range.count, profiles);
    assert_int_equal(hosts.profiles, profiles);
    assert_int_equal(hosts.cpu_ns, cpu_ns);
    assert_int_equal(hosts.count, 3);
    assert_int_equal(processes.profiles, profiles);
    struct pando_store_bar *bars = calloc(days, sizeof *bars);
    query.start_ms = first_day_ms;
    assert_int_equal(pando_store_timeline(store, &query, DAY, bars, days), 0);
    uint64_t bar_cpu_ns = 0, bar_profiles = 0;
    for (size_t i = 0; i < days; i++) {
        bar_cpu_ns += bars[i].cpu_ns;
        bar_profiles += bars[i].profiles;
    }
    assert_int_equal(bar_cpu_ns, cpu_ns);
    assert_int_equal(bar_profiles, profiles);
    free(bars);
}

static void check_ages(struct pando_store *store)
{
    enum { DAYS = 8, A_DAY = 24 };
    const uint64_t FIRST = (uint64_t)time(NULL) / 86400 + 1; /* what comes now is old some time later */
    static const char *const hosts[] = {"alpha", "beta", "gamma"};
    struct pando_store *plain = open_plain();
    uint64_t cpu_ns = 0, profiles = 0, times[DAYS];
    for (unsigned i = 0; i < DAYS * A_DAY; i++, profiles++) {
        uint64_t start_ms = FIRST * DAY + i * (DAY / A_DAY);
        put_at(store, hosts[i % 3], start_ms, 1 + i % 5, 2);
        put_at(plain, hosts[i % 3], start_ms, 1 + i % 5, 2);
        cpu_ns += (1 + i % 5) * (uint64_t)NS_PER_UNIT;
        if (i % 20 == 19)
            tend(store, start_ms + HOUR);
    }
    uint64_t now_ms = (FIRST + DAYS) * DAY;
    tend(store, now_ms + HOUR);
    for (uint64_t day = FIRST; day < FIRST + DAYS; day++)
        expect_same(store, plain, day * DAY, day * DAY + DAY - 1);
    for (uint64_t hour = (FIRST + DAYS - 4) * DAY; hour < now_ms; hour += HOUR)
        expect_same(store, plain, hour, hour + HOUR - 1);
    for (uint64_t five = (FIRST + DAYS - 1) * DAY; five < now_ms; five += FIVE)
        expect_same(store, plain, five, five + FIVE - 1);
    expect_same(store, plain, 0, UINT64_MAX);
    expect_lists_are_whole(store, profiles, cpu_ns, FIRST * DAY, DAYS);
    assert_int_equal(pando_store_times(store, "web", DAY, 0, UINT64_MAX, false, times, DAYS), DAYS);
    assert_int_equal(times[0], FIRST * DAY);

    /* A range that begins where only sums of an hour, or a day, are left, begins with that. */
    uint64_t count, day_count;
    sum_of(store, FIRST * DAY + 5 * HOUR + 7, (FIRST + 1) * DAY - 1, &count);
    sum_of(plain, FIRST * DAY, (FIRST + 1) * DAY - 1, &day_count);
    assert_int_equal(count, day_count);

    /* From a spool, when all that is finer is gone there already: counted, where it belongs. */
    for (unsigned i = 0; i < 10; i++, profiles++) {
        put_at(store, hosts[i % 3], FIRST * DAY + i * 11 * HOUR, 3, 2);
        put_at(plain, hosts[i % 3], FIRST * DAY + i * 11 * HOUR, 3, 2);
        cpu_ns += 3 * (uint64_t)NS_PER_UNIT;
        if (i % 3 == 0)
            expect_same(store, plain, 0, UINT64_MAX);
        if (i % 4 == 0)
            tend(store, now_ms + HOUR);
    }
    tend(store, now_ms + HOUR);
    for (uint64_t day = FIRST; day < FIRST + DAYS; day++)
        expect_same(store, plain, day * DAY, day * DAY + DAY - 1);
    expect_lists_are_whole(store, profiles, cpu_ns, FIRST * DAY, DAYS);

    /* In the end days go too. */
    uint64_t left;
    tend(store, now_ms + 19 * DAY);
    sum_of(store, 0, UINT64_MAX, &left);
    assert_true(left > 0 && left < profiles); /* what came late stays longer */
    expect_same(store, plain, now_ms - DAY, UINT64_MAX);
    tend(store, now_ms + 30 * DAY);
    sum_of(store, 0, UINT64_MAX, &count);
    assert_int_equal(count, 0);
    pando_store_close(plain);
}

static void test_ages(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    check_ages(store);
    assert_int_equal(count_sql("SELECT count(*) FROM profile"), count_sql("SELECT count(*) FROM posted"));
    assert_int_equal(count_sql("SELECT count(*) FROM posted"), 0);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup WHERE level < 3"), 0);
    assert_int_equal(count_sql("SELECT count(*) FROM rollup"), count_sql("SELECT count(*) FROM rollup_tree"));
    assert_int_equal(count_sql("SELECT count(*) FROM source"), 0);
    assert_int_equal(count_sql("SELECT count(*) FROM series"), 0);
    pando_store_close(store);
}

static void test_ages_in_memory(void **state)
{
    (void)state;
    struct pando_store *store = open_plain();
    check_ages(store);
    pando_store_close(store);
}

/* A store that is nearly full makes room by what is finest and oldest; every post that was taken is in the sum for ever. */
static void check_quota(struct pando_store *store)
{
    enum { POSTS = 500, FIRST = 100 };
    unsigned refused = 0;
    uint64_t count;
    assert_int_equal(pando_store_limit(store, 3 << 19), 0);
    for (unsigned i = 0; i < POSTS; i++) {
        uint64_t start_ms = FIRST * DAY + i * FIVE;
        struct pando_profile *profile = make_profile(1000 + i % 7, 1, 150); /* few names, over and over */
        profile->meta.start_wall_ms = start_ms;
        profile->meta.end_wall_ms = start_ms + 1000;
        int result = pando_store_put(store, "web", NULL, profile, message, sizeof message);
        if (result != 0) { /* the keeper comes round */
            assert_int_equal(result, PANDO_ERR_LIMIT);
            assert_string_equal(message, "The profile cannot be stored: no space is left for it.");
            refused++;
            assert_int_equal(pando_store_roll_up(store, start_ms + HOUR, message, sizeof message), 0);
            assert_int_equal(pando_store_retain(store, &(struct pando_store_policy){0}, start_ms + HOUR, message, sizeof message), 0);
            assert_int_equal(pando_store_put(store, "web", NULL, profile, message, sizeof message), 0);
        }
        pando_profile_free(profile);
    }
    assert_true(refused > 0);
    assert_int_equal(sum_of(store, 0, UINT64_MAX, &count), POSTS * (uint64_t)NS_PER_UNIT);
    assert_int_equal(count, POSTS);
}

static void test_quota(void **state)
{
    (void)state;
    struct stat status;
    struct pando_store *store = open_store(false);
    check_quota(store);
    pando_store_close(store);
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size <= 3 << 19);
}

static void test_quota_in_memory(void **state)
{
    (void)state;
    struct pando_store *store = open_plain();
    check_quota(store);
    pando_store_close(store);
}

/* A file of which much is free becomes smaller. */
static void test_space_is_given_back(void **state)
{
    (void)state;
    struct stat before, after;
    struct pando_store *store = open_store(false);
    const uint64_t first_ms = ((uint64_t)time(NULL) / 86400 + 1) * DAY;
    for (unsigned i = 0; i < 60; i++)
        put_at(store, "alpha", first_ms + i * 1000, 1, 12000);
    pando_store_close(store);
    assert_int_equal(stat(path, &before), 0);
    store = open_store(false);
    tend(store, first_ms + 2 * DAY);
    tend(store, first_ms + 30 * DAY);
    tend(store, first_ms + 30 * DAY);
    pando_store_close(store);
    assert_int_equal(stat(path, &after), 0);
    if (after.st_size > before.st_size / 4)
        fail_msg("%lld of %lld bytes are left", (long long)after.st_size, (long long)before.st_size);
}

/* A host whose clock stands in 1970: what it sends is kept as long as anybody's. */
static void test_a_clock_that_is_wrong(void **state)
{
    (void)state;
    uint64_t count, now_ms = (uint64_t)time(NULL) * 1000;
    struct pando_store *store = open_store(false);
    for (unsigned i = 0; i < 5; i++)
        put_at(store, "alpha", i * HOUR, 1, 2);
    tend(store, now_ms + HOUR);
    assert_int_equal(sum_of(store, 0, UINT64_MAX, &count), 5 * (uint64_t)NS_PER_UNIT);
    const struct pando_store_query alpha = {.group = "web", .end_ms = UINT64_MAX, .host = "alpha"};
    struct pando_profile *profile;
    assert_int_equal(pando_store_sum(store, &alpha, &profile, &count, message, sizeof message), 0);
    assert_int_equal(count, 5);
    pando_profile_free(profile);
    tend(store, now_ms + 19 * DAY);
    assert_int_equal(sum_of(store, 0, UINT64_MAX, &count), 5 * (uint64_t)NS_PER_UNIT);
    tend(store, now_ms + 22 * DAY);
    assert_int_equal(sum_of(store, 0, UINT64_MAX, &count), 0);
    pando_store_close(store);
}

static void test_tokens(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    assert_int_equal(put(store, "web", "first", 1000, 1), 0);
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    tend(store, now_ms + 29 * DAY); /* its profile is long gone */
    assert_int_equal(count_sql("SELECT count(*) FROM posted"), 0);
    assert_int_equal(put(store, "web", "first", 1000, 1), 1);
    tend(store, now_ms + 31 * DAY);
    assert_int_equal(count_sql("SELECT count(*) FROM token"), 0);
    pando_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ages, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_ages_in_memory, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_quota, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_quota_in_memory, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_space_is_given_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_clock_that_is_wrong, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_tokens, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
