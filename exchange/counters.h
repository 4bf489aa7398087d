/* Why: everything that happens to samples and threads, counted by name, so that nothing is lost in silence.
 * Context: both worlds; relaxed atomics, any context. Each goes up only (gauges say so); the worker ships the increase since
 * the last profile in debugInfo, under the name in pando_counter_name. */
#ifndef PANDO_EXCHANGE_COUNTERS_H
#define PANDO_EXCHANGE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

enum pando_counter {
    /* Conservation: signals = samples_kept + each samples_dropped_*; the aggregator folds what was kept. */
    PANDO_COUNT_SIGNALS = 0,            /* of our timers, that reached the handler */
    PANDO_COUNT_SAMPLES_KEPT,           /* in the ring */
    PANDO_COUNT_DROPPED_RING_FULL,
    PANDO_COUNT_DROPPED_RING_BUSY,
    PANDO_COUNT_DROPPED_STALE,          /* of a timer that is no longer ours, or of a thread that is being taken down */
    PANDO_COUNT_DROPPED_STOPPED,        /* arrived after stop, before start */
    PANDO_COUNT_DROPPED_TAKEN,          /* a thread that blocks SIGPROF asked for what is pending: taken out before it saw it */
    PANDO_COUNT_OVERRUNS,               /* expiries that the kernel put into a later signal; they are in the weights */
    PANDO_COUNT_FOREIGN_SIGNALS,        /* SIGPROF of the host's, passed on */
    PANDO_COUNT_SAMPLES_AT_THREAD_END,  /* records without a signal: time after a thread's last sample. The aggregator folds them too */
    PANDO_COUNT_LOST_AT_THREAD_END,     /* for which there was no room in the ring */
    /* The budget (PANDO_BUDGET_PERCENT). */
    PANDO_COUNT_RATE_LOWERED,           /* times */
    PANDO_COUNT_RATE_RAISED,
    PANDO_COUNT_INTERVALS_SKIPPED,      /* that were not sampled because of it; they are in the weights */
    PANDO_COUNT_SAMPLES_NOT_DUE,        /* wall time only: the thread was not found running since its last signal */
    /* Wall clock. With it: signals + wall_samples = samples_kept + each samples_dropped_* + samples_not_due. */
    PANDO_COUNT_WALL_SAMPLES,           /* that no signal of their own brought: of sleeping threads, or next to one of CPU time */
    PANDO_COUNT_WALL_MOVED,             /* a thread woke while its stack was copied: counted as running */
    PANDO_COUNT_WALL_LATE,              /* turns that waited longer than asked for, so that they stay within the budget */
    PANDO_COUNT_WALL_NO_STATE,          /* looks at which the kernel did not tell what a thread does */
    /* Threads. */
    PANDO_COUNT_THREADS_SEEN,
    PANDO_COUNT_THREADS_NO_SLOT,        /* more threads than the registry holds */
    PANDO_COUNT_THREADS_NO_TIMER,       /* timer_create refused */
    PANDO_COUNT_THREADS_TIMER_LIMIT,    /* our half of RLIMIT_SIGPENDING is used up */
    PANDO_COUNT_THREADS_SMALL_ALTSTACK, /* alternate signal stack too small to take a signal on */
    PANDO_COUNT_THREADS_BLOCK_SIGPROF,  /* with SIGPROF blocked, in a process that Pando was opened in late: no timer */
    /* Slices. */
    PANDO_COUNT_LABEL_SETS_LEFT_OUT,    /* times that a thread's labels found no room: one set too many in this process */
    PANDO_COUNT_SLICES_LEFT_OUT,        /* samples whose slice was one too many in the interval: they are in <other> */
    PANDO_COUNT_SPANS_LEFT_OUT,         /* samples of spans that are not told apart */
    PANDO_COUNT_THREADS_UNNAMED,        /* that had ended before their name was asked for */
    /* Frames, by how they were found (from the samples, counted by the aggregator). */
    PANDO_COUNT_FRAMES_BY_ROW,
    PANDO_COUNT_FRAMES_REMEMBERED,      /* of those by row: as in the walk before on the same thread */
    PANDO_COUNT_FRAMES_BY_FRAME_POINTER,
    PANDO_COUNT_FRAMES_BY_GUESS,
    PANDO_COUNT_STACKS_WHOLE,
    PANDO_COUNT_STACKS_NO_ROWS,
    PANDO_COUNT_STACKS_NO_RULE,
    PANDO_COUNT_STACKS_BAD_STACK,
    PANDO_COUNT_STACKS_BAD_CODE,
    PANDO_COUNT_STACKS_TOO_DEEP,
    PANDO_COUNT_STACKS_TRUNCATED,
    PANDO_COUNT_STACKS_FINISHED_LATE,   /* RAW ones that the aggregator walked to the end */
    PANDO_COUNT_STACKS_COMPARED_SAME,   /* PANDO_UNWIND=compare: rows and unw_step found the same frames */
    PANDO_COUNT_STACKS_COMPARED_OTHER,
    /* Aggregator. */
    PANDO_COUNT_SAMPLES_FOLDED,
    PANDO_COUNT_DROPPED_TREE_FULL,      /* kept, but no room in the tree even after an early seal */
    PANDO_COUNT_INTERVALS_SEALED_EARLY,
    PANDO_COUNT_FRAMES_UNNAMED,
    PANDO_COUNT_FRAMES_WITHOUT_LINES,   /* places whose lines were not looked up, for the budget's or a limit's sake */
    PANDO_COUNT_OBJECTS_WITHOUT_ROWS,   /* no unwind information, or damaged, or over the limit */
    PANDO_COUNTERS,
};

struct pando_counters {
    atomic_ullong values[PANDO_COUNTERS];
    atomic_uint threads_now;            /* gauge: threads in the registry */
    atomic_ullong wall_clock_ns;        /* CPU time of the wall clock's thread so far */
    atomic_ullong handler_ns;           /* time spent in the handler (agent/pace.h); up to the last look */
};

static inline void pando_count_add(struct pando_counters *counters, enum pando_counter which, uint64_t more)
{
    atomic_fetch_add_explicit(&counters->values[which], more, memory_order_relaxed);
}

static inline void pando_count(struct pando_counters *counters, enum pando_counter which)
{
    pando_count_add(counters, which, 1);
}

static inline uint64_t pando_counted(const struct pando_counters *counters, enum pando_counter which)
{
    return atomic_load_explicit(&((struct pando_counters *)(uintptr_t)counters)->values[which], memory_order_relaxed);
}

/* The name under which it is shipped ("samplesDroppedRingFull"). Static; NULL for a number that is none. */
const char *pando_counter_name(enum pando_counter which);

#endif
