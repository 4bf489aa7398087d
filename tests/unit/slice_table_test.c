// link: pando_collector pando_exchange pando_profile pando_base
/* Whose a sample is: names of threads, living and dead, labels, spans, and what happens when there are too many of any. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/slice_table.h"

enum { NOBODYS_TID = 0x3fffff };

static struct pando_label_sets sets;
static struct pando_counters counters;
static struct pando_slice_table table;

static int begin(void **state)
{
    (void)state;
    memset(&sets, 0, sizeof sets);
    memset(&counters, 0, sizeof counters);
    memset(&table, 0, sizeof table);
    struct pando_label_set common = {0};
    pando_label_set_put(&common, "env", 3, "prod", 4);
    pando_slice_table_init(&table, false, &sets, &common, &counters);
    return 0;
}

static uint16_t make_set(const char *key, const char *value)
{
    struct pando_label_set set = {0};
    pando_label_set_put(&set, key, strlen(key), value, strlen(value));
    return (uint16_t)pando_label_sets_intern(&sets, &set);
}

static uint32_t find(uint32_t tid, uint16_t set, const uint64_t *trace)
{
    return pando_slice_table_find(&table, &(struct pando_sample_owner){.tid = tid, .label_set = set, .trace = trace});
}

static void check(uint32_t number, const char *expected)
{
    struct pando_slice slice;
    char name[PANDO_SLICE_NAME_BYTES];
    pando_slice_table_get(&table, number, &slice);
    pando_slice_render(&slice, name);
    assert_string_equal(name, expected);
}

static uint32_t own_tid(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

static void set_own_name(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

static void *take_number(void *ret_number)
{
    set_own_name("same");
    *(uint32_t *)ret_number = find(own_tid(), 0, NULL);
    return NULL;
}

static void threads_of_one_name_are_one(void **state)
{
    (void)state;
    pthread_t thread;
    uint32_t other;
    set_own_name("same");
    uint32_t own = find(own_tid(), 0, NULL);
    pthread_create(&thread, NULL, take_number, &other);
    pthread_join(thread, NULL);
    assert_int_equal(own, other);
    assert_int_not_equal(find(own_tid(), make_set("class", "gold"), NULL), own);
    check(own, "same;;env=prod");
    check(find(own_tid(), make_set("class", "gold"), NULL), "same;;class=gold;env=prod");
    check(find(own_tid(), make_set("env", "test"), NULL), "same;;env=test"); /* the thread's own is nearer */
    check(find(own_tid(), PANDO_LABEL_SET_LEFT_OUT, NULL), "same;;env=prod;pando.labels=<left out>");
    check(find(own_tid(), 60000, NULL), "same;;env=prod;pando.labels=<left out>"); /* a number that was never given */
    table.by_thread = true;
    char expected[64];
    snprintf(expected, sizeof expected, "same;%u;env=prod", own_tid());
    check(find(own_tid(), 0, NULL), expected);
}

static void names_are_asked_for_again(void **state)
{
    (void)state;
    struct pando_thread_names names = {0};
    uint64_t now = 1000000000, age = PANDO_THREAD_NAMES_AGE_MS * UINT64_C(1000000);
    set_own_name("before");
    assert_string_equal(pando_thread_names_find(&names, own_tid(), now), "before");
    set_own_name("after");
    assert_string_equal(pando_thread_names_find(&names, own_tid(), now + age - 1), "before");
    assert_string_equal(pando_thread_names_find(&names, own_tid(), now + age), "after");
    set_own_name("a;b=\n\xff%");
    assert_string_equal(pando_thread_names_find(&names, own_tid(), now + 2 * age), "a;b=\n\xff%");
    set_own_name("");
    assert_string_equal(pando_thread_names_find(&names, own_tid(), now + 3 * age), "");
    assert_null(pando_thread_names_find(&names, NOBODYS_TID, now));
    pando_thread_names_tell(&names, NOBODYS_TID, "0123456789abcdef", now);
    assert_string_equal(pando_thread_names_find(&names, NOBODYS_TID, now + 9 * age), "0123456789abcde");
    /* Another one of the same place. */
    assert_null(pando_thread_names_find(&names, NOBODYS_TID - PANDO_THREAD_NAMES_MAX, now));
    assert_null(pando_thread_names_find(&names, NOBODYS_TID, now));
}

static void the_dead_are_named_when_they_have_told(void **state)
{
    (void)state;
    uint32_t told = find(NOBODYS_TID, 0, NULL), silent = find(NOBODYS_TID - 1, 0, NULL);
    assert_int_not_equal(told, silent);
    check(told, ";;env=prod");
    pando_slice_table_name(&table, NOBODYS_TID, "short\0\0\0\0\0\0\0\0\0\0");
    check(told, "short;;env=prod");
    check(find(NOBODYS_TID, 0, NULL), "short;;env=prod"); /* what comes later, too */
    assert_int_equal(table.nameless_count, 1);
    pando_slice_table_end_interval(&table);
    assert_int_equal(table.nameless_count, 0);
}

