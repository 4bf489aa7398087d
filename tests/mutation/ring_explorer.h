/* Why: what the parts of the explorer share. ring_explorer.c: what it is, what the threads do, the checks.
 * ring_explorer_schedule.c: choices, fibers, states. ring_explorer_memory.c: the memory, and what the compiler calls. */
#ifndef PANDO_TESTS_RING_EXPLORER_H
#define PANDO_TESTS_RING_EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    TRIES_MAX = 64, /* of ring.c */
    STACK_BYTES = 8 * 1024,
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

/* The execution that is under way. */
extern const struct scenario *scenario;
extern uint64_t memory[LOCATIONS]; /* the ring */
extern struct location locations[LOCATIONS];
extern struct fiber fibers[THREADS];
extern int current;           /* thread that runs; -1: set-up and the end, when nobody else does */
extern int abandon_left, spurious_left;
extern unsigned stores;       /* atomic ones so far */
extern bool always_fails;     /* every compare-and-swap */
extern bool tail_moves;       /* at each load */
extern int outcome[SOURCES][PUSHES_MAX]; /* 1: never called; else what push returned */
extern bool taken[SOURCES][PUSHES_MAX];
extern uint64_t steps;        /* accesses of all executions */

/* Schedule. */
int choose(int count);        /* 0 to count - 1 */
void schedule_init(void);
void schedule_forget(void);   /* states and choices: a new search begins */
void schedule_replay(void);   /* before each execution */
bool schedule_next(void);     /* on to the next sequence of choices; false: that was the last */
void schedule_random(uint64_t seed); /* 0: depth first again */
uint64_t schedule_states(void); /* of this search */
void fibers_reset(void (*run)(void));
void yield(void);             /* the fiber waits for its turn */
bool run_fibers(void);        /* all to the end; false: we have been there */
uint64_t hash_words(uint64_t hash, const void *bytes, size_t len_bytes);
void note(const char *what, int location, uint64_t value, int age);
_Noreturn void violation(const char *what);

/* Memory. */
void memory_reset(void);
void memory_set(int at, uint64_t value); /* as if it had always been so */
void settle_plain_store(void);           /* after the ring's code returned */
int oldest_visible(const struct fiber *fiber, int at);

/* Threads. */
void push_record(int source, int number);

#endif
