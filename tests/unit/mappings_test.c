// link: pando_symbols pando_base
/* What is mapped where, now and before: symbols/mappings.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "symbols/mappings.h"

static int update(struct pando_mappings *mappings, const char *text)
{
    return pando_mappings_update(mappings, text, strlen(text));
}

static void expect_at(const struct pando_mappings *mappings, uint64_t address, const char *name, uint64_t file_offset)
{
    const struct pando_mapping *mapping = pando_mappings_find(mappings, address);
    assert_non_null(mapping);
    assert_string_equal(mapping->object->name, name);
    assert_int_equal(address - mapping->start + mapping->file_offset, file_offset);
}

static const char TWO[] =
    "1000-2000 r--p 00000000 08:01 11 /usr/bin/prog\n"
    "2000-4000 r-xp 00001000 08:01 11 /usr/bin/prog\n"
    "8000-9000 rw-p 00000000 00:00 0 \n"
    "a000-b000 r-xp 00000000 08:01 12                         /usr/lib/lib one.so.1\n"
    "7ffd000-7ffe000 r-xp 00000000 00:00 0                    [vdso]\n";

static void test_only_code_is_found(void **state)
{
    (void)state;
    struct pando_mappings mappings = {0};
    assert_int_equal(update(&mappings, TWO), 0);
    assert_int_equal(mappings.count, 3);
    assert_int_equal(mappings.object_count, 3);
    expect_at(&mappings, 0x2000, "prog", 0x1000);
    expect_at(&mappings, 0x3fff, "prog", 0x2fff);
    expect_at(&mappings, 0xa010, "lib one.so.1", 0x10);
    expect_at(&mappings, 0x7ffd123, "[vdso]", 0x123);
    assert_int_equal(pando_mappings_find(&mappings, 0x7ffd123)->object->kind, PANDO_OBJECT_VDSO);
    assert_null(pando_mappings_find(&mappings, 0x1fff));
    assert_null(pando_mappings_find(&mappings, 0x4000));
    assert_null(pando_mappings_find(&mappings, 0));
    assert_null(pando_mappings_find(&mappings, UINT64_MAX));
    pando_mappings_release(&mappings);
}

static void test_deleted_escaped_and_anonymous(void **state)
{
    (void)state;
    struct pando_mappings mappings = {0};
    assert_int_equal(update(&mappings, "1000-2000 r-xp 00000000 08:01 11 /usr/bin/prog (deleted)\n"
                                       "3000-4000 rwxp 00000000 00:00 0\n"
                                       "5000-6000 r-xp 00000000 00:01 5 /memfd:jit (deleted)\n"
                                       "7000-8000 r-xp 00000000 08:01 6 /tmp/a\\012b\n"
                                       "9000-a000 r-xp 00000000 00:00 0 [anon:code]"), 0);
    assert_true(pando_mappings_find(&mappings, 0x1000)->object->deleted);
    expect_at(&mappings, 0x1000, "prog", 0);
    assert_int_equal(pando_mappings_find(&mappings, 0x3000)->object->kind, PANDO_OBJECT_ANONYMOUS);
    expect_at(&mappings, 0x3000, "[anon]", 0);
    expect_at(&mappings, 0x5000, "memfd:jit", 0);
    expect_at(&mappings, 0x7000, "a\nb", 0);
    expect_at(&mappings, 0x9000, "[anon:code]", 0);
    pando_mappings_release(&mappings);
}

static void test_gone_mappings_stay_until_another_comes(void **state)
{
    (void)state;
    struct pando_mappings mappings = {0};
    assert_int_equal(update(&mappings, "10000-18000 r-xp 00002000 08:01 11 /lib/old.so\n"
                                       "20000-21000 r-xp 00000000 00:00 0\n"), 0);
    struct pando_object *old = pando_mappings_find(&mappings, 0x10000)->object;
    assert_int_equal(update(&mappings, ""), 0);
    expect_at(&mappings, 0x17fff, "old.so", 0x9fff);
    assert_int_equal(pando_mappings_find(&mappings, 0x10000)->gone_since, 2);
    assert_null(pando_mappings_find(&mappings, 0x20000)); /* code made at run time has no name to keep */

    /* A new one in its middle: what is around it stays, with the right offsets. */
    assert_int_equal(update(&mappings, "13000-15000 r-xp 00000000 08:01 12 /lib/new.so\n"), 0);
    expect_at(&mappings, 0x12fff, "old.so", 0x4fff);
    expect_at(&mappings, 0x13000, "new.so", 0);
    expect_at(&mappings, 0x14fff, "new.so", 0x1fff);
    expect_at(&mappings, 0x15000, "old.so", 0x7000);
    assert_ptr_equal(pando_mappings_find(&mappings, 0x15000)->object, old);

    /* It comes back: the same object, not gone any more, and then something covers it wholly. */
    assert_int_equal(update(&mappings, "10000-18000 r-xp 00002000 08:01 11 /lib/old.so\n"), 0);
    assert_ptr_equal(pando_mappings_find(&mappings, 0x13000)->object, old);
    assert_int_equal(pando_mappings_find(&mappings, 0x13000)->gone_since, 0);
    assert_int_equal(mappings.object_count, 1);
    assert_int_equal(update(&mappings, "f000-19000 r-xp 00000000 08:01 13 /lib/third.so\n"), 0);
    assert_int_equal(mappings.count, 1);
    assert_int_equal(mappings.object_count, 1);
    pando_mappings_release(&mappings);
}

