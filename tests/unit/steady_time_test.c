// link: pando_receiver
/* Why: receiver/steady_time.h: a clock that jumps makes nothing old until it has stood for a day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "receiver/steady_time.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };
static const uint64_t now_ms = 1800000000000, years_ms = 10ull * 365 * DAY_MS;

static void test_runs_along(void **state)
{
    (void)state;
    struct pando_steady_time time = {0};
    for (uint64_t ms = 0; ms < 3ull * DAY_MS; ms += HOUR_MS)
        assert_int_equal(pando_steady_time_ms(&time, now_ms + ms, 5000 + ms), now_ms + ms);
    /* set right by a few minutes, either way, and back by years */
    uint64_t boot_ms = 5000 + 3ull * DAY_MS, wall_ms = now_ms + 3ull * DAY_MS;
    assert_int_equal(pando_steady_time_ms(&time, wall_ms + HOUR_MS / 2, boot_ms), wall_ms + HOUR_MS / 2);
    assert_int_equal(pando_steady_time_ms(&time, wall_ms, boot_ms + 1), wall_ms);
    assert_int_equal(pando_steady_time_ms(&time, wall_ms - years_ms, boot_ms + 2), wall_ms - years_ms);
}

static void test_jump(void **state)
{
    (void)state;
    struct pando_steady_time time = {0};
    assert_int_equal(pando_steady_time_ms(&time, now_ms, 5000), now_ms);
    for (uint64_t ms = 1; ms < DAY_MS; ms += HOUR_MS)
        assert_int_equal(pando_steady_time_ms(&time, now_ms + years_ms + ms, 5000 + ms), now_ms + ms);
    /* back again, as if nothing had been */
    assert_int_equal(pando_steady_time_ms(&time, now_ms + DAY_MS, 5000 + DAY_MS), now_ms + DAY_MS);
    assert_int_equal(pando_steady_time_ms(&time, now_ms + DAY_MS + years_ms, 5001 + DAY_MS), now_ms + DAY_MS + 1);
    /* and at last it is true */
    assert_int_equal(pando_steady_time_ms(&time, now_ms + 2ull * DAY_MS + years_ms, 5001 + 2ull * DAY_MS), now_ms + 2ull * DAY_MS + years_ms);
    assert_int_equal(pando_steady_time_ms(&time, now_ms + 2ull * DAY_MS + years_ms + 1, 5002 + 2ull * DAY_MS), now_ms + 2ull * DAY_MS + years_ms + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs_along), cmocka_unit_test(test_jump)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