/* Thousands of threads that live for a moment are one slice in the end, and leave the others their room. */
static void many_that_ended_are_one(void **state)
{
    (void)state;
    uint32_t numbers[3000];
    for (uint32_t i = 0; i < 3000; i++) {
        numbers[i] = find(NOBODYS_TID - i, 0, NULL);
        assert_int_not_equal(numbers[i], 0);
        if (i >= 5) /* some are still on their way */
            pando_slice_table_name(&table, NOBODYS_TID - (i - 5), "brief\0\0\0\0\0\0\0\0\0\0");
    }
    assert_int_equal(table.nameless_count, 5);
    for (uint32_t i = 0; i < 2995; i++)
        check(numbers[i], "brief;;env=prod");
    set_own_name("long");
    assert_int_not_equal(find(own_tid(), 0, NULL), 0);
    assert_int_equal(pando_counted(&counters, PANDO_COUNT_SLICES_LEFT_OUT), 0);
    for (uint32_t i = 3000; i < PANDO_SLICE_TABLE_ENDED_MAX + 10; i++)
        find(NOBODYS_TID - i, 0, NULL);
    assert_int_equal(pando_counted(&counters, PANDO_COUNT_SLICES_LEFT_OUT), 10);
    pando_slice_table_end_interval(&table);
    assert_int_not_equal(find(NOBODYS_TID - 4000, 0, NULL), 0);
    assert_int_equal(table.nameless_count, 1);
}

static void one_too_many_is_counted(void **state)
{
    (void)state;
    char value[16];
    set_own_name("many");
    for (int i = 0; i < PANDO_SLICE_TABLE_MAX; i++) {
        snprintf(value, sizeof value, "%d", i);
        assert_int_not_equal(find(own_tid(), make_set("id", value), NULL), 0);
    }
    assert_int_equal(find(own_tid(), 0, NULL), 0);
    assert_int_equal(find(own_tid(), 0, NULL), 0);
    check(0, "<other>;");
    assert_int_not_equal(find(own_tid(), make_set("id", "7"), NULL), 0);
    assert_int_equal(pando_counted(&counters, PANDO_COUNT_SLICES_LEFT_OUT), 2);
    pando_slice_table_end_interval(&table);
    assert_int_not_equal(find(own_tid(), 0, NULL), 0); /* and the next interval has room again */
}

static void spans_are_labels(void **state)
{
    (void)state;
    uint64_t trace[3];
    memcpy(&trace[0], "\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x11\x22\x33\x44\x55\x66\x77", 16);
    memcpy(&trace[2], "\xfe\xdc\xba\x98\x76\x54\x32\x10", 8);
    set_own_name("t");
    check(find(own_tid(), 0, trace), "t;;env=prod;span_id=fedcba9876543210;trace_id=0123456789abcdef0011223344556677");
}

/* Of ten thousand spans an interval has SPANS_MAX at most, and a later one chooses so that it has about as many, of all of them. */
static void few_of_many_spans_are_chosen(void **state)
{
    (void)state;
    struct pando_spans spans;
    pando_spans_init(&spans);
    uint64_t random = 1;
    for (int interval = 0; interval < 5; interval++) {
        uint32_t chosen = 0, chosen_late = 0;
        for (int i = 0; i < 10000; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const uint64_t trace[3] = {random, (uint64_t)i, (uint64_t)i};
            uint32_t before = spans.count;
            pando_spans_find(&spans, trace);
            chosen += spans.count != before;
            chosen_late += spans.count != before && i >= 5000;
        }
        assert_in_range(chosen, 1, PANDO_SPANS_MAX);
        if (interval == 0)
            assert_int_equal(chosen, PANDO_SPANS_MAX);
        else
            assert_true(chosen_late != 0 || spans.count < PANDO_SPANS_MAX / 2);
        pando_spans_end_interval(&spans);
    }
    /* Few again: after an interval all of them. */
    pando_spans_end_interval(&spans);
    for (uint64_t i = 1; i <= PANDO_SPANS_MAX; i++)
        assert_int_equal(pando_spans_find(&spans, (const uint64_t[3]){i, i, i}), i);
}

/* Two processes with as much to choose from choose the same traces. */
static void processes_choose_alike(void **state)
{
    (void)state;
    static struct pando_spans a, b;
    pando_spans_init(&a);
    pando_spans_init(&b);
    a.threshold = b.threshold = UINT64_MAX / 100;
    for (uint64_t i = 0; i < 1000; i++)
        pando_spans_find(&a, (const uint64_t[3]){i * 77, i, 1});
    for (uint64_t i = 1000; i-- > 0;)
        pando_spans_find(&b, (const uint64_t[3]){i * 77, i, 1});
    assert_in_range(a.count, 1, PANDO_SPANS_MAX);
    assert_int_equal(a.count, b.count);
    for (uint32_t i = 0; i < a.count; i++)
        assert_int_not_equal(pando_spans_find(&b, a.spans[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(threads_of_one_name_are_one, begin),
        cmocka_unit_test(names_are_asked_for_again),
        cmocka_unit_test_setup(the_dead_are_named_when_they_have_told, begin),
        cmocka_unit_test_setup(many_that_ended_are_one, begin),
        cmocka_unit_test_setup(one_too_many_is_counted, begin),
        cmocka_unit_test_setup(spans_are_labels, begin),
        cmocka_unit_test(few_of_many_spans_are_chosen),
        cmocka_unit_test(processes_choose_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
