// link: pando_profile pando_base
/* The profile model: numbering, sanitising, limits, merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "profile/profile.h"

static uint32_t text(struct pando_profile_builder *builder, const char *bytes)
{
    int64_t number = pando_profile_builder_string(builder, bytes, strlen(bytes));
    assert_true(number >= 0);
    return (uint32_t)number;
}

static uint32_t child(struct pando_profile_builder *builder, uint32_t parent, const char *object, const char *name)
{
    struct pando_profile_frame frame = {.name = text(builder, name), .object = text(builder, object)};
    int64_t number = pando_profile_builder_child(builder, parent, (uint32_t)pando_profile_builder_frame(builder, frame));
    assert_true(number > 0);
    return (uint32_t)number;
}

static void numbers_are_the_same_for_the_same(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    assert_int_equal(text(builder, ""), 0);
    uint32_t a = text(builder, "a"), b = text(builder, "b");
    assert_int_not_equal(a, b);
    assert_int_equal(text(builder, "a"), a);
    uint32_t x = child(builder, 0, "lib", "x");
    assert_int_equal(child(builder, 0, "lib", "x"), x);
    assert_int_not_equal(child(builder, 0, "other", "x"), x);
    assert_int_not_equal(child(builder, x, "lib", "x"), x);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_string_equal(profile->strings[a], "a");
    assert_int_equal(profile->nodes[0].parent, 0);
    assert_int_equal(profile->node_count, 4);
    for (uint32_t i = 1; i < profile->node_count; i++)
        assert_true(profile->nodes[i].parent < i);
    pando_profile_free(profile);
}

static void strings_become_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t in_bytes;
        const char *out;
    } cases[] = {
        {"caf\xc3\xa9", 5, "caf\xc3\xa9"},
        {"a\xff" "b", 3, "a\xef\xbf\xbd" "b"},
        {"a\0b", 3, "a\xef\xbf\xbd" "b"},
        {"\xc3", 1, "\xef\xbf\xbd"},
        {"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xc0\x80", 2, "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xf4\x90\x80\x80", 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x9f\x8c\xb3", 4, "\xf0\x9f\x8c\xb3"},
    };
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    uint32_t numbers[sizeof cases / sizeof cases[0]];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        numbers[i] = (uint32_t)pando_profile_builder_string(builder, cases[i].in, cases[i].in_bytes);
    char *longest = malloc(5000);
    memset(longest, 'x', 5000);
    memcpy(longest + 4095, "\xc3\xa9", 2); /* would be cut in two */
    uint32_t cut = (uint32_t)pando_profile_builder_string(builder, longest, 5000);
    memset(longest, '\xff', 5000);
    uint32_t cut_broken = (uint32_t)pando_profile_builder_string(builder, longest, 5000);
    free(longest);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(profile->strings[numbers[i]], cases[i].out);
    assert_int_equal(strlen(profile->strings[cut]), 4095);
    assert_int_equal(strlen(profile->strings[cut_broken]), 4095);
    pando_profile_free(profile);
}

static void line_ranges_widen(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    struct pando_profile_frame frame = {.name = text(builder, "f"), .file = text(builder, "f.c")};
    int64_t number = pando_profile_builder_frame(builder, frame);
    frame.line_min = 20;
    assert_int_equal(pando_profile_builder_frame(builder, frame), number);
    frame.line_min = 7;
    frame.line_max = 9;
    assert_int_equal(pando_profile_builder_frame(builder, frame), number);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_int_equal(profile->frames[number].line_min, 7);
    assert_int_equal(profile->frames[number].line_max, 20);
    pando_profile_free(profile);
}

static void unknown_numbers_are_refused(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    assert_int_equal(pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = 99}), PANDO_ERR_INVALID);
    assert_int_equal(pando_profile_builder_child(builder, 1, 0), PANDO_ERR_INVALID);
    assert_int_equal(pando_profile_builder_child(builder, 0, 1), PANDO_ERR_INVALID);
    assert_int_equal(pando_profile_builder_add_self(builder, 1, 1), PANDO_ERR_INVALID);
    pando_profile_builder_meta(builder)->host_name = 99;
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_int_equal(profile->meta.host_name, 0);
    pando_profile_free(profile);
}

