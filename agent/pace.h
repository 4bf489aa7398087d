/* Why: Pando promises to use no more than PANDO_BUDGET_PERCENT of the process's CPU time. It measures what it uses, and samples
 * less often when that is too much (deep stacks, cold caches, code without rows), more often again when there is room.
 * Context: each function says. docs/clocks.md has the rule and its reasons. */
#ifndef PANDO_AGENT_PACE_H
#define PANDO_AGENT_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Setup; again in the child of a fork. */
void pando_pace_setup(uint32_t budget_percent, uint32_t rate_hz);
/* The agent's thread, after each of its turns: looks at what was used, and changes the clocks' step when it has to. */
void pando_pace_look(void);

/* False where the time stamp counter may not be read (PR_SET_TSC): then the handler's time is not known. */
extern bool pando_pace_has_ticks;

/* Handler: ticks of the processor's time stamp counter; 0 when it may not be read. */
static inline uint64_t pando_pace_ticks(void)
{
    return pando_pace_has_ticks ? __builtin_ia32_rdtsc() : 0;
}

/* More than any handler takes: a longer one was interrupted by something else, which is not its cost. */
enum { PANDO_PACE_TICKS_MAX = 5000000 };

/* Handler, on its way out: adds what has passed since `begin` to its thread's sum, whose only writer it is. */
static inline void pando_pace_spent(atomic_ullong *sum, uint64_t begin)
{
    uint64_t ticks = pando_pace_ticks() - begin;
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) +
                                   (ticks < PANDO_PACE_TICKS_MAX ? ticks : PANDO_PACE_TICKS_MAX), memory_order_relaxed);
}

#endif
