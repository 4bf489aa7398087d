// link: pando_collector pando_walker pando_exchange pando_symbols pando_profile pando_base
// not under: thread - its own malloc, which refuses on request, and ThreadSanitizer's exclude each other
/* From records in the ring to profiles: collector/aggregator.h. */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/walker.h"
#include "base/error.h"
#include "collector/aggregator.h"
#include "profile/slices.h"
#include "failing_malloc.h"
#include "symbols/symbols.h"

enum {
    RING_WORDS = 1 << 16,
    TEXT_BYTES = 1 << 20,
    ALPHA = 0x10000000,  /* where the made-up objects are mapped; 16 MiB each */
    BETA = 0x20000000,
    GAMMA = 0x30000000,  /* mapped by no text */
};

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 29) % limit);
}

/* Everything that the guest would give to an aggregator. */
struct world {
    struct pando_aggregator *aggregator;
    struct pando_ring *ring;
    struct pando_objects objects;
    struct pando_counters counters;
    void *ring_memory;
    char maps_path[64];
    uint64_t pushed, pushed_weight;
};

static void write_maps(const struct world *world, const char *text)
{
    FILE *file = fopen(world->maps_path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const char TWO_OBJECTS[] =
    "10000000-11000000 r-xp 00000000 08:01 11 /nowhere/alpha\n"
    "20000000-21000000 r-xp 00001000 08:01 12 /nowhere/beta\n";

/* `maps` NULL: this process's own. */
static struct world *world_new(const char *maps, struct pando_aggregator_config config)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    size_t bytes = pando_ring_bytes(RING_WORDS);
    world->ring_memory = calloc(1, bytes + 64);
    assert_non_null(world->ring_memory);
    world->ring = pando_ring_init((void *)(((uintptr_t)world->ring_memory + 63) / 64 * 64), RING_WORDS);
    world->objects.readers = calloc(PANDO_OBJECTS_READERS_MAX, sizeof *world->objects.readers);
    assert_non_null(world->objects.readers);
    config.ring = world->ring;
    config.objects = &world->objects;
    config.counters = &world->counters;
    if (maps != NULL) {
        strcpy(world->maps_path, "/tmp/pando-aggregator-test-XXXXXX");
        int fd = mkstemp(world->maps_path);
        assert_true(fd >= 0);
        close(fd);
        write_maps(world, maps);
        config.maps_path = world->maps_path;
    }
    world->aggregator = pando_aggregator_new(&config);
    return world;
}

static void world_free(struct world *world)
{
    pando_aggregator_free(world->aggregator);
    if (world->maps_path[0] != '\0')
        unlink(world->maps_path);
    free(world->objects.readers);
    free(world->ring_memory);
    free(world);
}

static void push(struct world *world, struct pando_sample_head head, uint32_t weight, const uint64_t *frames,
                 const uint64_t *rest, uint32_t rest_words)
{
    uint64_t words[PANDO_SAMPLE_HEAD_WORDS] = {0};
    struct pando_sample_origin origin = {.weight = weight, .tid = 1};
    struct pando_sample_methods methods = {.by_row = head.frame_count};
    memcpy(&words[0], &head, sizeof head);
    memcpy(&words[1], &origin, sizeof origin);
    memcpy(&words[2], &methods, sizeof methods);
    const struct pando_ring_part parts[] = {{words, PANDO_SAMPLE_HEAD_WORDS}, {frames, head.frame_count}, {rest, rest_words}};
    assert_int_equal(pando_ring_push(world->ring, parts, rest_words != 0 ? 3 : 2), 0);
    world->pushed++;
    world->pushed_weight += weight;
}

static void push_stack(struct world *world, const uint64_t *frames, uint16_t count, uint32_t weight)
{
    push(world, (struct pando_sample_head){.kind = PANDO_SAMPLE_STACK, .frame_count = count}, weight, frames, NULL, 0);
}

static uint64_t counted(const struct world *world, enum pando_counter which)
{
    return pando_counted(&world->counters, which);
}

/* Turns until the ring is empty; no seal must be needed. */
static void drain(struct world *world)
{
    uint32_t taken;
    do
        assert_int_equal(pando_aggregator_turn(world->aggregator, 7, &taken), 0);
    while (taken != 0);
}

static uint64_t sum_of_selfs(const struct pando_profile *profile)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        sum += profile->nodes[i].self;
    return sum;
}

static uint64_t shipped(const struct pando_profile *profile, enum pando_counter which)
{
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        assert_int_not_equal(profile->counters[i].value, 0);
        if (strcmp(profile->strings[profile->counters[i].name], pando_counter_name(which)) == 0)
            return profile->counters[i].value;
    }
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a;b;c 12" lines, sorted: the one form in which a profile and a naive sum can be compared. Malloc'ed. */
static char *folded(const struct pando_profile *profile)
{
    char **lines = calloc(profile->node_count, sizeof *lines);
    uint32_t line_count = 0, path[2048];
    size_t total = 1;
    for (uint32_t i = 0; i < profile->node_count; i++) {
        if (profile->nodes[i].self == 0)
            continue;
        uint32_t depth = 0;
        for (uint32_t n = i; n != 0; n = profile->nodes[n].parent)
            path[depth++] = n;
        char *line = NULL;
        size_t len;
        FILE *stream = open_memstream(&line, &len);
        while (depth-- > 0)
            fprintf(stream, "%s;", profile->strings[profile->frames[profile->nodes[path[depth]].frame].name]);
        fprintf(stream, " %" PRIu64 "\n", profile->nodes[i].self);
        fclose(stream);
        total += len;
        lines[line_count++] = line;
    }
    qsort(lines, line_count, sizeof *lines, by_text);
    char *text = calloc(1, total), *at = text;
    for (uint32_t i = 0; i < line_count; i++) {
        at = stpcpy(at, lines[i]);
        free(lines[i]);
    }
    free(lines);
    return text;
}

