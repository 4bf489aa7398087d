/* Why: which threads are sampled, and what the handler needs of each: its stack's bounds, its timer, and room to work in (the
 * host's stack is the host's, and may be short).
 * Context: each function says. Slots live in chunks that are mapped when needed and never unmapped, so that a handler may look
 * at a slot at any time. One registry in a process. */
#ifndef PANDO_AGENT_THREADS_H
#define PANDO_AGENT_THREADS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/cpu_clock.h"
#include "agent/labels.h"
#include "agent/walk_trail.h"
#include "agent/walker.h"
#include "agent/wall_record.h"
#include "exchange/counters.h"
#include "exchange/sample.h"

enum {
    PANDO_THREADS_CHUNK = 64,
    PANDO_THREADS_CHUNKS_MAX = 256,
    PANDO_THREADS_MAX = PANDO_THREADS_CHUNK * PANDO_THREADS_CHUNKS_MAX,
};
_Static_assert((int)PANDO_THREADS_MAX == (int)PANDO_OBJECTS_READERS_MAX, "a reader for each slot");

enum pando_thread_state {
    PANDO_THREAD_FREE = 0,
    PANDO_THREAD_TAKEN,    /* reserved: its thread is being made, or taken down */
    PANDO_THREAD_SAMPLED,  /* has a timer */
    PANDO_THREAD_UNSAMPLED, /* known, but there is no timer for it (refused, limit) */
    PANDO_THREAD_OWN,      /* one of Pando's: never sampled */
};

struct pando_thread_slot {
    /* State and generation in one word (pando_thread_use), so that nobody ends another one's use of the slot. */
    atomic_uint use;
    uint32_t number;            /* of the slot */
    int tid;
    struct pando_cpu_timer timer;
    atomic_int alternate_tid;   /* the thread that has the slot's alternate stack (agent/alternate_stack.h); 0 none */
    bool has_guard;             /* that stack has its guard page */
    bool by_hook;               /* it takes itself down; else the scan does, when its tid is gone */
    bool is_refused;            /* UNSAMPLED because it blocks SIGPROF (agent/attached.h): it may do so no more */
    bool is_held;               /* UNSAMPLED because of a pause of all: its timer begins again with the end of that */
    uint64_t stack_low, stack_high; /* readable [low, high) while its stack pointer is inside; 0, 0: not known */
    void *(*start)(void *);     /* what pthread_create was called with; NULL: not made by it, or before Pando */
    void *argument;
    struct pando_labels_shown labels; /* its thread's */
    bool is_in_ring;            /* the ring was told of its thread: then it is also told its name, at the end */
    /* The handler's: */
    atomic_ullong handler_ticks; /* spent in it by all that had this slot (agent/pace.h) */
    struct pando_walk walk;
    uint64_t probed_page;       /* the last page that was found readable, in the walk under way */
    struct pando_walk_trail trail;
    uint64_t frames[PANDO_SAMPLE_FRAMES_MAX];
    /* For PANDO_UNWIND=compare only; else these pages are never touched. */
    struct pando_walk other_walk;
    uint64_t other_frames[PANDO_SAMPLE_FRAMES_MAX];
    struct pando_wall_record wall;
} __attribute__((aligned(128)));

/* Setup; again in the child of a fork: every slot is free, in a generation of its own. */
void pando_threads_reset(struct pando_counters *counters);

/* A free slot, TAKEN, or NULL (counted). Any thread; lock-free; the first of a chunk maps it. */
struct pando_thread_slot *pando_threads_reserve(void);
/* The slot that the calling thread had before a fork made it the only one: its alternate stack is there. */
struct pando_thread_slot *pando_threads_reserve_again(struct pando_thread_slot *slot);
/* Any thread. Gives a TAKEN slot back. */
void pando_threads_release(struct pando_thread_slot *slot);

/* Around the making of a thread by a hook, from before its tid can be listed until it has entered itself: a scan that overlaps
 * takes in nobody, or such a thread might get two timers. Any thread. */
void pando_threads_birth_begins(void);
void pando_threads_birth_ends(void);
/* True when no birth is under way; *ret_births is how many there have been: the same before and after means none between. */
bool pando_threads_no_births(unsigned *ret_births);

/* The calling thread into a TAKEN slot: its timer, and the bounds of its stack as set before or, if they are 0, as libc says.
 * Not for handlers. */
void pando_threads_enter_self(struct pando_thread_slot *slot, bool is_main);
/* Another thread of this process, by its tid; the stack's bounds stay unknown. */
void pando_threads_enter_other(struct pando_thread_slot *slot, int tid);
/* The sampled thread of the slot, which is the calling one, has no timer meanwhile (counted: threadsSmallAltstack). And again. */
void pando_threads_pause(struct pando_thread_slot *slot);
void pando_threads_go_on(struct pando_thread_slot *slot);
/* Marks a slot as one of Pando's own threads. */
void pando_threads_enter_own(struct pando_thread_slot *slot, int tid);
/* Ends its timer, accounts for what no sample stands for (agent/unsampled.h) and frees the slot, if its use is still `use` (as read
 * before): else somebody else has done it. */
