// link: pando_collector pando_symbols pando_profile pando_base
// not under: thread - its own malloc, which refuses on request, and ThreadSanitizer's exclude each other
/* From a tree of places to a profile of functions: collector/snapshot.h, and the places of symbols/symbols.h. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "collector/call_tree.h"
#include "collector/snapshot.h"
#include "failing_malloc.h"
#include "symbols/symbols.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define LEAKS_ALLOWED(allowed) ((allowed) ? __lsan_disable() : __lsan_enable())
#else
#define LEAKS_ALLOWED(allowed) ((void)(allowed))
#endif

enum { MAPS_BYTES = 1 << 20, SYMBOLS_BYTES = 32 << 20, NAMES_BYTES = 16 << 20 };

__attribute__((noinline)) int snapshot_test_one(int a);
__attribute__((noinline)) int snapshot_test_one(int a) { return a * 3 + (a & 5) * 7; }
__attribute__((noinline)) int snapshot_test_two(int a);
__attribute__((noinline)) int snapshot_test_two(int a) { return a * 5 + (a & 9) * 11; }

static struct pando_symbols *own_symbols(void)
{
    static char maps[MAPS_BYTES];
    struct pando_symbols *symbols = pando_symbols_new(SYMBOLS_BYTES);
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, maps + len, MAPS_BYTES - len)) > 0)
        len += (size_t)got;
    close(fd);
    assert_non_null(symbols);
    assert_int_equal(pando_symbols_update_maps(symbols, maps, len), 0);
    return symbols;
}

static struct pando_call_frame at(struct pando_symbols *symbols, const void *function, uint64_t plus)
{
    struct pando_symbols_place place;
    assert_int_equal(pando_symbols_locate(symbols, (uintptr_t)function + plus, &place), 0);
    return (struct pando_call_frame){.offset = place.offset, .object = place.object};
}

static struct pando_profile *snapshot(const struct pando_call_tree *tree, struct pando_symbols *symbols, size_t names_limit,
                                      uint64_t *ret_unnamed)
{
    size_t limit = pando_snapshot_builder_bytes(pando_call_tree_bytes(tree), names_limit);
    struct pando_profile_builder *builder = pando_profile_builder_new(limit);
    assert_non_null(builder);
    assert_int_equal(pando_snapshot_fill(builder, tree, symbols, NULL, names_limit, ret_unnamed), 0);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_non_null(profile);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        sum += profile->nodes[i].self;
    assert_int_equal(sum, pando_call_tree_weight(tree));
    return profile;
}

static const char *name_of(const struct pando_profile *profile, uint32_t node)
{
    return profile->strings[profile->frames[profile->nodes[node].frame].name];
}

static void test_offsets_become_functions(void **state)
{
    (void)state;
    struct pando_symbols *symbols = own_symbols();
    struct pando_call_tree *tree = pando_call_tree_new(1 << 20);
    const void *one = (const void *)snapshot_test_one, *two = (const void *)snapshot_test_two;
    for (uint64_t i = 0; i < 4; i++) {
        const struct pando_call_frame path[] = {at(symbols, one, i), at(symbols, two, i / 2), at(symbols, one, 3 - i)};
        assert_int_equal(pando_call_tree_add(tree, path, 3, 1 + i), 0);
        assert_int_equal(pando_call_tree_add(tree, path, 1, 10), 0);
    }
    const struct pando_call_frame own[] = {{.object = PANDO_CALL_OBJECT_OWN, .offset = PANDO_CALL_INCOMPLETE},
                                           {.object = PANDO_CALL_OBJECT_OWN, .offset = PANDO_CALL_TRUNCATED}};
    assert_int_equal(pando_call_tree_add(tree, own, 2, 100), 0);
    assert_int_equal(pando_call_tree_add(tree, NULL, 0, 1000), 0);
    uint64_t unnamed;
    struct pando_profile *profile = snapshot(tree, symbols, NAMES_BYTES, &unnamed);
    assert_int_equal(unnamed, 0);
    assert_int_equal(profile->node_count, 6);
    static const struct {
        const char *name;
        uint32_t parent;
        uint64_t self;
    } expected[] = {{"", 0, 1000}, {"snapshot_test_one", 0, 40}, {"snapshot_test_two", 1, 0}, {"snapshot_test_one", 2, 10},
                    {"<Incomplete>", 0, 0}, {"<Truncated>", 4, 100}};
    for (uint32_t i = 0; i < 6; i++) {
        assert_string_equal(name_of(profile, i), expected[i].name);
        assert_int_equal(profile->nodes[i].parent, expected[i].parent);
        assert_int_equal(profile->nodes[i].self, expected[i].self);
    }
    assert_string_equal(profile->strings[profile->frames[profile->nodes[1].frame].object], "snapshot_test");
    pando_profile_free(profile);
    pando_call_tree_free(tree);
    pando_symbols_free(symbols);
}

static void test_unnamed_frames_are_counted_once(void **state)
{
    (void)state;
    static const char MAPS[] = "1000-2000 r-xp 00000000 08:01 11 /nowhere/alpha\n3000-4000 rwxp 00000000 00:00 0\n";
    struct pando_symbols *symbols = pando_symbols_new(SYMBOLS_BYTES);
    assert_int_equal(pando_symbols_update_maps(symbols, MAPS, strlen(MAPS)), 0);
    struct pando_call_tree *tree = pando_call_tree_new(1 << 20);
    static const uint64_t addresses[] = {0x1001, 0x3001, 0x3002, 0x3003, 0x1001, 0x1002, 0x9000};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct pando_symbols_place place;
        pando_symbols_locate(symbols, addresses[i], &place);
        const struct pando_call_frame frame = {.offset = place.offset, .object = place.object};
        assert_int_equal(pando_call_tree_add(tree, &frame, 1, 1), 0);
    }
    uint64_t unnamed;
    struct pando_profile *profile = snapshot(tree, symbols, NAMES_BYTES, &unnamed);
    assert_int_equal(unnamed, 4); /* [alpha+0x1], [alpha+0x2], [anon], [unknown+0x9000] */
    assert_int_equal(profile->node_count, 5);
    pando_profile_free(profile);
    pando_call_tree_free(tree);
    pando_symbols_free(symbols);
}