static struct pando_profile *seal(struct world *world)
{
    return pando_aggregator_seal(world->aggregator, NULL, NULL);
}

static void expect_folded(struct world *world, const char *expected)
{
    drain(world);
    struct pando_profile *profile = seal(world);
    assert_non_null(profile);
    char *text = folded(profile);
    assert_string_equal(text, expected);
    free(text);
    pando_profile_free(profile);
}

static void test_call_sites_and_exact_addresses(void **state)
{
    (void)state;
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){0});
    const uint64_t plain[] = {ALPHA + 0x10, ALPHA + 0x20, BETA + 0x30};
    const uint64_t marked[] = {ALPHA + 0x10, (ALPHA + 0x20) | PANDO_SAMPLE_EXACT, BETA + 0x30};
    push_stack(world, plain, 3, 2);
    push_stack(world, marked, 3, 5);
    push_stack(world, plain, 3, 1);
    expect_folded(world, "[beta+0x102f];[alpha+0x1f];[alpha+0x10]; 3\n"
                         "[beta+0x102f];[alpha+0x20];[alpha+0x10]; 5\n");
    assert_int_equal(counted(world, PANDO_COUNT_SAMPLES_FOLDED), 3);
    assert_int_equal(counted(world, PANDO_COUNT_STACKS_WHOLE), 3);
    assert_int_equal(counted(world, PANDO_COUNT_FRAMES_BY_ROW), 9);
    assert_int_equal(counted(world, PANDO_COUNT_FRAMES_UNNAMED), 4);
    world_free(world);
}

static void test_stacks_that_are_not_whole(void **state)
{
    (void)state;
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){.depth_max = 4});
    const uint64_t frames[] = {ALPHA + 1, ALPHA + 3, ALPHA + 5, ALPHA + 7, ALPHA + 9};
    for (int end = 1; end < PANDO_WALK_END_KINDS; end++)
        push(world, (struct pando_sample_head){.kind = PANDO_SAMPLE_STACK, .walk_end = (uint8_t)end, .frame_count = 2}, 1,
             frames, NULL, 0);
    push_stack(world, frames, 0, 1);
    push_stack(world, frames, 4, 1);
    push_stack(world, frames, 5, 1);
    push(world, (struct pando_sample_head){.kind = PANDO_SAMPLE_STACK, .walk_end = PANDO_WALK_END_TOO_DEEP, .frame_count = 4},
         1, frames, NULL, 0);
    push(world, (struct pando_sample_head){.kind = PANDO_SAMPLE_STACK, .flags = PANDO_SAMPLE_TRUNCATED, .frame_count = 3}, 1,
         frames, NULL, 0);
    expect_folded(world, "<Incomplete>; 1\n"
                         "<Incomplete>;[alpha+0x2];[alpha+0x1]; 5\n"
                         "<Incomplete>;[alpha+0x6];[alpha+0x4];<Truncated>; 1\n"
                         "[alpha+0x4];[alpha+0x2];<Truncated>; 1\n"
                         "[alpha+0x6];[alpha+0x4];[alpha+0x2];[alpha+0x1]; 1\n"
                         "[alpha+0x8];[alpha+0x6];[alpha+0x4];<Truncated>; 1\n");
    assert_int_equal(counted(world, PANDO_COUNT_STACKS_TRUNCATED), 3);
    assert_int_equal(counted(world, PANDO_COUNT_STACKS_NO_RULE), 1);
    assert_int_equal(counted(world, PANDO_COUNT_STACKS_TOO_DEEP), 2);
    assert_int_equal(counted(world, PANDO_COUNT_STACKS_WHOLE), 4);
    world_free(world);
}

/* Time without a stack lies below what is known of its thread, at the root if that is nothing. */
static void test_time_that_was_not_sampled(void **state)
{
    (void)state;
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){.depth_max = 4});
    const uint64_t frames[] = {(ALPHA + 1) | PANDO_SAMPLE_EXACT, ALPHA + 3, ALPHA + 5, ALPHA + 7};
    const struct pando_sample_head head = {.kind = PANDO_SAMPLE_STACK, .flags = PANDO_SAMPLE_UNSAMPLED};
    for (uint16_t count = 0; count <= 4; count++) {
        struct pando_sample_head one = head;
        one.frame_count = count;
        push(world, one, 2, frames, NULL, 0);
    }
    struct pando_sample_head odd = head; /* no handler writes such a thing */
    odd.walk_end = PANDO_WALK_END_BAD_STACK;
    odd.flags |= PANDO_SAMPLE_TRUNCATED;
    odd.frame_count = 3;
    push(world, odd, 1, frames, NULL, 0);
    expect_folded(world, "<Incomplete>;[alpha+0x4];[alpha+0x2];<Truncated>; 1\n"
                         "<Unsampled>; 2\n"
                         "[alpha+0x1];<Unsampled>; 2\n"
                         "[alpha+0x2];[alpha+0x1];<Unsampled>; 2\n"
                         "[alpha+0x4];[alpha+0x2];[alpha+0x1]; 2\n"
                         "[alpha+0x6];[alpha+0x4];[alpha+0x2];[alpha+0x1]; 2\n");
    world_free(world);
}

