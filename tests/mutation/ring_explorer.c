/* Why: runs the real exchange/ring.c under every schedule, and in a memory that is as weak as the C standard allows: a load
 * may return an older value unless the memory orders forbid it. Stress on x86 shows none of that.
 *
 * How: ring.c is compiled with -fsanitize=thread but linked with the explorer instead of the sanitizer: the compiler calls a
 * __tsan_... function for each access to memory, and we decide what happens. Each thread is a fiber. At each atomic access
 * we choose who goes on, which of the visible values a load returns, whether a weak compare-and-swap fails for no reason,
 * whether a handler interrupts the thread here and pushes, whether the thread ends here for good. All sequences of choices
 * are tried, depth first; a state that was seen before (memory, clocks, stacks of the fibers, by a 64-bit hash) is not
 * entered again, which also makes one of all sequences that differ only in the order of what is independent. So nothing
 * limits the number of preemptions. (Random executions follow, which do not depend on the hash.) For the small ring that this
 * needs, ring_orders.py compiles ring.c with PANDO_RING_WORDS_MIN = 8.
 *
 * Checked: no race; a record is taken at most once, whole, in order, and in the end all are; a record is refused only if
 * there is no room by what its writer must know, and when it saw the newest of everything, only if there was none at that
 * time; a push ends after at most 3 accesses a try; free words are zero. */
#include "ring_explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "exchange/ring.h"

static const struct scenario scenarios[] = {
    {.name = "one writer, four laps", .lengths = {{3, 2, 1, 3, 4}}, .pops = 5, .offsets = 4},
    {.name = "full and empty", .lengths = {{7, 7, 7}}, .pops = 3, .offsets = 8},
    {.name = "two writers", .lengths = {{2}, {3}}, .pops = 3, .offsets = 8},
    {.name = "two writers, reused words", .lengths = {{3}, {2, 3}}, .pops = 3, .offsets = 4},
    {.name = "three writers", .lengths = {{2}, {1}, {3}}, .pops = 3, .offsets = 2},
    {.name = "interrupted writer", .lengths = {{2, 3}}, .handler_length = {2}, .pops = 4, .offsets = 8},
    {.name = "interrupted writers", .lengths = {{1}, {1}}, .handler_length = {1, 1}, .pops = 2, .offsets = 1},
    {.name = "interrupted reader", .lengths = {{3, 2}}, .handler_length = {[READER] = 2}, .pops = 4, .offsets = 4},
    {.name = "abandoned writer", .lengths = {{2}, {1, 2}}, .pops = 4, .abandon = 1, .offsets = 2},
    {.name = "abandoned interrupted writer", .lengths = {{2}, {3}}, .handler_length = {1}, .pops = 3, .abandon = 1,
     .offsets = 2},
    {.name = "weak compare-and-swap", .lengths = {{2, 1}, {3}}, .pops = 3, .spurious = 1, .offsets = 2},
};

const struct scenario *scenario;
struct fiber fibers[THREADS];
int current = -1, abandon_left, spurious_left;
int outcome[SOURCES][PUSHES_MAX];
bool taken[SOURCES][PUSHES_MAX];
static int last_taken[SOURCES];
static struct pando_ring *ring;
static bool is_judging_end;

/* ---- What the threads do. ---- */

static uint32_t length_of(int source, int number)
{
    return source < THREADS ? scenario->lengths[source][number] : scenario->handler_length[source - THREADS];
}

/* Never zero, and a length if it were taken for one. */
static uint64_t payload(int source, int number, uint32_t i)
{
    return 512 + (uint64_t)source * 64 + (uint64_t)number * 8 + i;
}

static uint64_t newest_value(int at)
{
    return locations[at].messages[locations[at].count - 1].value;
}

void push_record(int source, int number)
{
    uint64_t words[CAPACITY];
    uint32_t length = length_of(source, number);
    for (uint32_t i = 0; i < length; i++)
        words[i] = payload(source, number, i);
    struct pando_ring_part parts[] = {{words, 1}, {words + 1, length - 1}};
    struct fiber *fiber = &fibers[current];
    uint64_t known_tail = locations[TAIL].messages[oldest_visible(fiber, TAIL)].value;
    fiber->accesses = 0;
    fiber->needed = 1 + length;
    fiber->saw_stale = fiber->saw_full = false;
    int result = pando_ring_push(ring, parts, 2);
    settle_plain_store();
    if (fiber->accesses > 3 * TRIES_MAX + 1)
        violation("a push takes too many accesses");
    if (result == PANDO_ERR_LIMIT) {
        if (newest_value(HEAD) - known_tail + 1 + length <= CAPACITY)
            violation("refused although there is room");
        if (!fiber->saw_stale && !fiber->saw_full)
            violation("refused although there was room");
    } else if (result != 0) {
        violation("push returned an error that it should not");
    }
    note(result == 0 ? "pushed" : "refused", -1, 0, 0);
    outcome[source][number] = result;
}

/* False: there was none. */
static bool pop_record(void)
{
    static uint64_t words[PANDO_RING_RECORD_WORDS_MAX];
    uint32_t length = pando_ring_pop(ring, words);
    settle_plain_store();
    if (length == 0)
        return false;
    note("popped", -1, length, 0);
    int source = (int)(words[0] - 512) / 64, number = (int)(words[0] - 512) / 8 % 8;
    if (words[0] < 512 || source >= SOURCES || number >= PUSHES_MAX || length != length_of(source, number))
        violation("what was popped is no record");
    for (uint32_t i = 0; i < length; i++)
        if (words[i] != payload(source, number, i))
            violation("a record is torn");
    if (taken[source][number])
        violation("a record is taken twice");
    if (is_judging_end && outcome[source][number] != 0)
        violation("a record is taken that was not pushed");
    if (last_taken[source] >= number)
        violation("records of a thread are out of order");
    last_taken[source] = number;
    taken[source][number] = true;
    return true;
}

