// link: pando_exchange pando_base
/* Sets of labels: one number each, whoever makes them, however many at once, and never more of them than there is room for. */
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

#include <cmocka.h>

#include "exchange/labels.h"

static struct pando_label_sets *fresh(void **state)
{
    free(*state);
    *state = calloc(1, sizeof(struct pando_label_sets));
    assert_non_null(*state);
    return *state;
}

static int release(void **state)
{
    free(*state);
    return 0;
}

static struct pando_label_set with(struct pando_label_set set, const char *key, const char *value)
{
    pando_label_set_put(&set, key, strlen(key), value, strlen(value));
    return set;
}

static const struct pando_label_set none;

static void order_and_history_do_not_matter(void **state)
{
    struct pando_label_sets *sets = fresh(state);
    struct pando_label_set one = with(with(none, "b", "2"), "a", "1"), other = with(with(with(none, "a", "x"), "b", "2"), "a", "1");
    uint32_t number = pando_label_sets_intern(sets, &one);
    assert_int_equal(number, 1);
    assert_int_equal(pando_label_sets_intern(sets, &other), number);
    struct pando_label_set more = with(one, "c", "3");
    assert_int_equal(pando_label_sets_intern(sets, &more), 2);
    pando_label_set_take(&more, "c", 1);
    pando_label_set_take(&more, "nobody", 6);
    assert_int_equal(pando_label_sets_intern(sets, &more), number);
    assert_int_equal(pando_label_sets_intern(sets, &none), PANDO_LABEL_SET_NONE);
    const struct pando_label_set *got = pando_label_sets_get(sets, number);
    assert_int_equal(got->count, 2);
    assert_memory_equal(got->labels[0].key, "a", 2);
    assert_null(pando_label_sets_get(sets, PANDO_LABEL_SET_NONE));
    assert_null(pando_label_sets_get(sets, PANDO_LABEL_SET_LEFT_OUT));
}

static void a_set_has_room_for_eight(void **state)
{
    (void)state;
    struct pando_label_set set = none;
    char key[4];
    for (int i = 0; i < PANDO_LABELS_IN_SET; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_true(pando_label_set_put(&set, key, 2, "", 0));
    }
    assert_false(pando_label_set_put(&set, "k9", 2, "v", 1));
    assert_true(pando_label_set_put(&set, "k7", 2, "v", 1));
    assert_int_equal(set.count, PANDO_LABELS_IN_SET);
}

static void values_are_cut_on_a_character(void **state)
{
    (void)state;
    char value[PANDO_LABEL_VALUE_BYTES + 8];
    memset(value, 'x', sizeof value);
    memcpy(value + PANDO_LABEL_VALUE_BYTES - 1, "\xe2\x82\xac", 3); /* a euro sign over the edge */
    struct pando_label_set set = none;
    assert_true(pando_label_set_put(&set, "k", 1, value, sizeof value));
    assert_int_equal(set.labels[0].value_bytes, PANDO_LABEL_VALUE_BYTES - 1);
    memset(value, 'x', sizeof value);
    assert_true(pando_label_set_put(&set, "k", 1, value, sizeof value));
    assert_int_equal(set.labels[0].value_bytes, PANDO_LABEL_VALUE_BYTES);
    memset(value, '\x80', sizeof value); /* no UTF-8 at all */
    assert_true(pando_label_set_put(&set, "k", 1, value, sizeof value));
    assert_in_range(set.labels[0].value_bytes, PANDO_LABEL_VALUE_BYTES - 4, PANDO_LABEL_VALUE_BYTES);
}

static void keys_stand_for_themselves(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "a b", "a:b", "a=b", "a,b", "a;b", "\xc3\xbc", "a\n", "0123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(pando_label_is_key(wrong[i], strlen(wrong[i])));
    assert_true(pando_label_is_key("a.B-9_/z", 8));
    assert_false(pando_label_is_key("a\0b", 3));
}

static void when_full_known_sets_are_still_found(void **state)
{
    struct pando_label_sets *sets = fresh(state);
    char value[16];
    for (int i = 0; i < PANDO_LABEL_SETS_MAX + 100; i++) {
        snprintf(value, sizeof value, "%d", i);
        struct pando_label_set set = with(none, "id", value);
        assert_int_equal(pando_label_sets_intern(sets, &set), i < PANDO_LABEL_SETS_MAX ? i + 1 : PANDO_LABEL_SET_LEFT_OUT);
    }
    struct pando_label_set set = with(none, "id", "1000");
    assert_int_equal(pando_label_sets_intern(sets, &set), 1001);
    assert_true(atomic_load(&sets->used) <= PANDO_LABEL_SETS_MAX);
}

enum { MAKERS = 4, VALUES = 200 };

struct maker {
    struct pando_label_sets *sets;
    uint32_t numbers[VALUES];
    unsigned seed;
};

static struct maker *interrupted;

/* In the middle of whatever the maker does. */
static void make_in_handler(int signal)
{
    (void)signal;
    struct pando_label_set set = with(none, "from", "handler");
    uint32_t number = pando_label_sets_intern(interrupted->sets, &set);
    if (number == PANDO_LABEL_SET_LEFT_OUT || memcmp(pando_label_sets_get(interrupted->sets, number), &set, sizeof set) != 0)
        abort();
}

static void *make(void *context)
{
    struct maker *maker = context;
    for (int i = 0; i < VALUES; i++) {
        char value[16];
        int which = (int)((unsigned)i * 7 + maker->seed) % VALUES; /* the same sets, in an order of its own */
        snprintf(value, sizeof value, "%d", which);
        struct pando_label_set set = with(with(none, "a", "1"), "id", value);
        maker->numbers[which] = pando_label_sets_intern(maker->sets, &set);
        if (memcmp(pando_label_sets_get(maker->sets, maker->numbers[which]), &set, sizeof set) != 0)
            abort();
        if (i % 50 == 0)
            pthread_kill(pthread_self(), SIGUSR1);
    }
    return NULL;
}

static void makers_at_once_agree(void **state)
{
    signal(SIGUSR1, make_in_handler);
    for (int round = 0; round < 20; round++) {
        static struct maker makers[MAKERS];
        pthread_t threads[MAKERS];
        struct pando_label_sets *sets = fresh(state);
        interrupted = &makers[0];
        for (unsigned i = 0; i < MAKERS; i++)
            makers[i] = (struct maker){.sets = sets, .seed = i * 13};
        for (unsigned i = 0; i < MAKERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, make, &makers[i]), 0);
        for (unsigned i = 0; i < MAKERS; i++)
            pthread_join(threads[i], NULL);
        for (unsigned i = 1; i < MAKERS; i++)
            assert_memory_equal(makers[i].numbers, makers[0].numbers, sizeof makers[0].numbers);
    }
    signal(SIGUSR1, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(order_and_history_do_not_matter, release),
        cmocka_unit_test(a_set_has_room_for_eight),
        cmocka_unit_test(values_are_cut_on_a_character),
        cmocka_unit_test(keys_stand_for_themselves),
        cmocka_unit_test_teardown(when_full_known_sets_are_still_found, release),
        cmocka_unit_test_teardown(makers_at_once_agree, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