static void test_nodes_without_weight_are_left_out(void **state)
{
    (void)state;
    struct pando_symbols *symbols = own_symbols();
    struct pando_call_tree *tree = pando_call_tree_new(1 << 20);
    struct pando_call_frame frames[40];
    for (uint32_t i = 0; i < 40; i++)
        frames[i] = (struct pando_call_frame){.offset = i};
    assert_int_equal(pando_call_tree_add(tree, frames, 3, 1), 0);
    assert_int_equal(pando_call_tree_add(tree, frames, 40, 0), 0);
    assert_int_equal(pando_call_tree_add(tree, frames + 5, 10, 0), 0);
    uint64_t unnamed;
    struct pando_profile *profile = snapshot(tree, symbols, NAMES_BYTES, &unnamed);
    assert_int_equal(profile->node_count, 4);
    assert_int_equal(unnamed, 3);
    assert_string_equal(name_of(profile, 3), "[unknown+0x2]");
    pando_profile_free(profile);
    pando_call_tree_free(tree);
    pando_symbols_free(symbols);
}

/* The fullest trees that a limit allows, of the shapes that cost a profile most, and names until there is no more room. */
static void test_any_tree_fits(void **state)
{
    (void)state;
    enum { DEPTH = 8 };
    struct pando_symbols *symbols = own_symbols();
    for (int shape = 0; shape < 3; shape++) {
        for (size_t tree_limit = 20000; tree_limit < 12 << 20; tree_limit = tree_limit * 3 + 1) {
            for (size_t names_limit = 1000; names_limit <= 10000000; names_limit *= 100) {
                struct pando_call_tree *tree = pando_call_tree_new(tree_limit);
                int error = 0;
                for (uint64_t i = 0; error == 0; i++) {
                    struct pando_call_frame path[DEPTH];
                    for (uint32_t k = 0; k < DEPTH; k++) /* all frames new; few frames; one frame */
                        path[k].offset = shape == 0 ? i * DEPTH + k : shape == 1 ? i >> 6 * k & 63 : 0,
                        path[k].object = shape == 2 ? 1 + (uint32_t)i : 0;
                    error = pando_call_tree_add(tree, path, DEPTH, 1);
                }
                assert_int_equal(error, PANDO_ERR_LIMIT);
                uint64_t unnamed;
                pando_profile_free(snapshot(tree, symbols, names_limit, &unnamed));
                pando_call_tree_free(tree);
            }
        }
    }
    pando_symbols_free(symbols);
}

