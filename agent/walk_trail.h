/* Why: most of a thread's stack is the same from one sample to the next. The trail keeps the steps of the last walk, so that the next
 * one need not look up again what it can see to be unchanged: two compared words a frame in place of two searches.
 * Context: signal handler; private to the walker. One trail a thread slot, whose handlers follow each other; zeroed memory is a trail.
 *
 * Nothing is taken on trust. Between two calls a step is decided by the state (rip, rsp, rbp, and that no other register is known), the
 * published list of code, and the words of the stack that its row names. A mark is a state; its link says that its row was a plain one,
 * and which words it reads. So "from this state, under this list, if those words have these values, the next state is the next mark" is
 * true for ever, of any stack. A walk that comes into a marked state and finds these values goes on as it would have by the rows
 * (docs/unwinding.md has the argument, tests/unit/walk_trail_test.c the proof by comparison). */
#ifndef PANDO_AGENT_WALK_TRAIL_H
#define PANDO_AGENT_WALK_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pando_object_entry;
struct pando_walk;

enum { PANDO_WALK_TRAIL_MARKS = 256 }; /* deeper frames are walked by their rows each time */

/* How to get from a mark to the one behind it. */
enum {
    PANDO_WALK_LINK_NONE = 0,     /* by the row: it is not a plain one, or the next state was not kept */
    PANDO_WALK_LINK_END = 1,      /* its row is that of a thread's first frame */
    PANDO_WALK_LINK_FULL = 2,     /* by the row: there was no room for what came then */
    PANDO_WALK_LINK_RBP_SAME = 3, /* the return address is below the next rsp, rbp is as it was */
    /* and 3 + n: rbp was read n words below the next rsp */
};

/* A state of a walk in which rip is a return address, and rbp and rsp are the registers that are known. */
struct pando_walk_mark {
    uint64_t rip, rsp, rbp;
    uint64_t link;
};

/* In `kept` the marks from `first` on are of one walk, innermost first; `fresh` has those that the walk under way met on its own. */
struct pando_walk_trail {
    uint64_t serial;              /* of the list of code (exchange/objects.h) under which they are true; 0: none */
    uint32_t first;
    const struct pando_object_entry *first_code; /* of that list: where the innermost frame of the last walk was; or NULL */
    struct pando_walk_mark kept[PANDO_WALK_TRAIL_MARKS];
    struct pando_walk_mark fresh[PANDO_WALK_TRAIL_MARKS];
};

/* A walk's place in its trail. */
struct pando_walk_place {
    struct pando_walk_trail *trail; /* NULL: without one */
    uint32_t fresh_count;
    uint32_t at;                    /* on_kept: kept[first..at] are this walk's; else: where to look for a known state next */
    bool on_kept;
    bool is_here;                   /* the last mark is the state that the walk is in */
};

/* Begins a walk; without a trail where it would not hold (no list, a stack whose bounds are not known). */
void pando_walk_trail_begin(struct pando_walk_place *place, const struct pando_walk *walk);
/* Where the innermost frame was the last time: the first guess for this one. */
static inline const struct pando_object_entry *pando_walk_trail_first_code(const struct pando_walk_place *place)
{
    return place->trail != NULL ? place->trail->first_code : NULL;
}
static inline void pando_walk_trail_set_first_code(struct pando_walk_place *place, const struct pando_object_entry *entry)
{
    if (place->trail != NULL)
        place->trail->first_code = entry;
}

/* What became of a walk that came into a state. */
enum pando_walk_arrival {
    PANDO_WALK_ARRIVED,           /* it is where it was: on by its row */
    PANDO_WALK_ARRIVED_FURTHER,   /* it has been taken on: frames are added, the registers are set, on by the row from there */
    PANDO_WALK_ARRIVED_AT_END,    /* the same, to the outermost frame, which is added: the walk is over */
};
/* For a place with a trail. `is_plain_state`: as struct pando_walk_mark says; else the trail only learns that there is a gap. `link`: how
 * the walk came here from the state before. */
enum pando_walk_arrival pando_walk_trail_arrive(struct pando_walk_place *place, struct pando_walk *walk, bool is_plain_state,
                                                uint32_t link);
/* The row of the state that the walk is in is that of a first frame. */
void pando_walk_trail_end(struct pando_walk_place *place);
/* The walk is over: what it met is kept for the next one. */
void pando_walk_trail_finish(struct pando_walk_place *place);

#endif
