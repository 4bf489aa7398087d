// link: pando_profile pando_base
/* One function, met with and without its source file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "profile/slices.h"
#include "profile/twins.h"

static uint32_t text(struct pando_profile_builder *builder, const char *from)
{
    return (uint32_t)pando_profile_builder_string(builder, from, strlen(from));
}

static uint32_t spend(struct pando_profile_builder *builder, uint32_t parent, const char *name, const char *file, uint32_t line,
                      uint64_t weight)
{
    struct pando_profile_frame frame = {text(builder, name), text(builder, "app"), text(builder, file), line, line};
    uint32_t number = (uint32_t)pando_profile_builder_frame(builder, frame);
    uint32_t node = (uint32_t)pando_profile_builder_child(builder, parent, number);
    assert_int_equal(pando_profile_builder_add_self(builder, node, weight), 0);
    return node;
}

static void the_bare_one_is_shown_as_the_other(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    pando_profile_builder_meta(builder)->weight_per_second = 1;
    uint32_t bare = spend(builder, 0, "work", "", 0, 1), whole = spend(builder, 0, "work", "/a.c", 7, 2);
    spend(builder, bare, "leaf", "", 0, 4);
    spend(builder, whole, "leaf", "", 0, 8);
    spend(builder, 0, "init", "", 0, 16);      /* in two files: which one this is, nobody knows */
    spend(builder, 0, "init", "/a.c", 1, 32);
    spend(builder, 0, "init", "/b.c", 2, 64);
    struct pando_profile *profile = pando_profile_builder_finish(builder), *seen;
    assert_true(pando_profile_has_twins(profile));
    assert_int_equal(pando_profile_select(profile, NULL, &seen), 0);
    assert_ptr_not_equal(seen, profile);
    uint64_t work = 0, leaf = 0, total = 0;
    unsigned works = 0, leaves = 0, inits = 0;
    for (uint32_t i = 1; i < seen->node_count; i++) {
        const struct pando_profile_frame *frame = &seen->frames[seen->nodes[i].frame];
        const char *name = seen->strings[frame->name];
        total += seen->nodes[i].self;
        if (strcmp(name, "work") == 0) {
            works++;
            work = seen->nodes[i].self;
            assert_string_equal(seen->strings[frame->file], "/a.c");
            assert_int_equal(frame->line_min, 7);
        } else if (strcmp(name, "leaf") == 0) {
            leaves++;
            leaf = seen->nodes[i].self;
        } else {
            inits++;
        }
    }
    assert_int_equal(works, 1);
    assert_int_equal(work, 3);
    assert_int_equal(leaves, 1);
    assert_int_equal(leaf, 12);
    assert_int_equal(inits, 3);
    assert_int_equal(total, 127);
    assert_false(pando_profile_has_twins(seen));
    pando_profile_free(seen);
    pando_profile_free(profile);
}

static void without_twins_nothing_is_copied(void **state)
{
    (void)state;
    struct pando_profile_builder *builder = pando_profile_builder_new(1 << 20);
    pando_profile_builder_meta(builder)->weight_per_second = 1;
    spend(builder, 0, "work", "/a.c", 7, 2);
    spend(builder, 0, "leaf", "", 0, 4);
    struct pando_profile *profile = pando_profile_builder_finish(builder), *seen;
    assert_false(pando_profile_has_twins(profile));
    assert_int_equal(pando_profile_select(profile, NULL, &seen), 0);
    assert_ptr_equal(seen, profile);
    pando_profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bare_one_is_shown_as_the_other),
        cmocka_unit_test(without_twins_nothing_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