static void test_depth(void **state)
{
    (void)state;
    uint64_t frames[PANDO_SAMPLE_FRAMES_MAX];
    for (uint32_t i = 0; i < PANDO_SAMPLE_FRAMES_MAX; i++)
        frames[i] = ALPHA + 16 * i + 1;
    for (uint32_t depth_max = 1; depth_max <= 4096; depth_max *= 2) {
        struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){.depth_max = depth_max});
        push_stack(world, frames, 1000, 3);
        push_stack(world, frames, PANDO_SAMPLE_FRAMES_MAX, 4);
        drain(world);
        struct pando_profile *profile = seal(world);
        uint32_t depth[2048] = {0}, deepest = 0;
        for (uint32_t i = 1; i < profile->node_count; i++) {
            depth[i] = depth[profile->nodes[i].parent] + 1;
            if (depth[i] > deepest)
                deepest = depth[i];
        }
        assert_int_equal(deepest, depth_max < 1024 ? depth_max : 1024);
        assert_int_equal(sum_of_selfs(profile), 7);
        assert_int_equal(counted(world, PANDO_COUNT_STACKS_TRUNCATED), depth_max < 1000 ? 2 : 0);
        pando_profile_free(profile);
        world_free(world);
    }
}

/* What the documentation says about one sample, without any of the code under test. */
static void reference_line(char *line, const uint64_t *frames, uint32_t count, struct pando_sample_head head, uint32_t depth_max)
{
    char *names[64], all[64][32];
    uint32_t total = 0;
    if (head.walk_end != PANDO_WALK_END_OUTERMOST || count == 0)
        names[total++] = strcpy(all[63], "<Incomplete>;");
    for (uint32_t i = count; i-- > 0;) {
        uint64_t address = frames[i] & ~PANDO_SAMPLE_EXACT;
        bool innermost = i == 0 && (head.flags & PANDO_SAMPLE_TRUNCATED) == 0;
        if (!innermost && (frames[i] & PANDO_SAMPLE_EXACT) == 0)
            address--;
        names[total] = all[i];
        if (address >= ALPHA && address < ALPHA + 0x1000000)
            sprintf(all[i], "[alpha+0x%" PRIx64 "];", address - ALPHA);
        else if (address >= BETA && address < BETA + 0x1000000)
            sprintf(all[i], "[beta+0x%" PRIx64 "];", address - BETA + 0x1000);
        else
            sprintf(all[i], "[unknown+0x%" PRIx64 "];", address);
        total++;
    }
    bool cut = total > depth_max || ((head.flags & PANDO_SAMPLE_TRUNCATED) != 0 && count != 0);
    if (total > depth_max)
        total = depth_max;
    if (cut)
        names[total - 1] = strcpy(all[62], "<Truncated>;");
    line[0] = '\0';
    for (uint32_t i = 0; i < total; i++)
        strcat(line, names[i]);
}

static void test_random_stacks(void **state)
{
    (void)state;
    enum { SAMPLES = 1500, DEPTH = 12, LINE = 1024 };
    static char lines[SAMPLES][LINE];
    static uint64_t weights[SAMPLES];
    static const uint64_t bases[] = {ALPHA, ALPHA, ALPHA, BETA, BETA, GAMMA};
    for (uint32_t seed = 1; seed <= 6; seed++) {
        random_state = seed;
        uint32_t depth_max = seed % 3 == 0 ? 1 + random_below(DEPTH) : 1000, line_count = 0;
        struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){.depth_max = depth_max});
        for (int i = 0; i < SAMPLES; i++) {
            uint64_t frames[DEPTH];
            struct pando_sample_head head = {.kind = PANDO_SAMPLE_STACK, .frame_count = (uint16_t)random_below(DEPTH + 1)};
            for (uint32_t k = 0; k < head.frame_count; k++) {
                frames[k] = bases[random_below(6)] + random_below(3) * 16;
                if (frames[k] >= GAMMA)
                    frames[k] += 5;
                if (random_below(8) == 0)
                    frames[k] |= PANDO_SAMPLE_EXACT;
            }
            head.walk_end = (uint8_t)(random_below(4) == 0 ? random_below(PANDO_WALK_END_KINDS) : 0);
            head.flags = random_below(10) == 0 ? PANDO_SAMPLE_TRUNCATED : 0;
            uint32_t weight = 1 + random_below(3);
            push(world, head, weight, frames, NULL, 0);
            reference_line(lines[line_count], frames, head.frame_count, head, depth_max);
            uint32_t at = 0;
            while (strcmp(lines[at], lines[line_count]) != 0)
                at++;
            weights[at] = at == line_count ? weight : weights[at] + weight;
            line_count += at == line_count ? 1 : 0;
            if (i % 100 == 99)
                drain(world);
        }
        char **sorted = calloc(line_count, sizeof *sorted);
        for (uint32_t i = 0; i < line_count; i++) {
            sprintf(lines[i] + strlen(lines[i]), " %" PRIu64 "\n", weights[i]);
            sorted[i] = lines[i];
        }
        qsort(sorted, line_count, sizeof *sorted, by_text);
        char *expected = calloc(line_count, LINE), *at = expected;
        for (uint32_t i = 0; i < line_count; i++)
            at = stpcpy(at, sorted[i]);
        expect_folded(world, expected);
        free(expected);
        free(sorted);
        world_free(world);
    }
}

