// link: pando_receiver pando_profile pando_base PkgConfig::SQLITE3 PkgConfig::ZLIB
/* The store: a token counts once, for ever; what cannot be stored changes nothing and says why; what was stored comes out
 * again as it went in; and a file that is damaged or somebody else's is refused in one sentence. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <zlib.h>

#include "base/error.h"
#include "receiver/packed.h"
#include "receiver/store.h"
#include "store_fixture.h"

static void test_token_counts_once(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    assert_int_equal(put(store, "web", "t1", 1000, 5), 0);
    assert_int_equal(put(store, "web", "t1", 1000, 5), 1);
    assert_int_equal(put(store, "web", "t1", 9000, 50), 1); /* whatever came with it */
    assert_int_equal(put(store, "other", "t1", 1000, 7), 0); /* another group, another token */
    assert_int_equal(put(store, "web", NULL, 1000, 1), 0);
    assert_int_equal(put(store, "web", NULL, 1000, 1), 0);
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 3), 7ull * NS_PER_UNIT);
    assert_int_equal(total(store, "other", 0, UINT64_MAX, 1), 7ull * NS_PER_UNIT);
    pando_store_close(store);
}

static int note_group(void *context, const struct pando_store_group *group)
{
    char *text = context;
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%s %llu %llu %llu %llu;", group->name, (unsigned long long)group->profiles,
             (unsigned long long)group->samples, (unsigned long long)group->first_start_ms,
             (unsigned long long)group->last_end_ms);
    return 0;
}

static void test_all_is_there_after_reopening(void **state)
{
    (void)state;
    char groups[256] = "";
    struct pando_store *store = open_store(false);
    assert_int_equal(put(store, "web", "t1", 5000, 5), 0);
    assert_int_equal(put(store, "web", "t2", 1000, 6), 0);
    assert_int_equal(put(store, "app", "t1", 2000, 1), 0);
    pando_store_close(store);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    store = open_store(false);
    assert_int_equal(put(store, "web", "t2", 1000, 6), 1);
    assert_int_equal(pando_store_groups(store, note_group, groups), 0);
    assert_string_equal(groups, "app 1 3 2000 3000;web 2 33 1000 6000;");
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 2), 11ull * NS_PER_UNIT);
    pando_store_close(store);
}

static void test_ranges(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    struct pando_store_range range;
    assert_int_equal(pando_store_range(store, "web", 0, UINT64_MAX, &range), PANDO_ERR_NOT_FOUND);
    assert_int_equal(put(store, "web", "t1", 1000, 1), 0); /* 1000..2000 */
    assert_int_equal(put(store, "web", "t2", 5000, 2), 0); /* 5000..6000 */
    assert_int_equal(put(store, "web", "t3", 3000, 4), 0); /* 3000..4000 */
    assert_int_equal(total(store, "web", 0, 999, 0), 0);
    assert_int_equal(total(store, "web", 0, 1000, 1), 1ull * NS_PER_UNIT); /* bounds count */
    assert_int_equal(total(store, "web", 2000, 2999, 1), 1ull * NS_PER_UNIT);
    assert_int_equal(total(store, "web", 2001, 2999, 0), 0);
    assert_int_equal(total(store, "web", 3500, 3600, 1), 4ull * NS_PER_UNIT); /* inside of one */
    assert_int_equal(total(store, "web", 3500, UINT64_MAX, 2), 6ull * NS_PER_UNIT);
    assert_int_equal(total(store, "web", UINT64_MAX, UINT64_MAX, 0), 0);
    assert_int_equal(total(store, "nobody", 0, UINT64_MAX, 0), 0);
    assert_int_equal(pando_store_range(store, "web", 3500, 9000, &range), 0);
    assert_int_equal(range.count, 2);
    assert_int_equal(range.id_sum, range.first_id + range.last_id);
    pando_store_close(store);
}

