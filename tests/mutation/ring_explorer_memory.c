/* Why: a memory as weak as the C standard allows, behind the calls that -fsanitize=thread puts before each access. Part of
 * the explorer, see ring_explorer.c.
 *
 * Each word has the list of the values that it had (modification order). A thread may read any of them that is not older than
 * what it knows: a clock of one number a thread tells which writes happened before (release, acquire, release sequences, fork
 * and join), and no thread goes back behind what it read. Plain accesses that are not ordered by that are reported as a race.
 *
 * Limits: a store always becomes the newest value of its word (head is only changed by compare-and-swap, tail by one thread,
 * and headers of a word by writers that the hand-overs order, so nothing is lost); and no store is seen before the loads that
 * precede it in its thread have their values (no load buffering, no value out of thin air). */
#include "ring_explorer.h"

#include <stdlib.h>
#include <string.h>

_Alignas(64) uint64_t memory[LOCATIONS];
struct location locations[LOCATIONS];
unsigned stores;
bool always_fails, tail_moves;
uint64_t steps;
static int pending_location = -1; /* a plain store that the code is about to make */

void memory_reset(void)
{
    memset(memory, 0, sizeof memory);
    for (int i = 0; i < LOCATIONS; i++) {
        struct location *location = &locations[i];
        location->count = 1;
        location->hash = 0;
        memset(&location->messages[0], 0, sizeof location->messages[0]);
        memset(location->plain_read, 0, sizeof location->plain_read);
        memset(location->plain_write, 0, sizeof location->plain_write);
        memset(location->atomic_read, 0, sizeof location->atomic_read);
        memset(location->atomic_write, 0, sizeof location->atomic_write);
    }
    pending_location = -1;
    stores = 0;
}

void memory_set(int at, uint64_t value)
{
    locations[at].messages[locations[at].count - 1].value = memory[at] = value;
}

void settle_plain_store(void)
{
    if (pending_location < 0)
        return;
    struct location *location = &locations[pending_location];
    int thread = current < 0 ? READER : current;
    if (location->count == MESSAGES_MAX)
        abort();
    struct message *message = &location->messages[location->count++];
    message->value = memory[pending_location];
    message->thread = (uint8_t)thread;
    message->step = location->plain_write[thread];
    message->releases = false;
    location->hash = hash_words(location->hash, &message->value, sizeof message->value);
    location->hash = hash_words(location->hash, &message->step, sizeof message->step) + message->thread;
    note("writes", pending_location, message->value, 0);
    pending_location = -1;
}

/* Before each access: others may run, and a handler may; at atomic ones only, since between two of them nothing happens that
 * anyone else can see (tests/programs/ring_step.c interrupts between any two instructions). */
static void before_access(bool is_atomic)
{
    settle_plain_store();
    steps++;
    if (current < 0 || !is_atomic)
        return;
    yield();
    struct fiber *fiber = &fibers[current];
    if (fiber->handlers_left > 0 && !fiber->in_handler && choose(2) == 1) {
        struct fiber before = *fiber;
        fiber->handlers_left--;
        fiber->in_handler = true;
        note("interrupted", -1, 0, 0);
        push_record(THREADS + current, 0);
        settle_plain_store();
        note("goes on", -1, 0, 0);
        fiber->in_handler = false;
        fiber->accesses = before.accesses;
        fiber->needed = before.needed;
        fiber->saw_stale = before.saw_stale;
        fiber->saw_full = before.saw_full;
    }
    fiber->accesses++;
}

static bool knows(const struct fiber *fiber, const uint16_t *latest)
{
    for (int i = 0; i < THREADS; i++)
        if (latest[i] > fiber->clock.of[i])
            return false;
    return true;
}

static struct fiber *running(int *ret_thread)
{
    *ret_thread = current < 0 ? READER : current;
    struct fiber *fiber = &fibers[*ret_thread];
    if (fiber->clock.of[*ret_thread] == UINT16_MAX)
        abort();
    fiber->clock.of[*ret_thread]++;
    return fiber;
}

