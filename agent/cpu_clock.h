/* Why: the timers that interrupt: one POSIX timer a thread, on that thread's CPU clock, signalling that thread. (One process-wide
 * timer is unfair between threads; setitimer would survive exec and kill the new image.)
 * Context: any thread, not the handler. Raw system calls: timers of the host's libc are not touched. */
#ifndef PANDO_AGENT_CPU_CLOCK_H
#define PANDO_AGENT_CPU_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Sets the rate, and our share of the signals that the system lets this user queue (half of RLIMIT_SIGPENDING: each timer
 * takes one, and the host's own timers must not fail because of ours). Setup. */
void pando_cpu_clock_setup(uint32_t rate_hz);
/* The child of a fork has no timers. */
void pando_cpu_clock_forget_all(void);

/* Starts a timer for `tid`; its signals carry `cookie`. The first one comes after a random part of an interval, so that
 * threads shorter than an interval get their fair share. 0 and *ret_timer; PANDO_ERR_LIMIT: our share is used up; PANDO_ERR_IO. */
int pando_cpu_clock_start(int tid, uint64_t cookie, int *ret_timer);
/* Ends it. A signal that is already on its way still comes. */
void pando_cpu_clock_stop(int timer);

#endif