/* Takes all that is in the ring, sealing when asked to; adds up what profiles and counters say. */
static uint64_t drain_with_seals(struct world *world, uint32_t *ret_full)
{
    uint64_t weight = 0;
    uint32_t taken = 0;
    int error;
    *ret_full = 0;
    do {
        error = pando_aggregator_turn(world->aggregator, 100, &taken);
        assert_true(error == 0 || error == PANDO_ERR_LIMIT);
        *ret_full += error != 0 ? 1 : 0;
        if (error != 0 || taken == 0) {
            struct pando_profile *profile = seal(world);
            assert_true(profile != NULL || error == 0);
            if (profile != NULL) {
                weight += sum_of_selfs(profile);
                assert_true(shipped(profile, PANDO_COUNT_INTERVALS_SEALED_EARLY) == (error != 0 ? 1 : 0));
                pando_profile_free(profile);
            }
        }
    } while (error != 0 || taken != 0);
    return weight;
}

static void push_random(struct world *world, uint32_t how_many, uint32_t depth)
{
    uint64_t frames[PANDO_SAMPLE_FRAMES_MAX];
    for (uint32_t i = 0; i < how_many; i++) {
        uint32_t count = 1 + random_below(depth);
        for (uint32_t k = 0; k < count; k++)
            frames[k] = ALPHA + 0x100 + random_below(400) * 8;
        push_stack(world, frames, (uint16_t)count, 2);
    }
}

static void test_every_limit_keeps_every_sample(void **state)
{
    (void)state;
    random_state = 7;
    bool saw_drops = false, saw_early = false, saw_room = false;
    for (size_t limit = 1; limit < 400000; limit += limit < 40000 ? 997 : 40009) {
        struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){.tree_limit_bytes = limit});
        push_random(world, 500, 40);
        uint32_t full;
        uint64_t weight = drain_with_seals(world, &full);
        uint64_t dropped = counted(world, PANDO_COUNT_DROPPED_TREE_FULL);
        assert_int_equal(weight + 2 * dropped, world->pushed_weight);
        assert_int_equal(counted(world, PANDO_COUNT_SAMPLES_FOLDED) + dropped, world->pushed);
        assert_int_equal(counted(world, PANDO_COUNT_STACKS_WHOLE), counted(world, PANDO_COUNT_SAMPLES_FOLDED));
        uint64_t early = counted(world, PANDO_COUNT_INTERVALS_SEALED_EARLY);
        assert_int_equal(early, full);
        saw_drops = saw_drops || dropped != 0;
        saw_early = saw_early || (early != 0 && dropped == 0);
        saw_room = saw_room || early == 0;
        world_free(world);
    }
    assert_true(saw_drops && saw_early && saw_room);
}

static void test_what_is_too_big_leaves_no_trace(void **state)
{
    (void)state;
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){.tree_limit_bytes = 24000});
    uint64_t frames[PANDO_SAMPLE_FRAMES_MAX];
    for (uint32_t i = 0; i < PANDO_SAMPLE_FRAMES_MAX; i++)
        frames[i] = ALPHA + 1 + i;
    for (uint64_t i = 0; i < 5; i++) {
        push_stack(world, frames, PANDO_SAMPLE_FRAMES_MAX, 1);
        drain(world);
    }
    assert_int_equal(counted(world, PANDO_COUNT_DROPPED_TREE_FULL), 5);
    frames[0] = BETA;
    push_stack(world, frames, 1, 2);
    expect_folded(world, "[beta+0x1000]; 2\n");
    world_free(world);
}

/* A sample that waits for the next interval keeps its name, also when its object is gone by then. */
static void test_who_waits_keeps_the_name(void **state)
{
    (void)state;
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){.tree_limit_bytes = 30000});
    uint64_t frame = ALPHA + 1;
    uint32_t taken;
    int error = 0;
    for (uint32_t i = 0; error == 0; i++) {
        frame += 1;
        push_stack(world, &frame, 1, 1);
        error = pando_aggregator_turn(world->aggregator, 1, &taken);
        assert_int_equal(taken, 1);
    }
    assert_int_equal(error, PANDO_ERR_LIMIT);
    assert_int_equal(pando_aggregator_turn(world->aggregator, 1, &taken), PANDO_ERR_LIMIT);
    assert_int_equal(taken, 0);
    uint64_t in_tree = pando_aggregator_samples(world->aggregator);
    assert_int_equal(in_tree, world->pushed - 1);
    struct pando_profile *profile = seal(world);
    assert_int_equal(sum_of_selfs(profile), in_tree);
    pando_profile_free(profile);
    assert_int_equal(pando_aggregator_samples(world->aggregator), 1);
    write_maps(world, "10000000-11000000 r-xp 00000000 08:01 12 /nowhere/beta\n");
    atomic_fetch_add(&world->objects.unloads, 2);
    usleep(30000);
    char expected[64];
    sprintf(expected, "[alpha+0x%" PRIx64 "]; 1\n", frame - ALPHA);
    expect_folded(world, expected);
    push_stack(world, &frame, 1, 1);
    sprintf(expected, "[beta+0x%" PRIx64 "]; 1\n", frame - ALPHA);
    expect_folded(world, expected);
    world_free(world);
}

static void fill_meta(void *context, struct pando_profile_builder *builder)
{
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    meta->host_name = (uint32_t)pando_profile_builder_string(builder, "here", 4);
    ++*(int *)context;
}

