/* Why: runs the real exchange/ring.c under every schedule, and in a memory that is as weak as the C standard allows: a load may
 * return an older value unless the memory orders forbid it. Stress on x86 shows none of that.
 *
 * How: ring.c is compiled with -fsanitize=thread but linked with this file instead of the sanitizer: the compiler calls a
 * __tsan_... function for each access to memory, and we decide what happens. Each thread is a fiber. At each atomic access we
 * choose who goes on, which of the visible values a load returns, whether a weak compare-and-swap fails for no reason, whether
 * a handler interrupts the thread here and pushes, whether the thread ends here for good. All sequences of choices are tried,
 * depth first; a state that was seen before (memory, clocks, stacks of the fibers, by a 64-bit hash) is not entered again,
 * which also makes one of all sequences that differ only in the order of what is independent. So nothing limits the number of
 * preemptions. (Random executions follow, which do not depend on the hash.) For the small ring that this needs, ring_orders.py
 * compiles ring.c with PANDO_RING_WORDS_MIN = 8.
 *
 * The memory: each word has the list of the values that it had (modification order). A thread may read any of them that is not
 * older than what it knows: a clock of one number a thread tells which writes happened before (release, acquire, release
 * sequences, fork and join), and no thread goes back behind what it read. Plain accesses that are not ordered by that are
 * reported as a race. Limits: a store always becomes the newest value of its word (here all stores to a word are ordered, so
 * nothing is lost), and no store is seen before a load that precedes it in its thread has its value (no value out of thin air,
 * no load buffering; in a program without races and with every shared value taken by acquire, that adds nothing).
 *
 * Checked: no race; a record is taken at most once, whole, in order, and in the end all are; a record is refused only if there
 * is no room by what its writer must know, and when it saw the newest of everything, only if there was none at that time; a
 * push ends after at most 3 accesses a try; free words are zero. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "exchange/ring.h"

enum {
    CAPACITY = 8,
    HEAD = 8, TAIL = 16, WORDS = 24, /* in 8-byte words of the ring's memory */
    LOCATIONS = WORDS + CAPACITY,
    WRITERS_MAX = 3,
    READER = WRITERS_MAX, /* thread numbers: writers, reader */
    THREADS = WRITERS_MAX + 1,
    SOURCES = 2 * THREADS, /* threads, then the handlers on them */
    PUSHES_MAX = 6,
    MESSAGES_MAX = 40,
    CHOICES_MAX = 2000,
    EVENTS_MAX = 400,
    TRIES_MAX = 64, /* of ring.c */
    STACK_BYTES = 8 * 1024,
    STATES_SHIFT = 25, /* the table of states: 2^25 entries of 8 bytes */
};

/* What a thread knows: up to which of its own steps each thread's doings happened before. */
struct clock {
    uint16_t of[THREADS];
};

/* One value that a word had. */
struct message {
    uint64_t value;
    uint8_t thread;
    uint16_t step;        /* who wrote it, and when by its own clock */
    bool releases;
    struct clock clock;   /* what an acquiring reader learns */
    uint8_t seen[LOCATIONS];
};

struct location {
    int count;
    uint64_t hash;           /* of its messages */
    struct message messages[MESSAGES_MAX];
    uint16_t plain_read[THREADS], plain_write[THREADS], atomic_read[THREADS], atomic_write[THREADS]; /* latest steps */
};

enum thread_state { ABSENT, READY, IDLE, FINISHED, ABANDONED };

struct fiber {
    enum thread_state state;
    void *stack_pointer;
    struct clock clock;
    uint8_t seen[LOCATIONS]; /* not older than this message may it read */
    int handlers_left, accesses;
    uint32_t needed; /* by the record that it pushes, header included */
    bool in_handler, saw_stale, saw_full; /* since its push began */
    unsigned idle_since; /* stores until the pop that found nothing */
};

struct scenario {
    const char *name;
    uint8_t lengths[WRITERS_MAX][PUSHES_MAX]; /* of the records of each writer; 0 ends */
    uint8_t handler_length[THREADS];          /* of the record that a handler pushes on each thread; 0: none */
    int pops, abandon, spurious, offsets;     /* offsets: start at 0, 8 / offsets, ... */
};

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

/* ---- Choices. ---- */

static struct choice {
    uint16_t taken, of;
} path[CHOICES_MAX];
static int path_length, path_at;
static uint64_t random_state; /* 0: depth first */

static int choose(int count)
{
    if (count <= 1)
        return 0;
    if (random_state != 0) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (int)(random_state % (unsigned)count);
    }
    if (path_at == path_length) {
        if (path_length == CHOICES_MAX)
            abort();
        path[path_length].taken = 0;
        path[path_length++].of = (uint16_t)count;
    }
    return path[path_at++].taken;
}