static void the_limit_holds_and_loses_nothing(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 1000, 10000, 100000, 1000000};
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        struct pando_profile_builder *builder = pando_profile_builder_new(limits[l]);
        assert_non_null(builder);
        size_t at_start = pando_profile_builder_bytes(builder);
        uint64_t added = 0;
        uint32_t refused = 0;
        for (uint32_t i = 0; i < 50000; i++) {
            char name[32];
            snprintf(name, sizeof name, "function_%u", i);
            int64_t number = pando_profile_builder_string(builder, name, strlen(name));
            if (number >= 0)
                number = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = (uint32_t)number});
            if (number >= 0)
                number = pando_profile_builder_child(builder, i % 7 == 0 ? 0 : (uint32_t)(added / 2), (uint32_t)number);
            if (number < 0) {
                assert_int_equal(number, PANDO_ERR_LIMIT);
                refused++;
                continue;
            }
            assert_int_equal(pando_profile_builder_add_self(builder, (uint32_t)number, 1), 0);
            added++;
        }
        assert_true(refused > 0);
        size_t used = pando_profile_builder_bytes(builder);
        assert_true(used <= (limits[l] > at_start ? limits[l] : at_start));
        if (limits[l] >= 100000)
            assert_true(used >= limits[l] / 2); /* a limit that is hardly used would be a waste */
        struct pando_profile *profile = pando_profile_builder_finish(builder);
        uint64_t total = 0;
        for (uint32_t i = 0; i < profile->node_count; i++)
            total += profile->nodes[i].self;
        assert_int_equal(total, added);
        pando_profile_free(profile);
    }
}

static struct pando_profile *sample_profile(double rate, uint64_t x, uint64_t y, bool swapped)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    if (swapped)
        child(builder, 0, "app", "y");
    uint32_t main_node = child(builder, 0, "app", "main");
    pando_profile_builder_add_self(builder, child(builder, main_node, "app", "x"), x);
    pando_profile_builder_add_self(builder, child(builder, main_node, "app", "y"), y);
    pando_profile_builder_add_counter(builder, "dropped", 3);
    pando_profile_builder_meta(builder)->weight_per_second = rate;
    return pando_profile_builder_finish(builder);
}

static uint64_t self_of(const struct pando_profile *profile, const char *parent, const char *name)
{
    for (uint32_t i = 1; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        if (strcmp(profile->strings[profile->frames[node->frame].name], name) == 0 &&
            strcmp(profile->strings[profile->frames[profile->nodes[node->parent].frame].name], parent) == 0)
            return node->self;
    }
    return UINT64_MAX;
}

static void profiles_of_different_rates_add_up(void **state)
{
    (void)state;
    struct pando_profile *slow = sample_profile(100, 50, 7, false);
    struct pando_profile *fast = sample_profile(1000, 250, 1, true);
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    assert_int_equal(pando_profile_builder_merge(builder, slow, 1e9), 0);
    assert_int_equal(pando_profile_builder_merge(builder, fast, 1e9), 0);
    struct pando_profile *both = pando_profile_builder_finish(builder);
    assert_int_equal(self_of(both, "main", "x"), 750000000);
    assert_int_equal(self_of(both, "main", "y"), 71000000);
    assert_int_equal(self_of(both, "", "y"), 0);
    assert_int_equal(both->counter_count, 1);
    assert_int_equal(both->counters[0].value, 6);
    pando_profile_free(both);
    pando_profile_free(slow);
    pando_profile_free(fast);
}

static void merging_survives_nonsense(void **state)
{
    (void)state;
    struct pando_profile *no_rate = sample_profile(0, 1, 1, false);
    struct pando_profile *huge = sample_profile(1, UINT64_MAX, UINT64_MAX, false);
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    assert_int_equal(pando_profile_builder_merge(builder, no_rate, 1e9), PANDO_ERR_INVALID);
    assert_int_equal(pando_profile_builder_merge(builder, huge, 1e9), 0);
    assert_int_equal(pando_profile_builder_merge(builder, huge, 1e9), 0);
    struct pando_profile *both = pando_profile_builder_finish(builder);
    assert_true(self_of(both, "main", "x") == UINT64_MAX);
    pando_profile_free(both);
    pando_profile_free(no_rate);
    pando_profile_free(huge);
}

static void counters_are_bounded(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "counter%d", i);
        int error = pando_profile_builder_add_counter(builder, name, 1);
        assert_true(error == 0 || error == PANDO_ERR_LIMIT);
        refused += error != 0;
    }
    assert_int_equal(refused, 1000 - 256);
    assert_int_equal(pando_profile_builder_add_counter(builder, "counter0", UINT64_MAX), 0);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    assert_true(profile->counters[0].value == UINT64_MAX);
    pando_profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_same_for_the_same),
        cmocka_unit_test(strings_become_utf8),
        cmocka_unit_test(line_ranges_widen),
        cmocka_unit_test(unknown_numbers_are_refused),
        cmocka_unit_test(the_limit_holds_and_loses_nothing),
        cmocka_unit_test(profiles_of_different_rates_add_up),
        cmocka_unit_test(merging_survives_nonsense),
        cmocka_unit_test(counters_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
