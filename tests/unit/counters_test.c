// link: pando_exchange pando_base
/* Every counter has a name of its own, in one style, and counts no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "exchange/counters.h"

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < PANDO_COUNTERS; i++) {
        const char *name = pando_counter_name((enum pando_counter)i);
        assert_non_null(name);
        assert_true(islower((unsigned char)name[0]));
        for (const char *c = name; *c != '\0'; c++)
            assert_true(isalnum((unsigned char)*c));
        assert_true(strlen(name) <= 32);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, pando_counter_name((enum pando_counter)j));
    }
    assert_null(pando_counter_name(PANDO_COUNTERS));
    assert_null(pando_counter_name((enum pando_counter)(PANDO_COUNTERS + 1)));
    assert_null(pando_counter_name((enum pando_counter)-1));
    /* What others look for by name. */
    assert_string_equal(pando_counter_name(PANDO_COUNT_SIGNALS), "signals");
    assert_string_equal(pando_counter_name(PANDO_COUNT_SAMPLES_KEPT), "samplesKept");
    assert_string_equal(pando_counter_name(PANDO_COUNT_DROPPED_RING_FULL), "samplesDroppedRingFull");
}

static void counts_each_for_itself(void **state)
{
    (void)state;
    static struct pando_counters counters;
    for (int i = 0; i < PANDO_COUNTERS; i++) {
        pando_count(&counters, (enum pando_counter)i);
        pando_count_add(&counters, (enum pando_counter)i, (uint64_t)i << 33);
    }
    for (int i = 0; i < PANDO_COUNTERS; i++)
        assert_int_equal(pando_counted(&counters, (enum pando_counter)i), ((uint64_t)i << 33) + 1);
    assert_int_equal(atomic_load(&counters.threads_now), 0);
    assert_int_equal(atomic_load(&counters.handler_ns), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(counts_each_for_itself)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
