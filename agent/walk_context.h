/* Why: a signal frame's registers, from the ucontext that the kernel has put on some stack.
 * Context: signal handler; private to the walker (pando_walk_registers_of, for the signal under way, is in agent/walker.h). */
#ifndef PANDO_AGENT_WALK_CONTEXT_H
#define PANDO_AGENT_WALK_CONTEXT_H

#include "agent/walker.h"

/* All registers of the ucontext at `ucontext`, an address in `memory` that nobody vouches for. False: it cannot be read; then some of
 * `registers` may have changed. */
bool pando_walk_registers_read(const struct pando_walk_memory *memory, uint64_t ucontext, uint64_t registers[PANDO_WALK_REGISTERS]);

#endif