static void test_counters_are_increases(void **state)
{
    (void)state;
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){0});
    int calls = 0;
    const uint64_t frame = ALPHA + 1;
    assert_null(pando_aggregator_seal(world->aggregator, fill_meta, &calls));
    assert_int_equal(calls, 0);
    pando_count_add(&world->counters, PANDO_COUNT_SIGNALS, 10);
    push_stack(world, &frame, 1, 3);
    push_stack(world, &frame, 1, 3);
    drain(world);
    assert_int_equal(pando_aggregator_samples(world->aggregator), 2);
    struct pando_profile *profile = pando_aggregator_seal(world->aggregator, fill_meta, &calls);
    assert_int_equal(calls, 1);
    assert_int_equal(profile->meta.samples, 2);
    assert_string_equal(profile->strings[profile->meta.counter_name], "WALL_TIME");
    assert_string_equal(profile->strings[profile->meta.host_name], "here");
    assert_int_equal(shipped(profile, PANDO_COUNT_SIGNALS), 10);
    assert_int_equal(shipped(profile, PANDO_COUNT_SAMPLES_FOLDED), 2);
    assert_int_equal(shipped(profile, PANDO_COUNT_FRAMES_UNNAMED), 1);
    assert_int_equal(shipped(profile, PANDO_COUNT_FOREIGN_SIGNALS), 0);
    pando_profile_free(profile);
    assert_int_equal(pando_aggregator_samples(world->aggregator), 0);
    push_stack(world, &frame, 1, 3);
    drain(world);
    profile = pando_aggregator_seal(world->aggregator, NULL, NULL);
    assert_int_equal(shipped(profile, PANDO_COUNT_SIGNALS), 0);
    assert_int_equal(shipped(profile, PANDO_COUNT_SAMPLES_FOLDED), 1);
    assert_int_equal(shipped(profile, PANDO_COUNT_FRAMES_UNNAMED), 1);
    pando_profile_free(profile);
    world_free(world);
}

static void test_records_that_make_no_sense(void **state)
{
    (void)state;
    random_state = 11;
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){0});
    uint64_t words[200];
    for (int i = 0; i < 3000; i++) {
        uint32_t count = 1 + random_below(200);
        for (uint32_t k = 0; k < count; k++)
            words[k] = (uint64_t)random_below(1 << 30) << 32 | random_below(1 << 30);
        if (count > 1)
            words[1] = 1;
        struct pando_sample_head head = {.kind = (uint8_t)random_below(4), .walk_end = (uint8_t)random_below(8),
                                         .flags = (uint8_t)random_below(4), .frame_count = (uint16_t)random_below(100)};
        int32_t stack_words = (int32_t)count - 3 - head.frame_count - PANDO_WALK_REGISTERS - 1;
        if (head.kind == PANDO_SAMPLE_NAME && count == PANDO_SAMPLE_HEAD_WORDS + PANDO_SAMPLE_NAME_WORDS)
            head.kind = 0; /* that would make sense, and is no sample */
        head.stack_words = (uint16_t)(stack_words >= 0 && random_below(3) != 0 ? stack_words : (int32_t)random_below(300));
        if (random_below(5) != 0)
            memcpy(&words[0], &head, sizeof head);
        const struct pando_ring_part part = {words, count};
        assert_int_equal(pando_ring_push(world->ring, &part, 1), 0);
        drain(world);
    }
    assert_int_equal(counted(world, PANDO_COUNT_SAMPLES_FOLDED), 3000);
    struct pando_profile *profile = seal(world);
    assert_int_equal(sum_of_selfs(profile), 3000);
    assert_int_equal(profile->meta.samples, 3000);
    pando_profile_free(profile);
    world_free(world);
}

static void push_owned(struct world *world, uint32_t tid, uint16_t label_set, enum pando_sample_state state, const uint64_t *trace,
                       uint64_t frame)
{
    const union pando_sample_start start = {.parts = {
        .head = {.kind = PANDO_SAMPLE_STACK, .state = (uint8_t)state, .frame_count = 1,
                 .flags = trace != NULL ? PANDO_SAMPLE_TRACED : 0},
        .origin = {.weight = 1, .tid = tid}, .methods = {.label_set = label_set}}};
    const struct pando_ring_part parts[] = {
        {start.words, PANDO_SAMPLE_HEAD_WORDS}, {trace, trace != NULL ? PANDO_SAMPLE_TRACE_WORDS : 0}, {&frame, 1}};
    assert_int_equal(pando_ring_push(world->ring, parts, 3), 0);
}

static uint64_t of_slice(const struct pando_profile *profile, const char *name)
{
    struct pando_slice_list list;
    uint64_t sum = 0;
    assert_int_equal(pando_profile_slice_list(profile, &list), 0);
    for (uint32_t i = 0; i < list.count; i++) {
        char rendered[PANDO_SLICE_NAME_BYTES];
        pando_slice_render(&list.slices[i].slice, rendered);
        sum += strcmp(rendered, name) == 0 ? list.slices[i].cpu * 1000 + list.slices[i].wall : 0;
    }
    pando_profile_slice_list_release(&list);
    return sum;
}

