// link: pando_uploader pando_base
/* What of the service's orders is obeyed: reading, limits, the table of failures, and what the user's own settings keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "uploader/orchestration.h"
#include "worker/cycle.c" /* it is no library's */

static const struct pando_uploader_orders told = {.is_paused = false, .period_s = 300, .sampling_interval_ms = 1000,
                                                  .minimum_ms = 60000, .depth_max = 500, .answers = 7};

static void assert_same(const struct pando_uploader_orders *a, const struct pando_uploader_orders *b)
{
    assert_int_equal(a->is_paused, b->is_paused);
    assert_int_equal(a->period_s, b->period_s);
    assert_int_equal(a->sampling_interval_ms, b->sampling_interval_ms);
    assert_int_equal(a->minimum_ms, b->minimum_ms);
    assert_int_equal(a->depth_max, b->depth_max);
    assert_int_equal(a->answers, b->answers);
}

static int read_text(const char *body, struct pando_uploader_orders *orders)
{
    *orders = told;
    return pando_orchestration_read(body, strlen(body), orders);
}

static void the_service_is_understood(void **state)
{
    (void)state;
    struct pando_uploader_orders orders;
    assert_int_equal(read_text("{\"agentParameters\":{\"SamplingIntervalInMilliseconds\":\"100\",\"MaxStackDepth\":\"200\","
                               "\"MinimumTimeForReportingInMilliseconds\":\"30000\",\"MemoryUsageLimitPercent\":\"10\","
                               "\"ReportingIntervalInMilliseconds\":\"1\",\"Unheard\":\"of\"},\"periodInSeconds\":600,"
                               "\"shouldProfile\":false,\"more\":[1]}", &orders), 0);
    assert_true(orders.is_paused);
    assert_int_equal(orders.period_s, 600);
    assert_int_equal(orders.sampling_interval_ms, 100);
    assert_int_equal(orders.minimum_ms, 30000);
    assert_int_equal(orders.depth_max, 200);
    assert_int_equal(read_text("{}", &orders), 0);
    assert_same(&orders, &told);
}

static void strange_values_leave_what_was(void **state)
{
    (void)state;
    static const char *const kept[] = {
        "{\"periodInSeconds\":\"600\"}", "{\"periodInSeconds\":-5}", "{\"periodInSeconds\":0}", "{\"periodInSeconds\":1.5}",
        "{\"shouldProfile\":\"false\"}", "{\"shouldProfile\":0}", "{\"agentParameters\":5}",
        "{\"agentParameters\":{\"MaxStackDepth\":12}}", "{\"agentParameters\":{\"MaxStackDepth\":\"-1\"}}",
        "{\"agentParameters\":{\"MaxStackDepth\":\"0\"}}", "{\"agentParameters\":{\"MaxStackDepth\":\"12x\"}}",
        "{\"agentParameters\":{\"MaxStackDepth\":\"99999999999999999999999\"}}",
    };
    static const char *const refused[] = {"", "[]", "null", "{", "{\"a\":1,\"a\":2}", "\xff",
                                          /* a period shorter than the least time to report */
                                          "{\"periodInSeconds\":30}", "{\"agentParameters\":{\"MinimumTimeForReportingInMilliseconds\":\"300001\"}}"};
    struct pando_uploader_orders orders;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_int_equal(read_text(kept[i], &orders), 0);
        assert_same(&orders, &told);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(read_text(refused[i], &orders), PANDO_ERR_SYNTAX);
        assert_same(&orders, &told);
    }
}

static void values_are_brought_into_limits(void **state)
{
    (void)state;
    struct pando_uploader_orders orders;
    assert_int_equal(read_text("{\"periodInSeconds\":999999999999,\"agentParameters\":{\"SamplingIntervalInMilliseconds\":"
                               "\"18446744073709551615\",\"MaxStackDepth\":\"1\"}}", &orders), 0);
    assert_int_equal(orders.period_s, PANDO_PERIOD_MAX_S);
    assert_int_equal(orders.sampling_interval_ms, PANDO_SAMPLING_MAX_MS);
    assert_int_equal(orders.depth_max, PANDO_DEPTH_MIN);
    orders = (struct pando_uploader_orders){0};
    assert_int_equal(pando_orchestration_read("{\"periodInSeconds\":1}", 21, &orders), 0);
    assert_int_equal(orders.period_s, PANDO_PERIOD_MIN_S);
}

static void failures(void **state)
{
    (void)state;
    static const struct {
        long status;
        enum pando_orchestration_verdict verdict;
    } rows[] = {{400, PANDO_ORDERS_PAUSE}, {404, PANDO_ORDERS_PAUSE}, {401, PANDO_ORDERS_STAY}, {403, PANDO_ORDERS_STAY},
                {429, PANDO_ORDERS_STAY},  {500, PANDO_ORDERS_STAY},  {503, PANDO_ORDERS_STAY}, {301, PANDO_ORDERS_STAY}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pando_try_outcome outcome = {.failure = PANDO_TRY_ANSWERED, .status = rows[i].status};
        assert_int_equal(pando_orchestration_judge(&outcome), rows[i].verdict);
    }
    for (int failure = PANDO_TRY_UNREACHABLE; failure <= PANDO_TRY_ABORTED; failure++) {
        struct pando_try_outcome outcome = {.failure = (enum pando_try_failure)failure, .status = 404};
        assert_int_equal(pando_orchestration_judge(&outcome), PANDO_ORDERS_STAY);
    }
}

static void the_user_comes_first(void **state)
{
    (void)state;
    struct pando_door_settings settings = {.rate_hz = 100, .interval_s = 60, .depth_max = 1000, .is_orchestrated = true};
    struct pando_cycle cycle;
    pando_cycle_init(&cycle, &settings);
    assert_true(pando_cycle_weigh(&cycle, &told));
    assert_false(pando_cycle_weigh(&cycle, &told)); /* seen already */
    assert_int_equal(cycle.interval_s, 300);
    assert_int_equal(cycle.sampling_interval_ms, 1000);
    assert_int_equal(cycle.depth_max, 500);
    assert_int_equal(cycle.minimum_ms, 60000);
    /* Never finer than it was. */
    struct pando_uploader_orders greedy = {.sampling_interval_ms = 1, .depth_max = 9000, .answers = 8, .is_paused = true};
    assert_true(pando_cycle_weigh(&cycle, &greedy));
    assert_int_equal(cycle.sampling_interval_ms, 0);
    assert_int_equal(cycle.depth_max, 1000);
    assert_true(cycle.is_paused);
    settings.has_own_rate = settings.has_own_interval = settings.has_own_depth = true;
    pando_cycle_init(&cycle, &settings);
    assert_true(pando_cycle_weigh(&cycle, &told));
    assert_int_equal(cycle.interval_s, 60);
    assert_int_equal(cycle.sampling_interval_ms, 0);
    assert_int_equal(cycle.depth_max, 1000);
    assert_int_equal(cycle.minimum_ms, 0);
    settings.is_orchestrated = false;
    pando_cycle_init(&cycle, &settings);
    assert_false(pando_cycle_weigh(&cycle, &told));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_service_is_understood), cmocka_unit_test(strange_values_leave_what_was),
        cmocka_unit_test(values_are_brought_into_limits), cmocka_unit_test(failures), cmocka_unit_test(the_user_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
