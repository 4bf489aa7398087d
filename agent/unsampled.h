/* Why: the kernel looks at CPU timers at its tick (4 ms at 250 Hz): what a thread uses after the last tick that it meets is never
 * told of, and a thread of a millisecond meets none. When a thread ends, the intervals that are owed become a record of their own,
 * under the function that the thread was started with, so that short threads get their fair share (docs/clocks.md).
 * Context: each function says. */
#ifndef PANDO_AGENT_UNSAMPLED_H
#define PANDO_AGENT_UNSAMPLED_H

#include <stdint.h>

#include "agent/threads.h"

/* A thread that came through pthread_create: to where in libc its first function will return. Any thread. */
void pando_unsampled_thread_begins(const void *return_address);
/* Handler: learns from a whole stack who called libc's function that starts threads. */
void pando_unsampled_learn(const struct pando_walk *walk);
/* Adds a record of `intervals` (0: none) for a thread whose timer has ended, and one of the wall time in which it was found running
 * since its last sample. Not the handler: blocks signals for a moment. */
void pando_unsampled_account(struct pando_thread_slot *slot, uint64_t intervals);

#endif