/* The oldest message that the fiber may still read. */
int oldest_visible(const struct fiber *fiber, int at)
{
    const struct location *location = &locations[at];
    int oldest = location->count - 1;
    while (oldest > fiber->seen[at] &&
           location->messages[oldest].step > fiber->clock.of[location->messages[oldest].thread])
        oldest--;
    return oldest;
}

static void acquire(struct fiber *fiber, const struct message *message)
{
    for (int i = 0; i < THREADS; i++)
        if (message->clock.of[i] > fiber->clock.of[i])
            fiber->clock.of[i] = message->clock.of[i];
    for (int i = 0; i < LOCATIONS; i++)
        if (message->seen[i] > fiber->seen[i])
            fiber->seen[i] = message->seen[i];
}

static bool is_acquire(int order)
{
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST || order == __ATOMIC_CONSUME;
}

static bool is_release(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

/* Of an address in the ring; -1: the fiber's own stack, the records: not shared. */
static int location_of(const volatile void *address)
{
    uintptr_t offset = (uintptr_t)address - (uintptr_t)memory;
    return offset < sizeof memory ? (int)(offset / 8) : -1;
}

static void add_message(int at, uint64_t value, int order, const struct message *continues)
{
    int thread = current < 0 ? READER : current;
    struct fiber *fiber = &fibers[thread];
    struct location *location = &locations[at];
    if (!knows(fiber, location->plain_read) || !knows(fiber, location->plain_write))
        violation("race: an atomic store and a plain access");
    if (location->count == MESSAGES_MAX)
        abort();
    struct message *message = &location->messages[location->count];
    fiber->seen[at] = (uint8_t)location->count++;
    location->atomic_write[thread] = fiber->clock.of[thread];
    message->value = value;
    message->thread = (uint8_t)thread;
    message->step = fiber->clock.of[thread];
    message->releases = is_release(order);
    if (message->releases) {
        message->clock = fiber->clock;
        memcpy(message->seen, fiber->seen, sizeof message->seen);
    } else {
        memset(&message->clock, 0, sizeof message->clock);
        memset(message->seen, 0, sizeof message->seen);
    }
    if (continues != NULL && continues->releases) { /* a release sequence */
        message->releases = true;
        for (int i = 0; i < THREADS; i++)
            if (continues->clock.of[i] > message->clock.of[i])
                message->clock.of[i] = continues->clock.of[i];
        for (int i = 0; i < LOCATIONS; i++)
            if (continues->seen[i] > message->seen[i])
                message->seen[i] = continues->seen[i];
    }
    location->hash = hash_words(location->hash, &message->value, sizeof message->value);
    location->hash = hash_words(location->hash, &message->step, sizeof message->step) + message->thread;
    if (message->releases) {
        location->hash = hash_words(location->hash, &message->clock, sizeof message->clock);
        location->hash = hash_words(location->hash, message->seen, sizeof message->seen);
    }
    memory[at] = value;
    stores++;
}

/* ---- What the compiler calls. ---- */

void __tsan_init(void);
void __tsan_read4(const void *address);
void __tsan_read8(const void *address);
void __tsan_write8(void *address);
uint64_t __tsan_atomic64_load(const volatile uint64_t *address, int order);
void __tsan_atomic64_store(volatile uint64_t *address, uint64_t value, int order);
typedef int compare_exchange_function(volatile uint64_t *address, uint64_t *expected, uint64_t value, int order,
                                      int fail_order);
compare_exchange_function __tsan_atomic64_compare_exchange_weak, __tsan_atomic64_compare_exchange_strong;

void __tsan_init(void) {}

void __tsan_read8(const void *address)
{
    int at = location_of(address), thread;
    if (at < 0)
        return;
    before_access(false);
    struct fiber *fiber = running(&thread);
    struct location *location = &locations[at];
    if (!knows(fiber, location->plain_write) || !knows(fiber, location->atomic_write))
        violation("race: a plain load and a store");
    location->plain_read[thread] = fiber->clock.of[thread];
    note("reads", at, memory[at], 0);
}

void __tsan_read4(const void *address)
{
    __tsan_read8(address);
}

void __tsan_write8(void *address)
{
    int at = location_of(address), thread;
    if (at < 0)
        return;
    before_access(false);
    struct fiber *fiber = running(&thread);
    struct location *location = &locations[at];
    if (!knows(fiber, location->plain_write) || !knows(fiber, location->plain_read) ||
        !knows(fiber, location->atomic_write) || !knows(fiber, location->atomic_read))
        violation("race: a plain store and another access");
    location->plain_write[thread] = fiber->clock.of[thread];
    fiber->seen[at] = (uint8_t)location->count;
    pending_location = at;
}

uint64_t __tsan_atomic64_load(const volatile uint64_t *address, int order)
{
    int at = location_of(address), thread;
    before_access(true);
    struct fiber *fiber = running(&thread);
    struct location *location = &locations[at];
    if (!knows(fiber, location->plain_write))
        violation("race: an atomic load and a plain store");
    int newest = location->count - 1, oldest = oldest_visible(fiber, at);
    int which = current < 0 ? newest : newest - choose(newest - oldest + 1);
    const struct message *message = &location->messages[which];
    fiber->seen[at] = (uint8_t)which;
    location->atomic_read[thread] = fiber->clock.of[thread];
    if (message->releases && is_acquire(order))
        acquire(fiber, message);
    note("loads", at, message->value, newest - which);
    fiber->saw_stale |= which != newest;
    if (at == HEAD)
        fiber->saw_full |= memory[HEAD] - memory[TAIL] + fiber->needed > CAPACITY;
    static uint64_t moves;
    return tail_moves && at == TAIL ? message->value + ++moves % 100 : message->value;
}

void __tsan_atomic64_store(volatile uint64_t *address, uint64_t value, int order)
{
    int at = location_of(address), thread;
    before_access(true);
    running(&thread);
    add_message(at, value, order, NULL);
    note("stores", at, value, 0);
}

static int compare_exchange(volatile uint64_t *address, uint64_t *expected, uint64_t value, int order, int fail_order,
                            bool weak)
{
    int at = location_of(address), thread;
    before_access(true);
    struct fiber *fiber = running(&thread);
    struct location *location = &locations[at];
    struct message *newest = &location->messages[location->count - 1];
    if (!knows(fiber, location->plain_write))
        violation("race: a compare-and-swap and a plain store");
    bool fails = newest->value != *expected;
    if (!fails && weak && current >= 0 && spurious_left > 0 && choose(2) == 1) {
        spurious_left--;
        fails = true;
    }
    if (fails || always_fails) {
        fiber->seen[at] = (uint8_t)(location->count - 1);
        location->atomic_read[thread] = fiber->clock.of[thread];
        if (newest->releases && is_acquire(fail_order))
            acquire(fiber, newest);
        *expected = newest->value;
        note("swap fails", at, newest->value, 0);
        return 0;
    }
    if (newest->releases && is_acquire(order))
        acquire(fiber, newest);
    add_message(at, value, order, newest);
    note("swaps", at, value, 0);
    return 1;
}

int __tsan_atomic64_compare_exchange_weak(volatile uint64_t *address, uint64_t *expected, uint64_t value, int order,
                                          int fail_order)
{
    return compare_exchange(address, expected, value, order, fail_order, true);
}

int __tsan_atomic64_compare_exchange_strong(volatile uint64_t *address, uint64_t *expected, uint64_t value, int order,
                                            int fail_order)
{
    return compare_exchange(address, expected, value, order, fail_order, false);
}