static void test_names_that_are_too_many(void **state)
{
    (void)state;
    struct pando_symbols *symbols = own_symbols();
    struct pando_call_tree *tree = pando_call_tree_new(1 << 20);
    for (uint64_t i = 0; i < 1000; i++) {
        const struct pando_call_frame path[] = {{.offset = i}, {.offset = i + 1}};
        assert_int_equal(pando_call_tree_add(tree, path, 2, 1), 0);
    }
    uint64_t unnamed;
    struct pando_profile *profile = snapshot(tree, symbols, 30000, &unnamed);
    uint64_t left_out = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        left_out += strcmp(name_of(profile, i), PANDO_SNAPSHOT_NAMES_LEFT_OUT) == 0 ? profile->nodes[i].self : 0;
    assert_true(unnamed > 100 && unnamed < 900);
    assert_true(left_out > 100 && left_out < 900);
    pando_profile_free(profile);
    pando_call_tree_free(tree);
    pando_symbols_free(symbols);
}

static void test_every_allocation_fails(void **state)
{
    (void)state;
    struct pando_symbols *symbols = own_symbols();
    struct pando_call_tree *tree = pando_call_tree_new(1 << 20);
    for (uint64_t i = 0; i < 300; i++) {
        const struct pando_call_frame path[] = {at(symbols, (const void *)snapshot_test_one, i % 8), {.offset = i}};
        assert_int_equal(pando_call_tree_add(tree, path, 2, 1), 0);
    }
    int names_lost = 0, tries = 0;
    for (int goes_on = 0; goes_on <= 1; goes_on++) {
        long refused = 1;
        for (long nth = 1; refused > 0; nth++) {
            long live = failing_live();
            struct pando_symbols *fresh = own_symbols();
            struct pando_profile_builder *builder = pando_profile_builder_new(1 << 24);
            uint64_t unnamed = 77;
            failing_start(nth, goes_on == 1);
            int error = pando_snapshot_fill(builder, tree, fresh, NULL, NAMES_BYTES, &unnamed);
            refused = failing_stop();
            assert_true(error == 0 || (error == PANDO_ERR_NO_MEMORY && unnamed == 77));
            struct pando_profile *profile = pando_profile_builder_finish(builder);
            assert_true(error != 0 || profile->node_count > 300);
            pando_profile_free(profile);
            /* With memory again all has its name again, but where libelf was refused some: it then says "no symbols". */
            builder = pando_profile_builder_new(1 << 24);
            assert_int_equal(pando_snapshot_fill(builder, tree, fresh, NULL, NAMES_BYTES, &unnamed), 0);
            names_lost += unnamed != 300 ? 1 : 0;
            tries++;
            pando_profile_builder_free(builder);
            pando_symbols_free(fresh);
            assert_int_equal(failing_live(), live);
        }
    }
    assert_true(tries > 50 && names_lost < tries / 2);
    pando_call_tree_free(tree);
    pando_symbols_free(symbols);
}

/* Lines, with each allocation refused once, and from then on: libdw must not end the process. What it holds when it is left in the
 * middle is its own loss; afterwards the lines are there. */
static void test_lines_when_allocations_fail(void **state)
{
    (void)state;
    bool has_lines = false;
    for (int goes_on = 0; goes_on <= 1; goes_on++) {
        long refused = 1;
        for (long nth = 1; refused > 0 && nth < 3000; nth += nth < 200 ? 1 : 17) {
            struct pando_symbols *symbols = own_symbols();
            assert_int_equal(pando_symbols_want_lines(symbols, 256 << 20, false), 0);
            struct pando_symbols_place place;
            struct pando_symbols_name name;
            assert_int_equal(pando_symbols_locate(symbols, (uintptr_t)snapshot_test_one + 1, &place), 0);
            LEAKS_ALLOWED(true); /* libdw's own, see above */
            failing_on_refusal = pando_symbols_no_memory;
            failing_start(nth, goes_on == 1);
            int error = pando_symbols_find_lines(symbols, &place, SIZE_MAX);
            refused = failing_stop();
            failing_on_refusal = NULL;
            LEAKS_ALLOWED(false);
            assert_true(error == 0 || error == PANDO_ERR_NO_MEMORY || error == PANDO_ERR_LIMIT);
            assert_int_equal(pando_symbols_name(symbols, &place, &name), 0);
            assert_true(name.frame_count == 0 || strcmp(name.function, "snapshot_test_one") == 0);
            has_lines = has_lines || (name.frame_count != 0 && name.frames[0].line != 0);
            pando_symbols_free(symbols);
        }
    }
    assert_true(has_lines);
}

enum { LINE_ADDRESSES = 16, LINE_DEPTH = 12, LINE_SAMPLES = 400 };

/* The sums of all lines, worked out sample by sample: a line that a stack has several times counts once. */
struct line_sums {
    uint64_t self, total, wall_self, wall_total;
};

