// link: pando_uploader pando_base
/* The retry table, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "uploader/retry.h"

static const struct pando_retry_policy policy = {.tries_max = 4, .backoff_first_ms = 500, .backoff_max_ms = 3000};

static void statuses(void **state)
{
    (void)state;
    static const struct {
        long status;
        enum pando_retry_action action;
    } rows[] = {
        {200, PANDO_RETRY_DELIVERED}, {204, PANDO_RETRY_DELIVERED}, {299, PANDO_RETRY_DELIVERED},
        {301, PANDO_RETRY_REJECTED},  {307, PANDO_RETRY_REJECTED},  {400, PANDO_RETRY_REJECTED},
        {401, PANDO_RETRY_REJECTED},  {403, PANDO_RETRY_REJECTED},  {404, PANDO_RETRY_REJECTED},
        {408, PANDO_RETRY_AGAIN},     {413, PANDO_RETRY_REJECTED},  {429, PANDO_RETRY_AGAIN},
        {499, PANDO_RETRY_REJECTED},  {500, PANDO_RETRY_AGAIN},     {502, PANDO_RETRY_AGAIN},
        {503, PANDO_RETRY_AGAIN},     {504, PANDO_RETRY_AGAIN},     {599, PANDO_RETRY_AGAIN},
        {600, PANDO_RETRY_REJECTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pando_try_outcome outcome = {.status = rows[i].status};
        assert_int_equal(pando_retry_decide(&policy, &outcome, 1, 0).action, rows[i].action);
        /* At the last try only "again" changes. */
        enum pando_retry_action last = rows[i].action == PANDO_RETRY_AGAIN ? PANDO_RETRY_GIVE_UP : rows[i].action;
        assert_int_equal(pando_retry_decide(&policy, &outcome, 4, 0).action, last);
    }
}

static void failures(void **state)
{
    (void)state;
    static const enum pando_try_failure again[] = {PANDO_TRY_UNREACHABLE, PANDO_TRY_INTERRUPTED, PANDO_TRY_UNTRUSTED,
                                                   PANDO_TRY_IMPOSSIBLE};
    for (size_t i = 0; i < 4; i++) {
        struct pando_try_outcome outcome = {.failure = again[i], .retry_after_s = 100};
        struct pando_retry_decision decision = pando_retry_decide(&policy, &outcome, 3, 7);
        assert_int_equal(decision.action, PANDO_RETRY_AGAIN);
        assert_int_equal(decision.wait_ms, 7); /* nobody said Retry-After */
        assert_int_equal(pando_retry_decide(&policy, &outcome, 4, 7).action, PANDO_RETRY_GIVE_UP);
    }
    struct pando_try_outcome aborted = {.failure = PANDO_TRY_ABORTED};
    assert_int_equal(pando_retry_decide(&policy, &aborted, 1, 0).action, PANDO_RETRY_GIVE_UP);
}

static void jitter_is_full_and_bounded(void **state)
{
    (void)state;
    static const uint64_t ceilings[] = {500, 1000, 2000, 3000, 3000};
    struct pando_retry_policy patient = policy;
    patient.tries_max = UINT32_MAX;
    struct pando_try_outcome outcome = {.status = 503};
    for (uint32_t tries = 1; tries <= 5; tries++) {
        uint64_t ceiling = ceilings[tries - 1];
        assert_int_equal(pando_retry_decide(&patient, &outcome, tries, 0).wait_ms, 0);
        assert_int_equal(pando_retry_decide(&patient, &outcome, tries, ceiling).wait_ms, ceiling);
        assert_int_equal(pando_retry_decide(&patient, &outcome, tries, ceiling + 1).wait_ms, 0);
        assert_true(pando_retry_decide(&patient, &outcome, tries, UINT64_MAX).wait_ms <= ceiling);
    }
    assert_true(pando_retry_decide(&patient, &outcome, UINT32_MAX - 1, UINT64_MAX).wait_ms <= 3000);
}

static void retry_after_comes_on_top_and_is_clamped(void **state)
{
    (void)state;
    struct pando_try_outcome outcome = {.status = 429, .retry_after_s = 3};
    assert_int_equal(pando_retry_decide(&policy, &outcome, 1, 20).wait_ms, 3020);
    outcome.retry_after_s = 900;
    assert_int_equal(pando_retry_decide(&policy, &outcome, 1, 0).wait_ms, 900000);
    outcome.retry_after_s = UINT32_MAX;
    assert_int_equal(pando_retry_decide(&policy, &outcome, 1, 0).wait_ms, 900000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses),
        cmocka_unit_test(failures),
        cmocka_unit_test(jitter_is_full_and_bounded),
        cmocka_unit_test(retry_after_comes_on_top_and_is_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