static void test_a_replaced_file_is_another_object(void **state)
{
    (void)state;
    struct pando_mappings mappings = {0};
    assert_int_equal(update(&mappings, "1000-2000 r-xp 00000000 08:01 11 /lib/a.so\n"), 0);
    assert_int_equal(update(&mappings, "1000-2000 r-xp 00000000 08:01 11 /lib/a.so (deleted)\n"
                                       "5000-6000 r-xp 00000000 08:01 77 /lib/a.so\n"), 0);
    assert_int_equal(mappings.object_count, 2);
    assert_true(pando_mappings_find(&mappings, 0x1000)->object->deleted);
    assert_false(pando_mappings_find(&mappings, 0x5000)->object->deleted);
    pando_mappings_release(&mappings);
}

static void test_bad_maps_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "1000-2000",
        "1000-2000 r-xp",
        "2000-1000 r-xp 00000000 08:01 11 /x\n",
        "1000-1000 r-xp 00000000 08:01 11 /x\n",
        "5000-6000 r-xp 00000000 08:01 11 /x\n5000-6000 r-xp 00000000 08:01 11 /x\n",
        "zzz\n",
        "\n",
        "1000-2000 r-xp 00000000 08 11 /x\n",
        "10000000000000000-20000000000000000 r-xp 00000000 08:01 11 /x\n",
        "1000-2000 rrrrrrrrrrrrrrrr-xp 00000000 08:01 11 /x\n",
    };
    struct pando_mappings mappings = {0};
    assert_int_equal(update(&mappings, TWO), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(update(&mappings, bad[i]), PANDO_ERR_SYNTAX);
        assert_int_equal(mappings.count, 3);
        assert_int_equal(mappings.object_count, 3);
        expect_at(&mappings, 0x2000, "prog", 0x1000);
        assert_int_equal(pando_mappings_find(&mappings, 0x2000)->gone_since, 0);
    }
    pando_mappings_release(&mappings);
}

static void test_every_cut_of_a_map_is_harmless(void **state)
{
    (void)state;
    for (size_t len = 0; len <= strlen(TWO); len++) {
        struct pando_mappings mappings = {0};
        char *cut = malloc(len + 1); /* of its own, so that a read behind its end is seen */
        assert_non_null(cut);
        memcpy(cut, TWO, len);
        int error = pando_mappings_update(&mappings, cut, len);
        assert_true(error == 0 || error == PANDO_ERR_SYNTAX);
        free(cut);
        pando_mappings_release(&mappings);
    }
}

static void test_gone_mappings_are_bounded(void **state)
{
    (void)state;
    struct pando_mappings mappings = {0};
    enum { ROUNDS = 3, EACH = 3000 };
    char *text = malloc(EACH * 80);
    assert_non_null(text);
    for (int round = 0; round < ROUNDS; round++) {
        size_t at = 0;
        for (int i = 0; i < EACH; i++)
            at += (size_t)sprintf(text + at, "%x-%x r-xp 00000000 08:01 7 /lib/plugin.so\n",
                                  0x1000000 * (round + 1) + i * 0x1000, 0x1000000 * (round + 1) + i * 0x1000 + 0x800);
        assert_int_equal(pando_mappings_update(&mappings, text, at), 0);
        assert_true(mappings.count <= EACH + PANDO_MAPPINGS_GONE_MAX);
        expect_at(&mappings, (uint64_t)0x1000000 * ((uint64_t)round + 1), "plugin.so", 0);
    }
    free(text);
    pando_mappings_release(&mappings);
}

static void test_objects_are_bounded(void **state)
{
    (void)state;
    struct pando_mappings mappings = {0};
    enum { MANY = PANDO_MAPPINGS_OBJECTS_MAX + 10 };
    char *text = malloc((size_t)MANY * 80);
    assert_non_null(text);
    size_t at = 0;
    for (int i = 0; i < MANY; i++)
        at += (size_t)sprintf(text + at, "%x-%x r-xp 00000000 08:01 %d /lib/%d.so\n", 0x1000 * (i + 1), 0x1000 * (i + 2), i + 1, i);
    assert_int_equal(pando_mappings_update(&mappings, text, at), PANDO_ERR_LIMIT);
    assert_int_equal(mappings.object_count, PANDO_MAPPINGS_OBJECTS_MAX);
    expect_at(&mappings, 0x1000, "0.so", 0);
    assert_null(pando_mappings_find(&mappings, (uint64_t)0x1000 * MANY));
    free(text);
    pando_mappings_release(&mappings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_code_is_found),
        cmocka_unit_test(test_deleted_escaped_and_anonymous),
        cmocka_unit_test(test_gone_mappings_stay_until_another_comes),
        cmocka_unit_test(test_a_replaced_file_is_another_object),
        cmocka_unit_test(test_bad_maps_change_nothing),
        cmocka_unit_test(test_every_cut_of_a_map_is_harmless),
        cmocka_unit_test(test_gone_mappings_are_bounded),
        cmocka_unit_test(test_objects_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