static void add_sample(struct line_sums sums[2][1000], const uint32_t *functions, const uint32_t *lines, uint32_t depth, bool is_wall)
{
    for (uint32_t i = 0; i < depth; i++) {
        bool is_first = true;
        for (uint32_t k = 0; k < i; k++)
            is_first = is_first && !(functions[k] == functions[i] && lines[k] == lines[i]);
        struct line_sums *sum = &sums[functions[i]][lines[i]];
        *(is_wall ? &sum->wall_total : &sum->total) += is_first;
        *(is_wall ? &sum->wall_self : &sum->self) += i + 1 == depth;
    }
}

/* Weights of lines of stacks with any recursion, of CPU time and of waiting. */
static void test_lines_have_their_weight(void **state)
{
    (void)state;
    static struct line_sums sums[2][1000];
    struct pando_symbols *symbols = own_symbols();
    struct pando_call_tree *tree = pando_call_tree_new(1 << 20);
    struct pando_call_frame frames[LINE_ADDRESSES];
    uint32_t functions[LINE_ADDRESSES], lines[LINE_ADDRESSES];
    assert_int_equal(pando_symbols_want_lines(symbols, 256 << 20, false), 0);
    for (uint32_t i = 0; i < LINE_ADDRESSES; i++) {
        struct pando_symbols_name name;
        frames[i] = at(symbols, i % 2 == 0 ? (const void *)snapshot_test_one : (const void *)snapshot_test_two, i / 2);
        const struct pando_symbols_place place = {.offset = frames[i].offset, .object = frames[i].object};
        assert_int_equal(pando_symbols_find_lines(symbols, &place, SIZE_MAX), 0);
        assert_int_equal(pando_symbols_name(symbols, &place, &name), 0);
        assert_int_equal(name.frame_count, 1);
        functions[i] = i % 2;
        lines[i] = name.frames[0].line;
        assert_true(lines[i] > 0 && lines[i] < 1000);
    }
    srand(7);
    for (int sample = 0; sample < LINE_SAMPLES; sample++) {
        struct pando_call_frame path[LINE_DEPTH + 1];
        uint32_t of[LINE_DEPTH], on[LINE_DEPTH], depth = 1 + (uint32_t)rand() % LINE_DEPTH;
        for (uint32_t i = 0; i < depth; i++) {
            uint32_t which = (uint32_t)rand() % LINE_ADDRESSES;
            path[i] = frames[which];
            of[i] = functions[which];
            on[i] = lines[which];
        }
        bool is_wall = sample % 3 == 0;
        path[depth] = (struct pando_call_frame){.object = PANDO_CALL_OBJECT_OWN, .offset = PANDO_CALL_STATES + 1};
        assert_int_equal(pando_call_tree_add(tree, path, depth + is_wall, 1), 0);
        add_sample(sums, of, on, depth, is_wall);
    }
    uint64_t unnamed;
    struct pando_profile *profile = snapshot(tree, symbols, NAMES_BYTES, &unnamed);
    assert_true(profile->line_count >= 2);
    uint64_t self = 0, wall_self = 0;
    for (uint32_t i = 0; i < profile->line_count; i++) {
        const struct pando_profile_line *line = &profile->lines[i];
        bool is_two = strcmp(profile->strings[profile->frames[line->frame].name], "snapshot_test_two") == 0;
        const struct line_sums *expected = &sums[is_two][line->line];
        assert_int_equal(line->self, expected->self);
        assert_int_equal(line->total, expected->total);
        assert_int_equal(line->wall_self, expected->wall_self);
        assert_int_equal(line->wall_total, expected->wall_total);
        self += line->self;
        wall_self += line->wall_self;
    }
    assert_int_equal(self + wall_self, LINE_SAMPLES);
    pando_profile_free(profile);
    long refused = 1;
    for (long nth = 1; refused > 0; nth++) {
        struct pando_profile_builder *builder = pando_profile_builder_new(1 << 24);
        failing_start(nth, false);
        int error = pando_snapshot_fill(builder, tree, symbols, NULL, NAMES_BYTES, &unnamed);
        refused = failing_stop();
        assert_true(error == 0 || error == PANDO_ERR_NO_MEMORY);
        pando_profile_builder_free(builder);
    }
    pando_call_tree_free(tree);
    pando_symbols_free(symbols);
}

