/* Why: what the tests of the store share: a folder of its own for each, profiles that are made up, and the sum of a range.
 * Context: included by one file of a test program, after cmocka. */
#ifndef PANDO_TESTS_STORE_FIXTURE_H
#define PANDO_TESTS_STORE_FIXTURE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/error.h"
#include "receiver/store.h"

static char folder[PATH_MAX], path[PATH_MAX + 32], message[1024];

static __attribute__((unused)) int make_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    snprintf(folder, sizeof folder, "%s/pando-store-XXXXXX", base);
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/store.sqlite", folder);
    message[0] = '\0';
    return 0;
}

static __attribute__((unused)) int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "odd %?#.sqlite",
                                        "odd %?#.sqlite-wal", "odd %?#.sqlite-shm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[PATH_MAX + 64];
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static __attribute__((unused)) void run_sql(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static __attribute__((unused)) int count_sql(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int count = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return count;
}

static __attribute__((unused)) uint32_t string(struct pando_profile_builder *builder, const char *text)
{
    int64_t number = pando_profile_builder_string(builder, text, strlen(text));
    assert_true(number >= 0);
    return (uint32_t)number;
}

/* main -> work(self) -> deeper(self 2 * self), at 100 samples a second; `filler` more functions to make it large. */
static __attribute__((unused)) struct pando_profile *make_profile(uint64_t start_ms, uint64_t self, unsigned filler)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    assert_non_null(builder);
    uint32_t object = string(builder, "a.out"), file = string(builder, "work.c");
    uint32_t parent = 0;
    static const char *const names[] = {"main", "work", "deeper"};
    for (size_t i = 0; i < 3; i++) {
        int64_t frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){
            .name = string(builder, names[i]), .object = object, .file = file, .line_min = 10 + (uint32_t)i, .line_max = 20});
        parent = (uint32_t)pando_profile_builder_child(builder, parent, (uint32_t)frame);
        pando_profile_builder_add_self(builder, parent, i * self);
    }
    srand((unsigned)start_ms);
    for (unsigned i = 0; i < filler; i++) {
        char name[96];
        snprintf(name, sizeof name, "filler_%u_%x%x%x%x%x%x", i, rand(), rand(), rand(), rand(), rand(), rand());
        int64_t frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = string(builder, name)});
        pando_profile_builder_child(builder, 0, (uint32_t)frame);
    }
    assert_int_equal(pando_profile_builder_add_counter(builder, "samplesDropped", 3), 0);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    *meta = (struct pando_profile_meta){
        .start_wall_ms = start_ms, .end_wall_ms = start_ms + 1000, .active_ms = 900, .agent_start_wall_ms = start_ms - 5,
        .weight_per_second = 100, .cpu_time_s = 0.5, .mean_threads = 2.5, .samples = 3 * self, .overhead_cpu_ms = 7,
        .overhead_memory_mib = 4, .pid = 77, .vcpus = 2, .counter_name = string(builder, "WALL_TIME"),
        .runtime_version = string(builder, "glibc 2.36"), .agent_type = string(builder, "Pando"),
        .agent_version = string(builder, "0.1.0"), .host_name = string(builder, "box"),
        .process_name = string(builder, "a.out"), .fleet_id = "01234567-89ab-4cde-8f01-23456789abcd"};
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_non_null(profile);
    return profile;
}

static __attribute__((unused)) struct pando_store *open_store(bool read_only)
{
    struct pando_store *store = NULL;
    int error = pando_store_open(path, read_only, &store, message, sizeof message);
    if (error != 0)
        print_message("%s\n", message);
    assert_int_equal(error, 0);
    return store;
}

static __attribute__((unused)) int put(struct pando_store *store, const char *group, const char *token, uint64_t start_ms, uint64_t self)
{
    struct pando_profile *profile = make_profile(start_ms, self, 0);
    int result = pando_store_put(store, group, token, profile, message, sizeof message);
    pando_profile_free(profile);
    return result;
}

/* The nanoseconds of all frames in a range; 0 when there are none. */
static __attribute__((unused)) uint64_t total(struct pando_store *store, const char *group, uint64_t start_ms, uint64_t end_ms, uint64_t expected_count)
{
    struct pando_profile *profile;
    uint64_t count = 0, sum = 0;
    int error = pando_store_merge(store, group, start_ms, end_ms, &profile, &count, message, sizeof message);
    if (error == PANDO_ERR_NOT_FOUND) {
        assert_int_equal(expected_count, 0);
        return 0;
    }
    assert_int_equal(error, 0);
    assert_int_equal(count, expected_count);
    for (uint32_t i = 0; i < profile->node_count; i++)
        sum += profile->nodes[i].self;
    pando_profile_free(profile);
    return sum;
}

enum { NS_PER_UNIT = 30000000 }; /* a profile's self weights are 3 * self at 100 a second */

#endif
