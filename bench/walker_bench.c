// link: pando_collector pando_walker pando_exchange pando_symbols pando_base pando_unwind
/* What a walk costs: nanoseconds a frame of the walker, without a trail, with one that knows the stack and with one that has to learn
 * it, of unw_backtrace (warm, no checks) and of unw_step, on the same stack in the same run, interleaved; the median and the spread of
 * the rounds, and ratios. "cold" walks after the caches were filled with something else.
 * Usage: walker_bench [FRAMES [ROUNDS]]. Prints, asserts nothing. */
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "agent/walk_trail.h"
#include "base/clock.h"
#include "tests/unit/walk_fixture.h"

enum { FRAMES_MAX = 1024, ROUNDS_MAX = 1001, WALKS = 2000, STEP_WALKS = 50, COLD_BYTES = 64 << 20 };
enum way { OWN, TRAIL_SAME, TRAIL_NEW, BACKTRACE, STEP, OWN_COLD, TRAIL_COLD, WAYS };

static struct walk_fixture fixture;
static uint64_t frames[FRAMES_MAX];
static struct pando_walk_trail the_trail;
static double results[WAYS][ROUNDS_MAX]; /* ns a frame */
static int rounds = 101;
static uint32_t frames_seen;
static char *cold;

static uint32_t walk_own(const ucontext_t *context, uint64_t stack_high, struct pando_walk_trail *trail)
{
    struct pando_walk walk = {.trail = trail,
                              .objects = pando_code_map_list(fixture.map), .unknown_code = &fixture.objects.unknown_code,
                              .frames = frames, .frames_max = FRAMES_MAX, .visits_max = 65536};
    pando_walk_registers_of(context, walk.registers);
    walk.memory.low = walk.registers[PANDO_WALK_RSP];
    walk.memory.high = stack_high;
    pando_walk_run(&walk);
    if (walk.end != PANDO_WALK_END_OUTERMOST) {
        printf("the walk ended with %d after %u frames\n", (int)walk.end, walk.frame_count);
        exit(1);
    }
    return walk.frame_count;
}

static uint32_t walk_step(ucontext_t *context)
{
    unw_cursor_t cursor;
    uint32_t count = 0;
    unw_word_t ip;
    unw_init_local2(&cursor, context, UNW_INIT_SIGNAL_FRAME);
    do {
        unw_get_reg(&cursor, UNW_REG_IP, &ip);
        frames[count++] = ip;
    } while (count < FRAMES_MAX && unw_step(&cursor) > 0);
    return count;
}

static void measure(void)
{
    ucontext_t context;
    uint64_t stack_high = walk_fixture_stack_high();
    getcontext(&context);
    for (int round = -3; round < rounds; round++) { /* three to warm up */
        int at = round < 0 ? 0 : round;
        uint64_t count = 0, from = pando_clock_mono_ns();
        for (int i = 0; i < WALKS; i++)
            count += walk_own(&context, stack_high, NULL);
        results[OWN][at] = (double)(pando_clock_mono_ns() - from) / (double)count;
        frames_seen = (uint32_t)(count / WALKS);
        count = 0;
        from = pando_clock_mono_ns();
        for (int i = 0; i < WALKS; i++)
            count += walk_own(&context, stack_high, &the_trail);
        results[TRAIL_SAME][at] = (double)(pando_clock_mono_ns() - from) / (double)count;
        count = 0;
        from = pando_clock_mono_ns();
        for (int i = 0; i < WALKS; i++) {
            the_trail.serial = 0;
            count += walk_own(&context, stack_high, &the_trail);
        }
        results[TRAIL_NEW][at] = (double)(pando_clock_mono_ns() - from) / (double)count;
        count = 0;
        from = pando_clock_mono_ns();
        for (int i = 0; i < WALKS; i++)
            count += (uint64_t)unw_backtrace((void **)frames, FRAMES_MAX);
        results[BACKTRACE][at] = (double)(pando_clock_mono_ns() - from) / (double)count;
        count = 0;
        from = pando_clock_mono_ns();
        for (int i = 0; i < STEP_WALKS; i++)
            count += walk_step(&context);
        results[STEP][at] = (double)(pando_clock_mono_ns() - from) / (double)count;
        memset(cold, round, COLD_BYTES);
        from = pando_clock_mono_ns();
        count = walk_own(&context, stack_high, NULL);
        results[OWN_COLD][at] = (double)(pando_clock_mono_ns() - from) / (double)count;
        walk_own(&context, stack_high, &the_trail);
        memset(cold, round, COLD_BYTES);
        from = pando_clock_mono_ns();
        count = walk_own(&context, stack_high, &the_trail);
        results[TRAIL_COLD][at] = (double)(pando_clock_mono_ns() - from) / (double)count;
    }
}

/* Frames as in a program: of two objects, through qsort. */
static int wanted_depth;
static int by_value(const void *a, const void *b);
__attribute__((noinline, optimize("no-optimize-sibling-calls"))) static int deeper(int depth)
{
    int values[2] = {depth, depth};
    if (depth >= wanted_depth)
        measure();
    else if (depth % 4 == 3)
        qsort(values, 2, sizeof values[0], by_value); /* three frames more */
    else
        return deeper(depth + 1) + 1;
    return 0;
}

static int by_value(const void *a, const void *b)
{
    (void)b;
    return deeper(*(const int *)a + 4);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"walker", "the same stack again", "all of it is new", "unw_backtrace", "unw_step", "walker, cold caches",
                                        "the same again, cold"};
    wanted_depth = argc > 1 ? atoi(argv[1]) - 6 : 19;
    rounds = argc > 2 && atoi(argv[2]) < ROUNDS_MAX ? atoi(argv[2]) : rounds;
    cold = malloc(COLD_BYTES);
    if (cold == NULL || walk_fixture_start(&fixture) != 0)
        return 1;
    deeper(0);
    printf("%u frames, %d rounds\n%-22s %10s %10s %10s %12s %10s\n", frames_seen, rounds, "", "ns/frame", "10 %", "90 %", "ns/stack",
           "ratio");
    for (int way = 0; way < WAYS; way++) {
        double *times = results[way], ratios[ROUNDS_MAX];
        for (int i = 0; i < rounds; i++)
            ratios[i] = results[way][i] / results[OWN][i];
        qsort(ratios, (size_t)rounds, sizeof ratios[0], by_size);
        if (way != OWN) /* its rounds are still needed in order */
            qsort(times, (size_t)rounds, sizeof times[0], by_size);
        double sorted[ROUNDS_MAX];
        memcpy(sorted, times, sizeof(double) * (size_t)rounds);
        qsort(sorted, (size_t)rounds, sizeof sorted[0], by_size);
        printf("%-22s %10.1f %10.1f %10.1f %12.0f %10.2f\n", names[way], sorted[rounds / 2], sorted[rounds / 10],
               sorted[rounds * 9 / 10], sorted[rounds / 2] * frames_seen, ratios[rounds / 2]);
    }
    return 0;
}
