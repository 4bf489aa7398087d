/* Why: where a walk puts its frames: a ring, so that the outermost are kept of a stack that is deeper than there is room.
 * Context: signal handler; private to the walker. */
#ifndef PANDO_AGENT_WALK_FRAMES_H
#define PANDO_AGENT_WALK_FRAMES_H

#include "agent/walker.h"

static inline void pando_walk_add_frame(struct pando_walk *walk, uint64_t word)
{
    walk->frames[walk->slot++] = word;
    if (walk->slot == walk->frames_max)
        walk->slot = 0;
    walk->visited++;
}

#endif