/* Threads 77000000x are nobody's: the first tells its name at its end, after its samples; the second never does. */
static void test_slices(void **state)
{
    (void)state;
    static struct pando_label_sets sets;
    struct pando_label_set gold = {0};
    pando_label_set_put(&gold, "class", 5, "gold", 4);
    uint16_t set = (uint16_t)pando_label_sets_intern(&sets, &gold);
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){
        .has_slices = true, .has_wall_time = true, .label_sets = &sets});
    uint64_t frame = 0x401000, trace[3] = {1, 2, 3};
    for (int i = 0; i < 5; i++)
        push_owned(world, 770000001, set, PANDO_SAMPLE_CPU, NULL, frame);
    push_owned(world, 770000001, set, PANDO_SAMPLE_WAITING, NULL, frame);
    push_owned(world, 770000001, 0, PANDO_SAMPLE_CPU, trace, frame);
    push_owned(world, 770000002, 0, PANDO_SAMPLE_CPU, NULL, frame);
    union {
        struct {
            union pando_sample_start start;
            char name[16];
        } parts;
        uint64_t words[PANDO_SAMPLE_HEAD_WORDS + PANDO_SAMPLE_NAME_WORDS];
    } name = {.parts = {.start = {.parts = {.head = {.kind = PANDO_SAMPLE_NAME}, .origin = {.tid = 770000001}}}, .name = "worker"}};
    const struct pando_ring_part part = {name.words, sizeof name.words / sizeof name.words[0]};
    assert_int_equal(pando_ring_push(world->ring, &part, 1), 0);
    drain(world);
    struct pando_profile *profile = pando_aggregator_seal(world->aggregator, NULL, NULL);
    assert_int_equal(sum_of_selfs(profile), 8);
    assert_int_equal(profile->meta.samples, 8);
    assert_int_equal(of_slice(profile, "worker;;class=gold"), 5001);
    assert_int_equal(of_slice(profile, "worker;;span_id=0300000000000000;trace_id=01000000000000000200000000000000"), 1000);
    assert_int_equal(of_slice(profile, ";"), 1000);
    assert_int_equal(shipped(profile, PANDO_COUNT_THREADS_UNNAMED), 1);
    pando_profile_free(profile);
    /* The next interval starts anew, and knows the name from the beginning. */
    push_owned(world, 770000001, set, PANDO_SAMPLE_CPU, NULL, frame);
    drain(world);
    profile = pando_aggregator_seal(world->aggregator, NULL, NULL);
    assert_int_equal(of_slice(profile, "worker;;class=gold"), 1000);
    assert_int_equal(shipped(profile, PANDO_COUNT_THREADS_UNNAMED), 0);
    pando_profile_free(profile);
    world_free(world);
}

/* A sample that found no room waits for the next interval, with its own slice. */
static void test_a_full_tree_keeps_slices(void **state)
{
    (void)state;
    static struct pando_label_sets sets;
    struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){
        .has_slices = true, .label_sets = &sets, .tree_limit_bytes = 16 << 10});
    uint64_t pushed = 0, folded = 0, by_slice = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        char value[16];
        struct pando_label_set set = {0};
        pando_label_set_put(&set, "id", 2, value, (size_t)snprintf(value, sizeof value, "%u", i % 7));
        push_owned(world, 770000001, (uint16_t)pando_label_sets_intern(&sets, &set), PANDO_SAMPLE_CPU, NULL, 0x401000 + i);
        pushed++;
        uint32_t taken;
        while (pando_aggregator_turn(world->aggregator, 10, &taken) == PANDO_ERR_LIMIT) {
            struct pando_profile *profile = pando_aggregator_seal(world->aggregator, NULL, NULL);
            folded += sum_of_selfs(profile);
            struct pando_slice_list list;
            pando_profile_slice_list(profile, &list);
            for (uint32_t k = 0; k < list.count; k++)
                by_slice += list.slices[k].slice.label_count == 1 ? list.slices[k].cpu : 0;
            pando_profile_slice_list_release(&list);
            pando_profile_free(profile);
        }
    }
    uint64_t rest = pando_aggregator_samples(world->aggregator);
    assert_true(folded > 1000);
    assert_int_equal(folded + rest, pushed);
    assert_int_equal(by_slice, folded);
    world_free(world);
}

static void test_without_proc(void **state)
{
    (void)state;
    struct world *world = world_new(NULL, (struct pando_aggregator_config){.maps_path = "/nonexistent/maps"});
    const uint64_t frames[] = {0x1234, 0x5679};
    push_stack(world, frames, 2, 1);
    push_stack(world, frames, 2, 1);
    expect_folded(world, "[unknown+0x5678];[unknown+0x1234]; 2\n");
    world_free(world);
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1000; fd++)
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

static void test_no_descriptor_stays_open(void **state)
{
    (void)state;
    int before = open_descriptors();
    struct world *world = world_new(NULL, (struct pando_aggregator_config){0});
    const uint64_t frame = (uintptr_t)open_descriptors;
    push_stack(world, &frame, 1, 1);
    drain(world);
    assert_int_equal(open_descriptors(), before);
    expect_folded(world, "open_descriptors; 1\n");
    assert_int_equal(open_descriptors(), before);
    world_free(world);
}

static void test_code_that_appears(void **state)
{
    (void)state;
    struct world *world = world_new("10000000-11000000 r-xp 00000000 08:01 11 /nowhere/alpha\n",
                                    (struct pando_aggregator_config){0});
    const uint64_t frames[] = {BETA, ALPHA + 1};
    push_stack(world, frames, 2, 1);
    drain(world);
    write_maps(world, TWO_OBJECTS);
    usleep(60000); /* more than the pause, which was doubled once when nothing new was found */
    push_stack(world, frames, 2, 1);
    expect_folded(world, "[alpha+0x0];[beta+0x1000]; 1\n"
                         "[alpha+0x0];[unknown+0x20000000]; 1\n");
    world_free(world);
}

/* Handlers ask for a new map too. */
static void test_code_that_handlers_miss(void **state)
{
    (void)state;
    struct world *world = world_new("10000000-11000000 r-xp 00000000 08:01 11 /nowhere/alpha\n",
                                    (struct pando_aggregator_config){0});
    drain(world);
    assert_non_null(pando_objects_find(world->objects.current, ALPHA, NULL));
    assert_null(pando_objects_find(world->objects.current, BETA, NULL));
    write_maps(world, TWO_OBJECTS);
    usleep(30000);
    drain(world);
    assert_null(pando_objects_find(world->objects.current, BETA, NULL));
    atomic_store(&world->objects.unknown_code, 1);
    drain(world);
    assert_non_null(pando_objects_find(world->objects.current, BETA, NULL));
    world_free(world);
}