static void test_a_merge_sums_and_bounds(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    assert_int_equal(put(store, "web", "t1", 4000, 10), 0);
    assert_int_equal(put(store, "web", "t2", 1000, 20), 0);
    struct pando_profile *profile;
    uint64_t count;
    assert_int_equal(pando_store_merge(store, "web", 0, UINT64_MAX, &profile, &count, message, sizeof message), 0);
    const struct pando_profile_meta *meta = &profile->meta;
    assert_int_equal(count, 2);
    assert_int_equal(meta->start_wall_ms, 1000);
    assert_int_equal(meta->end_wall_ms, 5000);
    assert_int_equal(meta->active_ms, 1800);
    assert_int_equal(meta->samples, 90);
    assert_int_equal(meta->overhead_cpu_ms, 14);
    assert_true(meta->cpu_time_s == 1.0 && meta->weight_per_second == 1e9);
    assert_string_equal(profile->strings[meta->process_name], "a.out");
    assert_string_equal(profile->strings[meta->host_name], "box");
    assert_int_equal(profile->node_count, 4);
    assert_int_equal(profile->nodes[2].self, 300000000);
    assert_int_equal(profile->nodes[3].self, 600000000);
    assert_int_equal(profile->counter_count, 1);
    assert_int_equal(profile->counters[0].value, 6);
    const struct pando_profile_frame *work = &profile->frames[profile->nodes[2].frame];
    assert_string_equal(profile->strings[work->name], "work");
    assert_string_equal(profile->strings[work->file], "work.c");
    assert_int_equal(work->line_min, 11);
    assert_int_equal(work->line_max, 20);
    pando_profile_free(profile);
    pando_store_close(store);
}

static void test_read_only(void **state)
{
    (void)state;
    struct pando_store *store = NULL;
    assert_int_equal(pando_store_open(path, true, &store, message, sizeof message), PANDO_ERR_IO);
    assert_non_null(strstr(message, path));
    assert_non_null(strstr(message, "No such file"));
    assert_int_equal(access(path, F_OK), -1);
    struct pando_store *writer = open_store(false);
    assert_int_equal(put(writer, "web", "t1", 1000, 5), 0);
    store = open_store(true); /* while the receiver has it */
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 1), 5ull * NS_PER_UNIT);
    assert_int_equal(put(store, "web", "t2", 1000, 5), PANDO_ERR_IO);
    assert_string_equal(message, "The profile cannot be stored: it is read-only.");
    assert_int_equal(put(writer, "web", "t2", 1000, 5), 0);
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 2), 10ull * NS_PER_UNIT); /* it sees what came since */
    pando_store_close(store);
    pando_store_close(writer);
}

static void test_odd_names(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/odd %%?#.sqlite", folder);
    struct pando_store *store = open_store(false);
    assert_int_equal(put(store, "web", "t1", 1000, 5), 0);
    pando_store_close(store);
    store = open_store(true);
    assert_int_equal(total(store, "web", 0, UINT64_MAX, 1), 5ull * NS_PER_UNIT);
    pando_store_close(store);
}

/* Puts until one is refused; what was stored then is all there, and readable. */
static void fill_up(struct pando_store *store)
{
    unsigned stored = 0;
    int result = 0;
    struct pando_profile *profile = NULL;
    while (result == 0 && stored < 1000) {
        pando_profile_free(profile);
        profile = make_profile(1000 + stored, 1, 2000);
        char token[32];
        snprintf(token, sizeof token, "t%u", stored);
        result = pando_store_put(store, "web", token, profile, message, sizeof message);
        stored += result == 0;
    }
    assert_int_equal(result, PANDO_ERR_LIMIT);
    assert_string_equal(message, "The profile cannot be stored: no space is left for it.");
    assert_true(stored > 0);
    assert_int_equal(total(store, "web", 0, UINT64_MAX, stored), (uint64_t)stored * NS_PER_UNIT);
    char token[32];
    snprintf(token, sizeof token, "t%u", stored);
    assert_int_equal(pando_store_put(store, "web", token, profile, message, sizeof message), PANDO_ERR_LIMIT);
    pando_profile_free(profile);
    assert_int_equal(put(store, "web", "t0", 1000, 1), 1); /* known ones are still known */
}

static void test_full_by_limit(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    assert_int_equal(pando_store_limit(store, 1 << 20), 0);
    fill_up(store);
    assert_int_equal(pando_store_limit(store, 1 << 24), 0);
    assert_int_equal(put(store, "web", "later", 1000, 1), 0); /* when there is room again, it goes on */
    pando_store_close(store);
}

static void test_full_in_memory(void **state)
{
    (void)state;
    struct pando_store *store;
    assert_int_equal(pando_store_open(NULL, false, &store, message, sizeof message), 0);
    assert_int_equal(pando_store_limit(store, 1 << 20), 0);
    fill_up(store);
    pando_store_close(store);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 1 << 20;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    fill_up(store);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(put(store, "web", "later", 1000, 1), 0);
    pando_store_close(store);
    store = open_store(false);
    assert_int_equal(put(store, "web", "later", 1000, 1), 1);
    pando_store_close(store);
}

