/* Why: which choices are made, and in what order: fibers, the search, the states that it has seen, and the story of an
 * execution that went wrong. Part of the explorer, see ring_explorer.c. x86-64 (the switch of fibers). */
#include "ring_explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHOICES_MAX = 2000,
    EVENTS_MAX = 400,
    STATES_SHIFT = 25, /* the table of states: 2^25 entries of 8 bytes */
};

/* ---- Choices. ---- */

static struct choice {
    uint16_t taken, of;
} path[CHOICES_MAX];
static int path_length, path_at;
static uint64_t random_state; /* 0: depth first */

int choose(int count)
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

bool schedule_next(void)
{
    while (path_length > 0 && path[path_length - 1].taken + 1 == path[path_length - 1].of)
        path_length--;
    if (path_length == 0)
        return false;
    path[path_length - 1].taken++;
    return true;
}

/* ---- What happened. ---- */

static struct {
    int thread, location;
    const char *what;
    uint64_t value;
    int age;
} events[EVENTS_MAX];
static int event_count;

void note(const char *what, int location, uint64_t value, int age)
{
    if (event_count < EVENTS_MAX) {
        events[event_count].thread = current;
        events[event_count].what = what;
        events[event_count].location = location;
        events[event_count].value = value;
        events[event_count++].age = age;
    }
}

_Noreturn void violation(const char *what)
{
    printf("VIOLATION in \"%s\": %s\n", scenario->name, what);
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

static char stacks[THREADS][STACK_BYTES] __attribute__((aligned(64)));
static void *main_stack_pointer;

void explorer_switch(void **ret_from, void *to);
__asm__(".text\n"
        "explorer_switch:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n    ret\n");

void fibers_reset(void (*run)(void))
{
    memset(stacks, 0, sizeof stacks); /* so that what lies there does not make states differ */
    for (int i = 0; i < THREADS; i++) {
        void **top = (void **)(stacks[i] + STACK_BYTES);
        *--top = NULL; /* where run would return to */
        *--top = (void *)run;
        fibers[i].stack_pointer = top - 6; /* of registers */
    }
}

void yield(void)
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

uint64_t hash_words(uint64_t hash, const void *bytes, size_t len_bytes)
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

bool run_fibers(void)
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

/* ---- A search. ---- */

void schedule_init(void)
{
    states = calloc(1ull << STATES_SHIFT, sizeof *states);
    if (states == NULL)
        abort();
}

void schedule_forget(void)
{
    if (state_count > 0)
        memset(states, 0, sizeof *states << STATES_SHIFT);
    state_count = 0;
    path_length = 0;
}

void schedule_replay(void)
{
    path_at = 0;
    event_count = 0;
}

void schedule_random(uint64_t seed)
{
    random_state = seed;
}

uint64_t schedule_states(void)
{
    return state_count;
}