static void run_fiber(void)
{
    int self = current;
    if (self == READER) {
        for (int i = 0; i < scenario->pops; i++) {
            unsigned stores_before = stores;
            if (!pop_record()) {
                fibers[self].state = IDLE; /* until somebody stores something */
                fibers[self].idle_since = stores_before;
                yield();
            }
        }
    } else {
        for (int i = 0; i < PUSHES_MAX && length_of(self, i) != 0; i++)
            push_record(self, i);
    }
    fibers[self].state = FINISHED;
    yield();
    abort();
}

static void prepare(int offset)
{
    memset(fibers, 0, sizeof fibers);
    current = -1;
    memory_reset();
    schedule_replay();
    is_judging_end = false;
    abandon_left = scenario->abandon;
    spurious_left = scenario->spurious;
    ring = pando_ring_init(memory, CAPACITY);
    settle_plain_store();
    if (ring == NULL)
        abort();
    memory_set(HEAD, (uint64_t)offset); /* as if `offset` words had come and gone */
    memory_set(TAIL, (uint64_t)offset);
    struct clock start = fibers[READER].clock; /* set-up happened before all of it */
    for (int i = 0; i < THREADS; i++) {
        fibers[i].clock = start;
        fibers[i].handlers_left = scenario->handler_length[i] != 0;
        fibers[i].state = i == READER || scenario->lengths[i][0] != 0 ? READY : ABSENT;
    }
    fibers_reset(run_fiber);
    for (int i = 0; i < SOURCES; i++) {
        last_taken[i] = -1;
        for (int j = 0; j < PUSHES_MAX; j++) {
            outcome[i][j] = 1;
            taken[i][j] = false;
        }
    }
}

static void run_once(int offset)
{
    prepare(offset);
    if (!run_fibers())
        return;
    /* The end: everything is known, the reader takes what is left. */
    bool abandoned = false;
    for (int i = 0; i < THREADS; i++) {
        abandoned |= fibers[i].state == ABANDONED;
        if (i != READER && (fibers[i].state == READY || fibers[i].state == IDLE))
            violation("a writer waits");
        for (int j = 0; j < THREADS; j++)
            if (fibers[i].clock.of[j] > fibers[READER].clock.of[j])
                fibers[READER].clock.of[j] = fibers[i].clock.of[j];
    }
    is_judging_end = true;
    while (pop_record()) {
    }
    if (abandoned)
        return; /* what lies behind it stays */
    if (memory[HEAD] != memory[TAIL])
        violation("something is left in the ring");
    for (int i = WORDS; i < LOCATIONS; i++)
        if (memory[i] != 0)
            violation("a free word is not zero");
    for (int i = 0; i < SOURCES; i++)
        for (int j = 0; j < PUSHES_MAX; j++)
            if (taken[i][j] != (outcome[i][j] == 0))
                violation(taken[i][j] ? "a record is taken that was refused" : "a record is lost");
}

/* Others are always quicker: busy after 64 tries, and nothing has changed. */
static void check_busy(bool at_the_swap)
{
    static const struct scenario busy = {.name = "busy", .lengths = {{2}}};
    scenario = &busy;
    prepare(3);
    if (!at_the_swap) /* it looks full, and whenever it looks again, tail has moved */
        memory_set(HEAD, 3 + 1000);
    uint64_t before[LOCATIONS], words[2] = {1, 2};
    memcpy(before, memory, sizeof before);
    struct pando_ring_part part = {words, 2};
    always_fails = at_the_swap;
    tail_moves = !at_the_swap;
    int result = pando_ring_push(ring, &part, 1);
    always_fails = tail_moves = false;
    settle_plain_store();
    if (result != PANDO_ERR_BUSY || memcmp(before, memory, sizeof before) != 0)
        violation("busy is not told, or leaves traces");
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Argument: the number of random executions of each scenario. */
int main(int argc, char **argv)
{
    uint64_t random_each = argc > 1 ? strtoull(argv[1], NULL, 10) : 50000;
    uint64_t total = 0, total_states = 0;
    double start_s = now_s();
    schedule_init();
    check_busy(true);
    check_busy(false);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        scenario = &scenarios[i];
        uint64_t executions = 0, states = 0;
        double scenario_s = now_s();
        for (int offset = 0; offset < CAPACITY; offset += CAPACITY / scenario->offsets) {
            schedule_forget();
            do {
                run_once(offset);
                executions++;
            } while (schedule_next());
            states += schedule_states();
        }
        schedule_random(88172645463325252u);
        for (uint64_t j = 0; j < random_each; j++)
            run_once((int)(j % CAPACITY));
        schedule_random(0);
        printf("%-28s %9ju executions, %8ju states; %ju random; %.1f s\n", scenario->name, (uintmax_t)executions,
               (uintmax_t)states, (uintmax_t)random_each, now_s() - scenario_s);
        fflush(stdout);
        total += executions + random_each;
        total_states += states;
    }
    printf("%ju executions, %ju states, %ju accesses, %.1f s: no violation\n", (uintmax_t)total, (uintmax_t)total_states,
           (uintmax_t)steps, now_s() - start_s);
    return 0;
}
