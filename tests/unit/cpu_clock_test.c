// link: pando_base
// not under: thread - a signal handler and its thread share the timer, by design without more than relaxed atomics
/* What timers' signals stand for adds up to the thread's CPU time: at rates below and above the tick, while the step changes again and
 * again, and for threads that end before any signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "agent/cpu_clock.c" /* part of a library that exports none of it */

static struct pando_cpu_timer timer = {.number = -1};
static volatile uint64_t weight, signals;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (info->si_code != SI_TIMER)
        return;
    weight += pando_cpu_clock_take(&timer, info->si_overrun > 0 ? (unsigned)info->si_overrun : 0);
    signals++;
}

static int set_up(void **state)
{
    (void)state;
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
    action.sa_sigaction = on_signal;
    return sigaction(SIGPROF, &action, NULL);
}

static void burn_until(uint64_t cpu_ns)
{
    while (pando_clock_thread_cpu_ns() < cpu_ns)
        ;
}

/* Each `piece_ms` another step, from `steps` in turn; the sum must be right within an interval, however long the steps were. Returns
 * the number of signals. */
static unsigned long long changes_once(uint32_t rate_hz, const unsigned *steps, int step_count, int pieces, unsigned piece_ms)
{
    pando_cpu_clock_setup(rate_hz);
    weight = signals = 0;
    uint64_t begin = pando_clock_thread_cpu_ns();
    assert_int_equal(pando_cpu_clock_start(pando_raw_gettid(), 1, &timer), 0);
    for (int i = 0; i < pieces; i++) {
        pando_cpu_clock_set_step(steps[i % step_count]);
        burn_until(begin + (uint64_t)(i + 1) * piece_ms * 1000000);
    }
    uint64_t rest = pando_cpu_clock_stop(&timer, pando_raw_gettid());
    double intervals = (double)(pando_clock_thread_cpu_ns() - begin) / (double)pando_cpu_clock_interval_ns();
    print_message("%u Hz: %llu signals, %llu + %llu of %.1f intervals\n", rate_hz, (unsigned long long)signals,
                  (unsigned long long)weight, (unsigned long long)rest, intervals);
    /* The first expiry is random in its interval, the last is the balance; and a tick may fall into a change. */
    double off = (double)(weight + rest) - intervals;
    double tick_intervals = 0.004 * 2 * rate_hz;
    assert_true(off < 1 + tick_intervals && off > -1 - tick_intervals);
    assert_int_equal(timer.number, -1);
    assert_int_equal(pando_cpu_clock_stop(&timer, pando_raw_gettid()), 0);
    return (unsigned long long)signals;
}

/* A virtual machine whose processor is taken away for a while has no ticks meanwhile, and so no signals: then once more. */
static void changes(uint32_t rate_hz, const unsigned *steps, int step_count, int pieces, unsigned piece_ms)
{
    for (int tries = 0; tries < 10; tries++)
        if (changes_once(rate_hz, steps, step_count, pieces, piece_ms) > 5)
            return;
    fail_msg("hardly a signal at %u Hz", rate_hz);
}

static void adds_up(void **state)
{
    (void)state;
    const unsigned same[] = {1}, some[] = {1, 7, 2, 40, 3, 1, 12};
    changes(100, same, 1, 10, 50);
    changes(1000, same, 1, 10, 50);
    changes(4000, same, 1, 10, 50);
    changes(1000, some, 7, 35, 30);
    changes(4000, some, 7, 35, 30);
}

static void *brief(void *owed)
{
    struct pando_cpu_timer own;
    assert_int_equal(pando_cpu_clock_start(pando_raw_gettid(), 1, &own), 0);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    burn_until(pando_clock_thread_cpu_ns() + 1000000);
    *(uint64_t *)owed += pando_cpu_clock_stop(&own, pando_raw_gettid());
    return NULL;
}

/* A thread of 1 ms at 200 Hz is owed an interval one time in five, tick or not. */
static void brief_threads(void **state)
{
    (void)state;
    enum { THREADS = 1000 };
    uint64_t owed = 0;
    pando_cpu_clock_setup(200);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, brief, &owed);
        pthread_join(thread, NULL);
    }
    print_message("%d threads of 1 ms: %llu intervals of 5 ms\n", THREADS, (unsigned long long)owed);
    assert_in_range(owed, 140, 290); /* 200, and a little for what a thread uses besides; six sigma */
    assert_int_equal(atomic_load(&timers_used), 0);
}

static void of_a_thread_that_is_gone(void **state)
{
    (void)state;
    assert_int_equal(pando_cpu_clock_of_thread_ns(1 << 22), 0);
    assert_int_equal(pando_cpu_clock_start(1 << 22, 1, &timer), PANDO_ERR_IO);
    assert_int_equal(timer.number, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(adds_up), cmocka_unit_test(brief_threads),
                                       cmocka_unit_test(of_a_thread_that_is_gone)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