void pando_threads_leave(struct pando_thread_slot *slot, unsigned use);
/* The same for the slot of the calling thread, which ends, whatever the agent's thread does with it meanwhile. */
void pando_threads_leave_own(struct pando_thread_slot *slot);
/* How many are in that tell of their own end (by_hook). Those that the scan took in do not count: it may take in one that is just
 * ending, and finds that out at the next look only. */
unsigned pando_threads_by_hook(void);
/* Leaves all that are sampled: no timer remains. The agent's thread or setup. */
void pando_threads_leave_all(void);
/* All that are sampled stay known, but have no timer until `go_on_all`. Again and again: those that came meanwhile. The agent's thread. */
void pando_threads_hold_all(void);
void pando_threads_go_on_all(void);
/* One that was refused a timer for its mask gets one if that has changed. The agent's thread. */
void pando_threads_look_at_mask(struct pando_thread_slot *slot);

/* The slot with this number, or NULL. Any context, also the handler. */
struct pando_thread_slot *pando_threads_slot(uint32_t number);
/* Where the slot's alternate stack lies, guard page first; whether an address is in any slot's. */
char *pando_threads_alternate(struct pando_thread_slot *slot);
bool pando_threads_has_alternate(uint64_t address);
/* How many numbers have been in use so far: slots above are all free. */
uint32_t pando_threads_high_water(void);

/* Looks at /proc/self/task: takes in threads that no hook saw, lets go of those that are gone. The agent's thread only. Returns
 * the number of live threads that are not Pando's own (0: the host has none left), or -1 when /proc cannot be read. */
int pando_threads_scan(void);
/* Only counts them. Any thread, not the handler. */
int pando_threads_count_hosts(void);
/* The same with Pando's own. */
int pando_threads_count_all(void);
/* The status with which the first thread has ended (0 when it cannot be read): what the process would have ended with. */
int pando_threads_first_status(void);

enum { PANDO_THREAD_STATE_BITS = 3, PANDO_THREAD_STATE_MASK = (1 << PANDO_THREAD_STATE_BITS) - 1 };

static inline enum pando_thread_state pando_thread_state(unsigned use)
{
    return (enum pando_thread_state)(use & PANDO_THREAD_STATE_MASK);
}

static inline unsigned pando_thread_use(const struct pando_thread_slot *slot)
{
    return atomic_load_explicit(&((struct pando_thread_slot *)(uintptr_t)slot)->use, memory_order_acquire);
}

/* For who has the slot. */
static inline void pando_thread_set_state(struct pando_thread_slot *slot, enum pando_thread_state state)
{
    unsigned use = pando_thread_use(slot);
    atomic_store_explicit(&slot->use, (use & ~(unsigned)PANDO_THREAD_STATE_MASK) | state, memory_order_release);
}

/* Goes up each time a slot is taken: signals with another generation are stale. */
static inline unsigned pando_thread_generation(unsigned use)
{
    return use >> PANDO_THREAD_STATE_BITS;
}

static inline bool pando_thread_is_hosts(unsigned use)
{
    return pando_thread_state(use) == PANDO_THREAD_SAMPLED || pando_thread_state(use) == PANDO_THREAD_UNSAMPLED;
}

/* What the signals of a slot's timer carry: generation, a mark that no pointer of a host's is likely to have, number. */
enum { PANDO_THREAD_NUMBER_BITS = 14, PANDO_THREAD_COOKIE_MARK = 0x2a5c3 };
_Static_assert(PANDO_THREADS_MAX == 1 << PANDO_THREAD_NUMBER_BITS, "numbers fit");

static inline uint64_t pando_thread_cookie(unsigned use, uint32_t number)
{
    return (uint64_t)pando_thread_generation(use) << 32 | (uint64_t)PANDO_THREAD_COOKIE_MARK << PANDO_THREAD_NUMBER_BITS |
           number;
}

static inline bool pando_thread_is_cookie(uint64_t value)
{
    return value >> 32 != 0 && ((uint32_t)value >> PANDO_THREAD_NUMBER_BITS) == PANDO_THREAD_COOKIE_MARK;
}

static inline uint32_t pando_thread_cookie_number(uint64_t cookie)
{
    return (uint32_t)cookie & (PANDO_THREADS_MAX - 1);
}

/* A slot's number in the order in which the handlers' passages are kept: neighbours far apart (exchange/objects.h). */
static inline uint32_t pando_threads_reader(uint32_t number)
{
    return (number % PANDO_THREADS_CHUNKS_MAX) * PANDO_THREADS_CHUNK + number / PANDO_THREADS_CHUNKS_MAX;
}

#endif