/* On to the next sequence; false: that was the last. */
static bool next_path(void)
{
    while (path_length > 0 && path[path_length - 1].taken + 1 == path[path_length - 1].of)
        path_length--;
    if (path_length == 0)
        return false;
    path[path_length - 1].taken++;
    return true;
}

/* ---- State of one execution. ---- */

static const struct scenario *scenario;
static _Alignas(64) uint64_t memory[LOCATIONS];
static struct pando_ring *ring;
static struct location locations[LOCATIONS];
static struct fiber fibers[THREADS];
static char stacks[THREADS][STACK_BYTES] __attribute__((aligned(64)));
static void *main_stack_pointer;
static int current = -1; /* thread that runs; -1: set-up and the end, when nobody else does */
static int abandon_left, spurious_left;
static unsigned stores;
static int pending_location = -1; /* a plain store that the code is about to make */
static uint64_t executions, steps;
static bool always_fails; /* every compare-and-swap */

static int outcome[SOURCES][PUSHES_MAX]; /* 1: never called; else what push returned */
static bool taken[SOURCES][PUSHES_MAX];
static int last_taken[SOURCES];
static bool is_judging_end;

static struct {
    int thread, location;
    const char *what;
    uint64_t value;
    int age;
} events[EVENTS_MAX];
static int event_count;

static void note(const char *what, int location, uint64_t value, int age)
{
    if (event_count < EVENTS_MAX) {
        events[event_count].thread = current;
        events[event_count].what = what;
        events[event_count].location = location;
        events[event_count].value = value;
        events[event_count++].age = age;
    }
}

static _Noreturn void violation(const char *what)
{
    printf("VIOLATION in \"%s\", execution %ju: %s\n", scenario->name, (uintmax_t)executions + 1, what);
    for (int i = 0; i < event_count; i++) {
        int at = events[i].location;
        printf("  %s%d %-12s ", events[i].thread == READER ? "reader " : events[i].thread < 0 ? "end " : "writer ",
               events[i].thread, events[i].what);
        if (at == HEAD || at == TAIL)
            printf("%s = %ju", at == HEAD ? "head" : "tail", (uintmax_t)events[i].value);
        else if (at >= WORDS)
            printf("words[%d] = %ju", at - WORDS, (uintmax_t)events[i].value);
        else
            printf("%jd", (intmax_t)events[i].value);
        printf(events[i].age > 0 ? "   (%d newer)\n" : "\n", events[i].age);
    }
    fflush(stdout);
    exit(1);
}

/* ---- Fibers. ---- */

void explorer_switch(void **ret_from, void *to);
__asm__(".text\n"
        "explorer_switch:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n    ret\n");

/* The fiber waits for its turn. */
static void yield(void)
{
    int self = current;
    current = -1;
    explorer_switch(&fibers[self].stack_pointer, main_stack_pointer);
}

static bool can_run(int thread)
{
    return fibers[thread].state == READY || (fibers[thread].state == IDLE && fibers[thread].idle_since != stores);
}

/* ---- States that were seen. ---- */

static uint64_t *states; /* open addressing; 0: free */
static uint64_t state_count;

static uint64_t hash_words(uint64_t hash, const void *bytes, size_t len_bytes)
{
    const unsigned char *at = bytes;
    while (len_bytes > 0) {
        uint64_t word = 0;
        size_t step = len_bytes < 8 ? len_bytes : 8;
        memcpy(&word, at, step);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
        at += step;
        len_bytes -= step;
    }
    return hash;
}

static uint64_t hash_state(void)
{
    uint64_t hash = 1;
    for (int i = 0; i < LOCATIONS; i++) {
        hash = hash_words(hash, &locations[i].hash, sizeof locations[i].hash);
        hash = hash_words(hash, locations[i].plain_read, sizeof locations[i].plain_read);
        hash = hash_words(hash, locations[i].plain_write, sizeof locations[i].plain_write);
        hash = hash_words(hash, locations[i].atomic_read, sizeof locations[i].atomic_read);
        hash = hash_words(hash, locations[i].atomic_write, sizeof locations[i].atomic_write);
    }
    for (int i = 0; i < THREADS; i++) {
        struct fiber fiber = fibers[i];
        fiber.idle_since = fiber.state == IDLE && can_run(i);
        hash = hash_words(hash, &fiber, sizeof fiber);
        if (fiber.state == READY || fiber.state == IDLE)
            hash = hash_words(hash, fiber.stack_pointer, (size_t)(stacks[i] + STACK_BYTES - (char *)fiber.stack_pointer));
    }
    hash = hash_words(hash, outcome, sizeof outcome);
    hash = hash_words(hash, taken, sizeof taken);
    int left[] = {abandon_left, spurious_left};
    hash = hash_words(hash, left, sizeof left);
    return hash | 1;
}

