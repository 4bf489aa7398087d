/* Why: the form of a record in the ring: what the handler writes and the aggregator reads.
 * Context: both worlds. Plain data.
 *
 * Word 0 is the head (struct pando_sample_head has its parts), word 1 the weight and thread, word 2 the counts.
 * PANDO_SAMPLE_STACK: then `frame_count` code addresses, innermost first: [0] is where the thread was, the others are return
 * addresses (the call is at address - 1), except those after a signal frame: bit 63 marks an address that is exact.
 * PANDO_SAMPLE_RAW: the walk met code that has no rows yet. After the frames found so far come the PANDO_WALK_REGISTERS
 * registers of the frame to go on from, the stack address at which the copy begins, and the copied stack: the aggregator
 * walks the rest when rows are there.
 * With PANDO_SAMPLE_TRACED three words come before the frames: trace id (two, as bytes in memory), span id.
 * PANDO_SAMPLE_NAME is no sample: two words with the name (16 bytes, padded with NULs) of the thread origin.tid, which ends. */
#ifndef PANDO_EXCHANGE_SAMPLE_H
#define PANDO_EXCHANGE_SAMPLE_H

#include <stdint.h>

enum pando_sample_kind { PANDO_SAMPLE_STACK = 1, PANDO_SAMPLE_RAW = 2, PANDO_SAMPLE_NAME = 3 };

/* Why a walk ended. Counted in the profile by name. */
enum pando_walk_end {
    PANDO_WALK_END_OUTERMOST = 0, /* the thread's first frame: the stack is whole */
    PANDO_WALK_END_NO_ROWS,       /* code that the worker has not seen yet: RAW, or cut */
    PANDO_WALK_END_NO_RULE,       /* code without unwind information, and no sane frame-pointer chain */
    PANDO_WALK_END_BAD_STACK,     /* a stack address that is not readable, not aligned or does not grow */
    PANDO_WALK_END_BAD_CODE,      /* a return address that is in no executable mapping */
    PANDO_WALK_END_TOO_DEEP,      /* more frames than a walk may visit: the outermost are missing */
    PANDO_WALK_END_KINDS,
};

enum pando_sample_flag {
    PANDO_SAMPLE_TRUNCATED = 1,   /* innermost frames left out: there were more than the limit (outermost are kept) */
    PANDO_SAMPLE_GUESSED = 2,     /* some frame was found by a guess, not a row or a checked frame pointer */
    PANDO_SAMPLE_UNSAMPLED = 4,   /* no stack was taken: time of a thread that has ended, under its first function, if that is known */
    PANDO_SAMPLE_ONLY_RSP = 8,    /* RAW: of the registers only rip and rsp are known, and rbp if it is not 0 */
    PANDO_SAMPLE_TRACED = 16,     /* the thread was in a span */
};

/* What the weight is: CPU time, or wall time in this state of the thread (the names are CodeGuru's: docs/wall-clock.md). */
enum pando_sample_state {
    PANDO_SAMPLE_CPU = 0,
    PANDO_SAMPLE_RUNNABLE,        /* running, or ready to */
    PANDO_SAMPLE_BLOCKED,         /* waits for a lock */
    PANDO_SAMPLE_NATIVE,          /* the kernel works for it: disk, memory */
    PANDO_SAMPLE_WAITING,         /* waits for an event, for as long as it takes */
    PANDO_SAMPLE_TIMED_WAITING,   /* the same, or sleeps, until a time at the latest */
    PANDO_SAMPLE_STATES,
};

#define PANDO_SAMPLE_EXACT (1ull << 63) /* in a frame word: the address itself, not a return address */

struct pando_sample_head {
    uint8_t kind;                 /* enum pando_sample_kind */
    uint8_t walk_end;             /* enum pando_walk_end */
    uint8_t flags;                /* enum pando_sample_flag, or'ed */
    uint8_t state;                /* enum pando_sample_state */
    uint16_t frame_count;
    uint16_t stack_words;         /* RAW: copied */
};
_Static_assert(sizeof(struct pando_sample_head) == 8, "one word");

struct pando_sample_origin {
    uint32_t weight;              /* nominal sampling intervals that this sample stands for: 1 + timer overruns, times the clock's
                                   * step; of wall time, units as in pando_door_settings.units_per_s */
    uint32_t tid;
};
_Static_assert(sizeof(struct pando_sample_origin) == 8, "one word");

/* How the frames were found; as many as there is room to count. */
struct pando_sample_methods {
    uint16_t by_row, by_frame_pointer;
    uint8_t by_guess;
    uint8_t remembered;           /* of those by row: from the walk before (agent/walk_trail.h) */
    uint16_t label_set;           /* that the thread had (exchange/labels.h); here because here is room */
};
_Static_assert(sizeof(struct pando_sample_methods) == 8, "one word");

enum {
    PANDO_SAMPLE_HEAD_WORDS = 3,
    PANDO_SAMPLE_TRACE_WORDS = 3,
    PANDO_SAMPLE_NAME_WORDS = 2,
    PANDO_SAMPLE_FRAMES_MAX = 1024,
    PANDO_SAMPLE_STACK_WORDS_MAX = 2048, /* of a RAW record: 16 KiB */
};

/* A record's first words, as its writer puts them together. */
union pando_sample_start {
    struct {
        struct pando_sample_head head;
        struct pando_sample_origin origin;
        struct pando_sample_methods methods;
    } parts;
    uint64_t words[PANDO_SAMPLE_HEAD_WORDS];
};
_Static_assert(sizeof(union pando_sample_start) == PANDO_SAMPLE_HEAD_WORDS * sizeof(uint64_t), "no gaps");

#endif
