/* Why: wall time: looks at the threads every so often, whether they run or not, and gives each the time since the last look.
 * No thread is ever interrupted for it: where one sleeps is told by the kernel and its stack's memory, where one runs by the
 * next signal of its CPU timer (agent/handler.c). docs/wall-clock.md has the reasons.
 * Context: the wall clock's thread, or who holds its lock (agent/wall_thread.c). */
#ifndef PANDO_AGENT_WALL_CLOCK_H
#define PANDO_AGENT_WALL_CLOCK_H

#include <stdint.h>

/* From the agent's configuration. Setup, in the child of a fork, and after a pause. */
void pando_wall_clock_setup(void);
/* From now on so many looks a second, 1 and more; what is known of sleeps stays, for weights are told in time. */
void pando_wall_clock_set_rate(uint32_t rate_hz);
/* When it wants to look next (CLOCK_MONOTONIC); UINT64_MAX: never. */
uint64_t pando_wall_clock_due_mono_ns(void);
/* Looks if it is time. */
void pando_wall_clock_turn(void);
/* Puts into the ring what is known of sleeps that go on: before an end. */
void pando_wall_clock_flush(void);
/* The same with what has passed since the last looks; from here on no time passes, until the next setup. */
void pando_wall_clock_pause(void);

#endif