static bool is_new_state(void)
{
    uint64_t hash = hash_state(), mask = (1ull << STATES_SHIFT) - 1;
    for (uint64_t i = hash >> 7;; i++) {
        if (states[i & mask] == hash)
            return false;
        if (states[i & mask] == 0) {
            states[i & mask] = hash;
            if (++state_count > mask / 8 * 7) {
                printf("The table of states is full.\n");
                exit(2);
            }
            return true;
        }
    }
}

/* Runs all to the end; false: we have been there. */
static bool run_fibers(void)
{
    for (;;) {
        if (random_state == 0 && path_at == path_length && !is_new_state())
            return false;
        int options[THREADS], count = 0;
        if (abandon_left > 0) {
            for (int i = 0; i < READER; i++)
                if (fibers[i].state == READY)
                    options[count++] = i;
            int ends = choose(count + 1);
            if (ends > 0) {
                abandon_left--;
                fibers[options[ends - 1]].state = ABANDONED;
                note("ends", options[ends - 1], 0, 0);
            }
            count = 0;
        }
        for (int i = 0; i < THREADS; i++)
            if (can_run(i))
                options[count++] = i;
        if (count == 0)
            return true;
        current = options[choose(count)];
        fibers[current].state = READY;
        explorer_switch(&main_stack_pointer, fibers[current].stack_pointer);
    }
}

/* ---- Memory. ---- */

static void settle_plain_store(void)
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

static void push_record(int source, int number);

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

/* The oldest message that may still be read. */
static int oldest_visible(const struct fiber *fiber, int at)
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
typedef int compare_exchange_function(volatile uint64_t *address, uint64_t *expected, uint64_t value, int order, int fail_order);
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
    return message->value;
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

static void push_record(int source, int number)
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
    memset(fibers, 0, sizeof fibers);
    memset(stacks, 0, sizeof stacks); /* so that what lies there does not make states differ */
    current = -1;
    pending_location = -1;
    stores = 0;
    event_count = 0;
    is_judging_end = false;
    abandon_left = scenario->abandon;
    spurious_left = scenario->spurious;
    ring = pando_ring_init(memory, CAPACITY);
    settle_plain_store();
    if (ring == NULL)
        abort();
    for (int i = 0; i < 2; i++) { /* as if `offset` words had come and gone */
        int at = i == 0 ? HEAD : TAIL;
        struct message *message = &locations[at].messages[locations[at].count - 1];
        message->value = memory[at] = (uint64_t)offset;
    }
    struct clock start = fibers[READER].clock; /* set-up happened before all of it */
    for (int i = 0; i < THREADS; i++) {
        struct fiber *fiber = &fibers[i];
        fiber->clock = start;
        fiber->handlers_left = scenario->handler_length[i] != 0;
        fiber->state = i == READER || scenario->lengths[i][0] != 0 ? READY : ABSENT;
        void **top = (void **)(stacks[i] + STACK_BYTES);
        *--top = NULL; /* where run_fiber would return to */
        *--top = (void *)run_fiber;
        top -= 6;
        memset(top, 0, 6 * sizeof *top);
        fiber->stack_pointer = top;
    }
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

/* Fails every compare-and-swap: busy after 64 tries, and nothing has changed. */
static void check_busy(void)
{
    static const struct scenario busy = {.name = "busy", .lengths = {{2}}};
    scenario = &busy;
    prepare(3);
    uint64_t before[LOCATIONS], words[2] = {1, 2};
    memcpy(before, memory, sizeof before);
    struct pando_ring_part part = {words, 2};
    always_fails = true;
    int result = pando_ring_push(ring, &part, 1);
    always_fails = false;
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
    states = calloc(1ull << STATES_SHIFT, sizeof *states);
    if (states == NULL)
        return 2;
    check_busy();
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        scenario = &scenarios[i];
        executions = 0;
        double scenario_s = now_s();
        uint64_t scenario_states = 0;
        for (int offset = 0; offset < CAPACITY; offset += CAPACITY / scenario->offsets) {
            if (state_count > 0)
                memset(states, 0, sizeof *states << STATES_SHIFT);
            state_count = 0;
            path_length = 0;
            do {
                path_at = 0;
                run_once(offset);
                executions++;
            } while (next_path());
            scenario_states += state_count;
        }
        uint64_t systematic = executions;
        random_state = 88172645463325252u;
        for (uint64_t j = 0; j < random_each; j++, executions++)
            run_once((int)(j % CAPACITY));
        random_state = 0;
        printf("%-28s %9ju executions, %8ju states; %ju random; %.1f s\n", scenario->name, (uintmax_t)systematic,
               (uintmax_t)scenario_states, (uintmax_t)random_each, now_s() - scenario_s);
        fflush(stdout);
        total += executions;
        total_states += scenario_states;
    }
    printf("%ju executions, %ju states, %ju accesses, %.1f s: no violation\n", (uintmax_t)total, (uintmax_t)total_states,
           (uintmax_t)steps, now_s() - start_s);
    return 0;
}