static void expect_refusal(bool read_only, int error, const char *reason)
{
    struct pando_store *store = NULL;
    assert_int_equal(pando_store_open(path, read_only, &store, message, sizeof message), error);
    assert_null(store);
    assert_non_null(strstr(message, path));
    if (strstr(message, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, reason);
    assert_int_equal(message[strlen(message) - 1], '.');
}

static void test_other_files(void **state)
{
    (void)state;
    run_sql("CREATE TABLE shop (id INTEGER)");
    expect_refusal(false, PANDO_ERR_INVALID, "something else");
    expect_refusal(true, PANDO_ERR_INVALID, "something else");
    unlink(path);
    pando_store_close(open_store(false));
    run_sql("PRAGMA user_version = 99");
    expect_refusal(false, PANDO_ERR_UNSUPPORTED, "version 99");
    unlink(path);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    expect_refusal(false, PANDO_ERR_IO, "no SQLite database");
    expect_refusal(true, PANDO_ERR_IO, "no SQLite database");
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    expect_refusal(true, PANDO_ERR_INVALID, "empty");
    pando_store_close(open_store(false)); /* an empty file is a good place for a store */
    strcpy(path, folder);
    expect_refusal(false, PANDO_ERR_IO, "cannot be used");
    snprintf(path, sizeof path, "%s/nowhere/store.sqlite", folder);
    expect_refusal(false, PANDO_ERR_IO, "cannot be made: No such file or directory");
}

static void test_damage(void **state)
{
    (void)state;
    struct pando_store *store = open_store(false);
    for (unsigned i = 0; i < 40; i++) {
        struct pando_profile *profile = make_profile(1000 + i, 1, 200);
        assert_int_equal(pando_store_put(store, "web", NULL, profile, message, sizeof message), 0);
        pando_profile_free(profile);
    }
    pando_store_close(store);
    FILE *file = fopen(path, "r+");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    assert_true(size > 100000);
    for (long at = 8192; at < size; at += 512) { /* behind the schema */
        fseek(file, at, SEEK_SET);
        fputs("damage!", file);
    }
    fclose(file);
    int error = pando_store_open(path, true, &store, message, sizeof message);
    if (error == 0) {
        struct pando_profile *profile;
        uint64_t count;
        error = pando_store_merge(store, "web", 0, UINT64_MAX, &profile, &count, message, sizeof message);
        pando_store_close(store);
    }
    assert_int_equal(error, PANDO_ERR_IO);
    assert_non_null(strstr(message, "damaged"));
}

struct poster {
    struct pando_store *store;
    unsigned number, stored;
};

static void *post(void *context)
{
    struct poster *poster = context;
    for (unsigned i = 0; i < 50; i++) {
        char token[32];
        snprintf(token, sizeof token, "t%u", (i * 7 + poster->number * 13) % 50); /* each sends all, in its own order */
        char why[256];
        struct pando_profile *profile = make_profile(1000, 1, 0);
        int result = pando_store_put(poster->store, "web", token, profile, why, sizeof why);
        pando_profile_free(profile);
        if (result < 0)
            return NULL;
        poster->stored += result == 0;
    }
    return context;
}

static void test_many_at_once(void **state)
{
    (void)state;
    enum { POSTERS = 8 };
    struct pando_store *stores[2] = {open_store(false), open_store(false)}; /* two receivers on one file */
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    unsigned stored = 0;
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.store = stores[i % 2], .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, post, &posters[i]), 0);
    }
    for (unsigned i = 0; i < POSTERS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
        stored += posters[i].stored;
    }
    assert_int_equal(stored, 50);
    assert_int_equal(total(stores[0], "web", 0, UINT64_MAX, 50), 50ull * NS_PER_UNIT);
    pando_store_close(stores[0]);
    pando_store_close(stores[1]);
}