__attribute__((noinline)) int aggregator_test_function(int a);
__attribute__((noinline)) int aggregator_test_function(int a) { return a * 3; }

/* A line that maps `path` so that its offset `offset` is at ALPHA + 0x1000. */
static char *map_line(char *text, const char *path, uint64_t offset)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    sprintf(text, "%x-%x r-xp %" PRIx64 " %x:%x %lu %s\n", (unsigned)ALPHA, (unsigned)ALPHA + 0x2000,
            offset / 0x1000 * 0x1000 - 0x1000, major(status.st_dev), minor(status.st_dev), (unsigned long)status.st_ino, path);
    return text;
}

/* The file and offset of an address of this process. */
static uint64_t find_own(const void *address, char *path)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4200];
    unsigned long start, end, offset;
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %s", &start, &end, &offset, path) == 4 && (uintptr_t)address >= start &&
            (uintptr_t)address < end) {
            fclose(maps);
            return (uintptr_t)address - start + offset;
        }
    }
    fail();
    return 0;
}

static void test_another_object_at_the_same_address(void **state)
{
    (void)state;
    char line[5000], own[4200], libc[4200];
    uint64_t own_offset = find_own((const void *)aggregator_test_function, own);
    uint64_t libc_offset = find_own(dlsym(RTLD_NEXT, "strtol"), libc);
    struct world *world = world_new(map_line(line, own, own_offset), (struct pando_aggregator_config){0});
    const uint64_t own_frame = ALPHA + 0x1000 + own_offset % 0x1000, libc_frame = ALPHA + 0x1000 + libc_offset % 0x1000;
    push_stack(world, &own_frame, 1, 1); /* drained before the unload */
    drain(world);
    usleep(60000);
    push_stack(world, &own_frame, 1, 1); /* still in the ring at the unload */
    write_maps(world, map_line(line, libc, libc_offset));
    atomic_fetch_add(&world->objects.unloads, 2);
    push(world, (struct pando_sample_head){.kind = PANDO_SAMPLE_STACK, .walk_end = PANDO_WALK_END_NO_ROWS, .frame_count = 1},
         1, &libc_frame, NULL, 0);
    drain(world);
    push_stack(world, &libc_frame, 1, 1);
    expect_folded(world, "<Incomplete>;strtol; 1\naggregator_test_function; 2\nstrtol; 1\n");
    /* A text that changes with no unload is not looked at as long as all is known. */
    write_maps(world, map_line(line, own, own_offset));
    usleep(30000);
    push(world, (struct pando_sample_head){.kind = PANDO_SAMPLE_STACK, .walk_end = PANDO_WALK_END_NO_ROWS, .frame_count = 1},
         1, &libc_frame, NULL, 0);
    expect_folded(world, "<Incomplete>;strtol; 1\n");
    write_maps(world, map_line(line, libc, libc_offset));
    /* Two intervals later the first object is forgotten, the second one is not. */
    for (int i = 0; i < 3; i++) {
        push_stack(world, &libc_frame, 1, 1);
        expect_folded(world, "strtol; 1\n");
    }
    world_free(world);
}

/* A thread that stops itself in a function of known callers, and leaves what a handler would: registers and stack. */
static uint64_t raw_registers[PANDO_WALK_REGISTERS], raw_stack[PANDO_SAMPLE_STACK_WORDS_MAX], raw_begin;
static uint32_t raw_stack_words;

__attribute__((no_sanitize("address"))) static void copy_stack(const uint64_t *from, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        raw_stack[i] = ((const volatile uint64_t *)from)[i];
}

static void on_signal(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)info;
    pando_walk_registers_of(context, raw_registers);
    raw_begin = raw_registers[PANDO_WALK_RSP];
    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &bytes);
    pthread_attr_destroy(&attributes);
    size_t words = ((uintptr_t)low + bytes - raw_begin) / 8;
    raw_stack_words = (uint32_t)(words < PANDO_SAMPLE_STACK_WORDS_MAX ? words : PANDO_SAMPLE_STACK_WORDS_MAX);
    copy_stack((const uint64_t *)(uintptr_t)raw_begin, raw_stack_words);
}

__attribute__((noinline)) int aggregator_test_inner(int depth);
__attribute__((noinline)) int aggregator_test_inner(int depth)
{
    if (depth > 0) {
        int result = aggregator_test_inner(depth - 1);
        __asm__ volatile("" : "+r"(result)); /* so that it does not become a loop */
        return result + depth;
    }
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGUSR2);
    return (int)raw_begin;
}

static void *aggregator_test_thread(void *depth)
{
    return aggregator_test_inner(*(int *)depth) == 0 ? depth : NULL;
}

static void sample_a_thread(int depth)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR2, &action, NULL);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, aggregator_test_thread, &depth), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void push_raw(struct world *world, uint32_t stack_words)
{
    static uint64_t rest[PANDO_WALK_REGISTERS + 1 + PANDO_SAMPLE_STACK_WORDS_MAX];
    memcpy(rest, raw_registers, sizeof raw_registers);
    rest[PANDO_WALK_REGISTERS] = raw_begin;
    memcpy(rest + PANDO_WALK_REGISTERS + 1, raw_stack, stack_words * sizeof raw_stack[0]);
    const uint64_t frame = raw_registers[PANDO_WALK_RIP] | PANDO_SAMPLE_EXACT;
    push(world, (struct pando_sample_head){.kind = PANDO_SAMPLE_RAW, .walk_end = PANDO_WALK_END_NO_ROWS, .frame_count = 1,
                                           .stack_words = (uint16_t)stack_words}, 1, &frame, rest,
         PANDO_WALK_REGISTERS + 1 + stack_words);
}