static void expect_place(struct pando_symbols *symbols, struct pando_symbols_place place, const char *shown)
{
    struct pando_symbols_name name;
    char text[200];
    int error = pando_symbols_name(symbols, &place, &name);
    assert_true(error == (name.object != NULL ? 0 : PANDO_ERR_NOT_FOUND));
    pando_symbols_render(&name, place.offset, text, sizeof text);
    assert_string_equal(text, shown);
}

static void map(struct pando_symbols *symbols, const char *text)
{
    assert_int_equal(pando_symbols_update_maps(symbols, text, strlen(text)), 0);
}

static void test_places_outlive_their_objects(void **state)
{
    (void)state;
    static const char ALPHA[] = "1000-2000 r-xp 00000000 08:01 11 /nowhere/alpha\n";
    static const char BETA[] = "1000-2000 r-xp 00003000 08:01 12 /nowhere/beta\n";
    struct pando_symbols *symbols = pando_symbols_new(SYMBOLS_BYTES);
    struct pando_symbols_place alpha, beta, nothing, anonymous;
    map(symbols, ALPHA);
    assert_int_equal(pando_symbols_locate(symbols, 0x1234, &alpha), 0);
    assert_int_equal(pando_symbols_locate(symbols, 0x2000, &nothing), PANDO_ERR_NOT_FOUND);
    map(symbols, BETA);
    assert_int_equal(pando_symbols_locate(symbols, 0x1234, &beta), 0);
    assert_int_not_equal(alpha.object, beta.object);
    map(symbols, "1000-2000 rwxp 00000000 00:00 0\n");
    assert_int_equal(pando_symbols_locate(symbols, 0x1234, &anonymous), 0);
    map(symbols, "5000-6000 r-xp 00000000 08:01 13 /nowhere/gamma\n");
    expect_place(symbols, alpha, "[alpha+0x234]");
    expect_place(symbols, beta, "[beta+0x3234]");
    expect_place(symbols, anonymous, "[anon]");
    expect_place(symbols, nothing, "[unknown+0x2000]");
    assert_int_equal(anonymous.offset, 0x1234);
    /* Until the second end of a period; where it is located again, the object stays. */
    pando_symbols_end_period(symbols);
    map(symbols, BETA);
    assert_int_equal(pando_symbols_locate(symbols, 0x1236, &beta), 0);
    map(symbols, ALPHA);
    struct pando_symbols_place again;
    expect_place(symbols, alpha, "[alpha+0x234]");
    pando_symbols_end_period(symbols);
    expect_place(symbols, beta, "[beta+0x3236]");
    assert_int_equal(pando_symbols_locate(symbols, 0x1234, &again), 0);
    assert_int_equal(again.object, alpha.object); /* mapped: the same one, though no place of it was asked for */
    map(symbols, "");
    pando_symbols_end_period(symbols);
    pando_symbols_end_period(symbols);
    expect_place(symbols, beta, "[unknown+0x3236]"); /* forgotten, and its number is not given again */
    map(symbols, BETA);
    assert_int_equal(pando_symbols_locate(symbols, 0x1236, &again), 0);
    assert_true(again.object > beta.object);
    pando_symbols_free(symbols);
}

/* Where the map's device and inode are not those of stat (overlay file systems), the file is compared while it is mapped. */
static void test_places_of_a_file_known_by_its_bytes(void **state)
{
    (void)state;
    struct pando_symbols *symbols = pando_symbols_new(SYMBOLS_BYTES);
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4200], text[4200] = "", path[4096];
    unsigned long start, end, offset;
    while (fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %4095s", &start, &end, &offset, path) == 4 &&
            (uintptr_t)snapshot_test_one >= start && (uintptr_t)snapshot_test_one < end)
            sprintf(text, "%lx-%lx r-xp %lx ff:ff 1 %s\n", start, end, offset, path);
    fclose(maps);
    map(symbols, text);
    struct pando_symbols_place place;
    assert_int_equal(pando_symbols_locate(symbols, (uintptr_t)snapshot_test_one, &place), 0);
    map(symbols, "");
    expect_place(symbols, place, "snapshot_test_one");
    pando_symbols_free(symbols);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_become_functions),
        cmocka_unit_test(test_unnamed_frames_are_counted_once),
        cmocka_unit_test(test_nodes_without_weight_are_left_out),
        cmocka_unit_test(test_any_tree_fits),
        cmocka_unit_test(test_names_that_are_too_many),
        cmocka_unit_test(test_lines_when_allocations_fail),
        cmocka_unit_test(test_lines_have_their_weight),
        cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_places_outlive_their_objects),
        cmocka_unit_test(test_places_of_a_file_known_by_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
