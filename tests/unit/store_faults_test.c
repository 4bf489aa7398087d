// link: pando_receiver pando_profile pando_base PkgConfig::SQLITE3
// not under: thread - its own malloc, which refuses on request, and ThreadSanitizer's exclude each other
/* Every call of the file system that SQLite makes for the store, and every allocation, is refused once, and from then on. Whatever
 * fails: a post that was answered as stored is there exactly once afterwards, another at most once, the file is sound, and the store
 * goes on. Takes some thirty points of each kind, other ones each time;
 * store_faults_test FILTER STEP takes each STEP-th (script/store-torture). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "failing_malloc.h"
#include "faulty_vfs.h"
#include "store_fixture.h"

#define HOUR 3600000ull
#define DAY 86400000ull

enum { POSTS = 16, SHORT_POINTS = 30, POINTS_MAX = 200000 };

static uint64_t first_ms;
static long wanted_step;
static bool answered[POSTS];
static struct pando_profile *profiles[POSTS];

static void make_profiles(void)
{
    first_ms = ((uint64_t)time(NULL) / 86400 - 3) * DAY;
    for (unsigned i = 0; i < POSTS; i++) {
        char name[16];
        struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
        snprintf(name, sizeof name, "f%u", i);
        int64_t frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = string(builder, name)});
        int64_t node = pando_profile_builder_child(builder, 0, (uint32_t)frame);
        pando_profile_builder_add_self(builder, (uint32_t)node, 1);
        *pando_profile_builder_meta(builder) = (struct pando_profile_meta){
            .start_wall_ms = first_ms + i % 5 * 400000, .end_wall_ms = first_ms + i % 5 * 400000 + 5000, .weight_per_second = 100,
            .samples = 1, .pid = i % 3, .host_name = string(builder, i % 2 == 0 ? "alpha" : "beta")};
        profiles[i] = pando_profile_builder_finish(builder);
        assert_non_null(profiles[i]);
    }
}

static int post(struct pando_store *store, unsigned i)
{
    char token[16];
    snprintf(token, sizeof token, "t%u", i);
    return pando_store_put(store, "web", token, profiles[i], message, sizeof message);
}

static void tend(struct pando_store *store)
{
    const struct pando_store_policy short_policy = {.raw_s = 3600, .five_s = 7200};
    uint64_t now_ms = (uint64_t)time(NULL) * 1000 + 4 * HOUR;
    if (pando_store_roll_up(store, now_ms, message, sizeof message) == 0)
        pando_store_retain(store, &short_policy, now_ms, message, sizeof message);
}

/* What a receiver does in its life. */
static void live(void)
{
    struct pando_store *store = NULL;
    for (unsigned part = 0; part < 2; part++) {
        if (pando_store_open(path, false, &store, message, sizeof message) != 0)
            continue;
        for (unsigned i = part * POSTS / 2; i < (part + 1) * POSTS / 2; i++)
            answered[i] = post(store, i) >= 0;
        tend(store);
        for (unsigned i = 0; i < POSTS; i += 5) /* again: from a sender that had no answer */
            answered[i] = post(store, i) >= 0 || answered[i];
        struct pando_profile *profile;
        uint64_t count;
        if (pando_store_merge(store, "web", 0, UINT64_MAX, &profile, &count, message, sizeof message) == 0)
            pando_profile_free(profile);
        pando_store_close(store);
    }
}

/* `all`: each is there; else what was answered. */
static void judge(struct pando_store *store, bool all, const char *what, long nth)
{
    struct pando_profile *profile;
    uint64_t count = 0;
    unsigned times[POSTS] = {0}, number;
    int error = pando_store_merge(store, "web", 0, UINT64_MAX, &profile, &count, message, sizeof message);
    if (error != 0 && error != PANDO_ERR_NOT_FOUND)
        fail_msg("%s %ld: %s", what, nth, message);
    for (uint32_t i = 0; error == 0 && i < profile->node_count; i++)
        if (sscanf(profile->strings[profile->frames[profile->nodes[i].frame].name], "f%u", &number) == 1 && number < POSTS)
            times[number] += (unsigned)(profile->nodes[i].self / 10000000);
    for (unsigned i = 0; i < POSTS; i++)
        if (times[i] > 1 || (times[i] == 0 && (all || answered[i])))
            fail_msg("%s %ld: post %u, %s, is there %u times", what, nth, i, answered[i] ? "answered" : "not answered", times[i]);
    if (error == 0)
        pando_profile_free(profile);
}

static void check_after(const char *what, long nth)
{
    struct pando_store *store = NULL;
    if (pando_store_open(path, false, &store, message, sizeof message) != 0)
        fail_msg("%s %ld: it cannot be opened any more: %s", what, nth, message);
    judge(store, false, what, nth);
    for (unsigned i = 0; i < POSTS; i++)
        if (post(store, i) < 0)
            fail_msg("%s %ld: %s", what, nth, message);
    tend(store);
    judge(store, true, what, nth);
    pando_store_close(store);
    assert_int_equal(count_sql("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    assert_int_equal(count_sql("SELECT count(*) FROM profile"), count_sql("SELECT count(*) FROM posted"));
}

static void remove_store(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[PATH_MAX + 64];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

/* A kind of fault. */
struct kind {
    const char *name;
    void (*start)(long nth, bool goes_on);
    long (*stop)(void);
    long (*seen)(void); /* calls since the start with LONG_MAX - 1 */
};

static long file_calls(void)
{
    return LONG_MAX - 1 - faulty_countdown;
}

static long allocations(void)
{
    return LONG_MAX - 1 - atomic_load(&failing_countdown);
}

static const struct kind file_system = {"call of the file system", faulty_start, faulty_stop, file_calls};
static const struct kind memory = {"allocation", failing_start, failing_stop, allocations};

static void refuse_each(const struct kind *kind, bool goes_on)
{
    remove_store();
    kind->start(LONG_MAX - 1, false);
    live();
    long total = kind->seen(), points = 0;
    kind->stop();
    check_after(kind->name, 0);
    long step = wanted_step > 0 ? wanted_step : total / SHORT_POINTS + 1;
    for (long nth = 1 + rand() % step; nth <= total; nth += step, points++) {
        remove_store();
        memset(answered, 0, sizeof answered);
        kind->start(nth, goes_on);
        live();
        long refused = kind->stop();
        check_after(kind->name, nth);
        if (nth < total / 2)
            assert_true(refused > 0);
    }
    print_message("%s, %s: %ld of %ld points\n", kind->name, goes_on ? "from then on" : "once", points, total);
    assert_true(points > 20 && total < POINTS_MAX);
}

static void test_file_system_once(void **state)
{
    (void)state;
    refuse_each(&file_system, false);
}

static void test_file_system_from_then_on(void **state)
{
    (void)state;
    refuse_each(&file_system, true);
}

static void test_memory_once(void **state)
{
    (void)state;
    refuse_each(&memory, false);
}

static void test_memory_from_then_on(void **state)
{
    (void)state;
    refuse_each(&memory, true);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        cmocka_set_test_filter(argv[1]);
        wanted_step = atol(argv[2]);
    }
    faulty_install();
    make_profiles();
    srand((unsigned)time(NULL));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_system_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_system_from_then_on, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_memory_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_memory_from_then_on, make_folder, remove_folder),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (unsigned i = 0; i < POSTS; i++)
        pando_profile_free(profiles[i]);
    return failed;
}