static void test_packed_is_the_same(void **state)
{
    (void)state;
    struct pando_profile *profile = make_profile(123456789, 9, 300);
    struct pando_buffer bytes;
    struct pando_packed packed;
    pando_buffer_init(&bytes, 1 << 20);
    assert_int_equal(pando_packed_encode(profile, &bytes), 0);
    assert_int_equal(pando_packed_decode(bytes.bytes, bytes.len_bytes, &packed), 0);
    const struct pando_profile *other = &packed.profile;
    assert_int_equal(other->string_count, profile->string_count);
    assert_int_equal(other->frame_count, profile->frame_count);
    assert_int_equal(other->node_count, profile->node_count);
    assert_int_equal(other->counter_count, profile->counter_count);
    for (uint32_t i = 0; i < profile->string_count; i++)
        assert_string_equal(other->strings[i], profile->strings[i]);
    assert_memory_equal(other->frames, profile->frames, profile->frame_count * sizeof *profile->frames);
    for (uint32_t i = 0; i < profile->node_count; i++) {
        assert_int_equal(other->nodes[i].parent, profile->nodes[i].parent);
        assert_int_equal(other->nodes[i].frame, profile->nodes[i].frame);
        assert_int_equal(other->nodes[i].self, profile->nodes[i].self);
    }
    assert_int_equal(other->counters[0].value, profile->counters[0].value);
    const struct pando_profile_meta *a = &profile->meta, *b = &other->meta;
    assert_true(a->start_wall_ms == b->start_wall_ms && a->end_wall_ms == b->end_wall_ms && a->active_ms == b->active_ms &&
                a->agent_start_wall_ms == b->agent_start_wall_ms && a->weight_per_second == b->weight_per_second &&
                a->cpu_time_s == b->cpu_time_s && a->mean_threads == b->mean_threads && a->samples == b->samples &&
                a->overhead_cpu_ms == b->overhead_cpu_ms && a->overhead_memory_mib == b->overhead_memory_mib &&
                a->pid == b->pid && a->vcpus == b->vcpus && a->counter_name == b->counter_name &&
                a->runtime_version == b->runtime_version && a->agent_type == b->agent_type &&
                a->agent_version == b->agent_version && a->host_name == b->host_name && a->process_name == b->process_name);
    assert_string_equal(a->fleet_id, b->fleet_id);
    pando_packed_release(&packed);
    pando_profile_free(profile);

    /* Damage, and every length cut short: refused or read, never more than that. The checksum of zlib catches the first kind;
     * the second kind is damaged before it is packed. */
    srand(1);
    for (size_t i = 0; i < bytes.len_bytes; i += 1 + i / 16) {
        char *copy = malloc(i + 1); /* so that a sanitizer sees a read behind the end */
        memcpy(copy, bytes.bytes, i);
        assert_true(pando_packed_decode(copy, i, &packed) < 0);
        free(copy);
    }
    for (int i = 0; i < 3000; i++) {
        char *copy = malloc(bytes.len_bytes);
        memcpy(copy, bytes.bytes, bytes.len_bytes);
        copy[(size_t)rand() % bytes.len_bytes] ^= (char)(1 << rand() % 8);
        if (pando_packed_decode(copy, bytes.len_bytes, &packed) == 0)
            pando_packed_release(&packed);
        free(copy);
    }
    pando_buffer_release(&bytes);
}

static uint64_t take_varint(const unsigned char **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        value |= (uint64_t)(**at & 0x7f) << shift;
        if (*(*at)++ < 0x80)
            return value;
    }
}

/* What an earlier Pando has stored is read: form 1 has no objects, and no count of them. */
static void test_packed_of_before(void **state)
{
    (void)state;
    struct pando_profile *profile = make_profile(123456789, 9, 300);
    struct pando_buffer bytes, old;
    struct pando_packed packed;
    pando_buffer_init(&bytes, 1 << 20);
    pando_buffer_init(&old, 1 << 20);
    assert_int_equal(profile->object_count, 0);
    assert_int_equal(pando_packed_encode(profile, &bytes), 0);
    const unsigned char *at = (const unsigned char *)bytes.bytes + 1;
    uLongf plain_bytes = take_varint(&at);
    unsigned char *plain = malloc(plain_bytes);
    assert_int_equal(uncompress(plain, &plain_bytes, at, bytes.len_bytes - (size_t)(at - (const unsigned char *)bytes.bytes)), Z_OK);
    const unsigned char *counts = plain;
    for (int i = 0; i < 4; i++)
        take_varint(&counts);
    size_t before = (size_t)(counts - plain);
    assert_int_equal(plain[before], 0); /* the fifth count */
    memmove(plain + before, plain + before + 1, --plain_bytes - before);
    unsigned char squeezed[1 << 16];
    uLongf squeezed_bytes = sizeof squeezed;
    assert_int_equal(compress(squeezed, &squeezed_bytes, plain, plain_bytes), Z_OK);
    pando_buffer_append_char(&old, 1);
    for (uLongf rest = plain_bytes; rest != 0; rest >>= 7)
        pando_buffer_append_char(&old, (char)((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0)));
    pando_buffer_append(&old, squeezed, squeezed_bytes);
    assert_int_equal(pando_packed_decode(old.bytes, old.len_bytes, &packed), 0);
    assert_int_equal(packed.profile.node_count, profile->node_count);
    assert_int_equal(packed.profile.nodes[profile->node_count - 1].self, profile->nodes[profile->node_count - 1].self);
    assert_true(packed.profile.meta.weight_per_second == profile->meta.weight_per_second);
    pando_packed_release(&packed);
    pando_buffer_release(&old);
    pando_buffer_release(&bytes);
    pando_profile_free(profile);
    free(plain);
}

