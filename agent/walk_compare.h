/* Why: PANDO_UNWIND=compare: each sample's stack is walked by rows and by unw_step, and the two must be the same, frame for frame.
 * For tests: unw_step in a handler can hang next to dlopen.
 * Context: compare: the signal handler. log: the agent's thread. */
#ifndef PANDO_AGENT_WALK_COMPARE_H
#define PANDO_AGENT_WALK_COMPARE_H

#include "agent/threads.h"

/* After the walk by rows, which stays as it is. A walk that met code without rows, or too deep a stack, is not compared. */
void pando_walk_compare(struct pando_thread_slot *slot, void *context);

/* Logs the first few stacks that differ, with the map to read them by. */
void pando_walk_compare_log(void);

#endif
