/* Why: the stack of a thread that sleeps, without waking it: a copy of its memory, walked from the stack pointer that the kernel
 * tells. Context: the wall clock's thread. Never faults: the copy is made by the kernel. */
#ifndef PANDO_AGENT_WALL_STACK_H
#define PANDO_AGENT_WALL_STACK_H

#include "agent/threads.h"
#include "agent/wall_state.h"

/* Walks into slot->wall (frames, how they were found, how it ended). Only rsp and rip are known at first; frames that need an rbp
 * which cannot be told from those below end the walk (NO_RULE), as anywhere. Whether the thread stood still meanwhile is the
 * caller's to check. A stack that cannot be read has its innermost frame. */
void pando_wall_stack_take(struct pando_thread_slot *slot, const struct pando_wall_state *at);

/* Puts slot->wall into the ring with its units, which become 0. `has_copy`: straight after a take that ended at code without rows
 * (NO_ROWS), the copy goes along, and the aggregator walks on. */
void pando_wall_stack_push(struct pando_thread_slot *slot, bool has_copy);

#endif