static void test_packed_keeps_objects(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    for (uint32_t i = 0; i < 300; i++) {
        char name[32];
        int len = snprintf(name, sizeof name, "lib%u.so", i);
        uint32_t string = (uint32_t)pando_profile_builder_string(builder, name, (size_t)len);
        uint32_t id = (uint32_t)pando_profile_builder_string(builder, "abcdef", 6);
        assert_int_equal(pando_profile_builder_object(builder, (struct pando_profile_object){.name = string, .build_id = id}), i);
    }
    pando_profile_builder_meta(builder)->weight_per_second = 1;
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    struct pando_buffer bytes;
    struct pando_packed packed;
    pando_buffer_init(&bytes, 1 << 20);
    assert_int_equal(pando_packed_encode(profile, &bytes), 0);
    assert_int_equal(pando_packed_decode(bytes.bytes, bytes.len_bytes, &packed), 0);
    assert_int_equal(packed.profile.object_count, 300);
    assert_memory_equal(packed.profile.objects, profile->objects, 300 * sizeof *profile->objects);
    pando_packed_release(&packed);
    pando_buffer_release(&bytes);
    pando_profile_free(profile);
}

/* Weights of lines: packed, damaged in every byte, and added up in nanoseconds. */
static void test_packed_keeps_lines(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    for (uint32_t i = 1; i <= 200; i++) {
        char name[32];
        int len = snprintf(name, sizeof name, "f%u", i % 20);
        uint32_t string = (uint32_t)pando_profile_builder_string(builder, name, (size_t)len);
        uint32_t frame = (uint32_t)pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = string, .file = string});
        const struct pando_profile_line line = {.frame = frame, .line = i, .self = i, .total = 2ull * i, .wall_self = 3, .wall_total = UINT64_MAX};
        assert_int_equal(pando_profile_builder_line(builder, line), i - 1);
        assert_int_equal(pando_profile_builder_line(builder, (struct pando_profile_line){.frame = frame, .line = i, .self = 1, .wall_total = 1}), i - 1);
    }
    assert_int_equal(pando_profile_builder_line(builder, (struct pando_profile_line){.frame = 21, .line = 1}), PANDO_ERR_INVALID);
    assert_int_equal(pando_profile_builder_line(builder, (struct pando_profile_line){.frame = 1, .line = 0}), PANDO_ERR_INVALID);
    pando_profile_builder_meta(builder)->weight_per_second = 100;
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    struct pando_buffer bytes;
    struct pando_packed packed;
    pando_buffer_init(&bytes, 1 << 20);
    assert_int_equal(pando_packed_encode(profile, &bytes), 0);
    assert_int_equal(pando_packed_decode(bytes.bytes, bytes.len_bytes, &packed), 0);
    assert_int_equal(packed.profile.line_count, 200);
    assert_memory_equal(packed.profile.lines, profile->lines, 200 * sizeof *profile->lines);
    builder = pando_profile_builder_new(1 << 20);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pando_profile_builder_merge(builder, &packed.profile, 1e9), 0);
    struct pando_profile *sum = pando_profile_builder_finish(builder);
    assert_int_equal(sum->line_count, 200);
    assert_int_equal(sum->lines[9].self, 2 * 11 * 10000000ull);
    assert_int_equal(sum->lines[9].total, 2 * 20 * 10000000ull);
    assert_true(sum->lines[9].wall_total == UINT64_MAX);
    pando_profile_free(sum);
    pando_packed_release(&packed);
    for (size_t i = 0; i < bytes.len_bytes; i++) {
        bytes.bytes[i] ^= 0x11;
        if (pando_packed_decode(bytes.bytes, bytes.len_bytes, &packed) == 0)
            pando_packed_release(&packed);
        bytes.bytes[i] ^= 0x11;
    }
    pando_buffer_release(&bytes);
    pando_profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_token_counts_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_all_is_there_after_reopening, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_ranges, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_merge_sums_and_bounds, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_read_only, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_odd_names, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_by_limit, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_in_memory, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_disk, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_other_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_damage, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_many_at_once, make_folder, remove_folder),
        cmocka_unit_test(test_packed_is_the_same),
        cmocka_unit_test(test_packed_of_before),
        cmocka_unit_test(test_packed_keeps_objects),
        cmocka_unit_test(test_packed_keeps_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