static void test_raw_samples_are_finished(void **state)
{
    (void)state;
    for (int depth = 0; depth < 10; depth += 3) {
        sample_a_thread(depth);
        struct world *world = world_new(NULL, (struct pando_aggregator_config){0});
        push_raw(world, raw_stack_words);
        drain(world);
        struct pando_profile *profile = seal(world);
        char *text = folded(profile), expected[1024] = ";aggregator_test_thread;";
        for (int i = 0; i <= depth; i++)
            strcat(expected, "aggregator_test_inner;");
        strcat(expected, "syscall; 1\n");
        assert_non_null(strstr(text, expected));
        assert_null(strstr(text, "<Incomplete>"));
        assert_int_equal(counted(world, PANDO_COUNT_STACKS_FINISHED_LATE), 1);
        assert_int_equal(counted(world, PANDO_COUNT_STACKS_WHOLE), 1);
        free(text);
        pando_profile_free(profile);
        world_free(world);
    }
}

/* However little of the stack was copied: what is found is a part of the whole stack, and said to be one. */
static void test_raw_samples_that_are_cut(void **state)
{
    (void)state;
    sample_a_thread(5);
    for (uint32_t words = 0; words < 120; words++) {
        struct world *world = world_new(NULL, (struct pando_aggregator_config){0});
        push_raw(world, words < raw_stack_words ? words : raw_stack_words);
        drain(world);
        struct pando_profile *profile = seal(world);
        char *text = folded(profile);
        bool whole = counted(world, PANDO_COUNT_STACKS_WHOLE) == 1;
        assert_true(whole == (strstr(text, "<Incomplete>") == NULL));
        assert_true(whole == (counted(world, PANDO_COUNT_STACKS_FINISHED_LATE) == 1));
        assert_true(words > 8 || !whole);
        assert_non_null(strstr(text, "syscall; 1\n"));
        assert_int_equal(counted(world, PANDO_COUNT_SAMPLES_FOLDED), 1);
        free(text);
        pando_profile_free(profile);
        world_free(world);
    }
}

static void test_every_allocation_fails(void **state)
{
    (void)state;
    const char *maps = TWO_OBJECTS;
    for (int goes_on = 0; goes_on <= 1; goes_on++) {
        long refused = 1;
        for (long nth = 1; refused > 0; nth++) {
            long live = failing_live();
            struct world *world = world_new(maps, (struct pando_aggregator_config){.tree_limit_bytes = 60000});
            assert_non_null(world->aggregator);
            random_state = 5;
            push_random(world, 120, 40);
            uint64_t weight = 0;
            failing_start(nth, goes_on == 1);
            for (int i = 0; i < 20; i++) {
                uint32_t taken;
                if (pando_aggregator_turn(world->aggregator, 50, &taken) != 0 || i % 7 == 6) {
                    struct pando_profile *profile = seal(world);
                    for (uint32_t n = 0; profile != NULL && n < profile->node_count; n++)
                        weight += profile->nodes[n].self;
                    pando_profile_free(profile);
                }
            }
            refused = failing_stop();
            uint32_t full;
            weight += drain_with_seals(world, &full);
            uint64_t dropped = counted(world, PANDO_COUNT_DROPPED_TREE_FULL);
            assert_int_equal(weight + 2 * dropped, world->pushed_weight);
            assert_int_equal(counted(world, PANDO_COUNT_SAMPLES_FOLDED) + dropped, world->pushed);
            world_free(world);
            assert_int_equal(failing_live(), live);
        }
    }
}

static void test_set_up_without_memory(void **state)
{
    (void)state;
    long refused = 1;
    for (long nth = 1; refused > 0; nth++) {
        struct world *world = world_new(TWO_OBJECTS, (struct pando_aggregator_config){0});
        struct pando_aggregator_config config = {.ring = world->ring, .objects = &world->objects, .counters = &world->counters};
        pando_aggregator_free(world->aggregator);
        long live = failing_live();
        failing_start(nth, true);
        world->aggregator = pando_aggregator_new(&config);
        refused = failing_stop();
        assert_true((world->aggregator == NULL) == (refused > 0));
        pando_aggregator_free(world->aggregator);
        assert_int_equal(failing_live(), live);
        world->aggregator = NULL;
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_sites_and_exact_addresses),
        cmocka_unit_test(test_stacks_that_are_not_whole),
        cmocka_unit_test(test_time_that_was_not_sampled),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_random_stacks),
        cmocka_unit_test(test_every_limit_keeps_every_sample),
        cmocka_unit_test(test_what_is_too_big_leaves_no_trace),
        cmocka_unit_test(test_who_waits_keeps_the_name),
        cmocka_unit_test(test_counters_are_increases),
        cmocka_unit_test(test_records_that_make_no_sense),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_a_full_tree_keeps_slices),
        cmocka_unit_test(test_without_proc),
        cmocka_unit_test(test_no_descriptor_stays_open),
        cmocka_unit_test(test_code_that_appears),
        cmocka_unit_test(test_code_that_handlers_miss),
        cmocka_unit_test(test_another_object_at_the_same_address),
        cmocka_unit_test(test_raw_samples_are_finished),
        cmocka_unit_test(test_raw_samples_that_are_cut),
        cmocka_unit_test(test_set_up_without_memory),
        cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
