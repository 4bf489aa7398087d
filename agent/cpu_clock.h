/* Why: the timers that interrupt: one POSIX timer a thread, on that thread's CPU clock, signalling that thread. (One process-wide
 * timer is unfair between threads; setitimer would survive exec and kill the new image.)
 * Context: each function says. Raw system calls: timers of the host's libc are not touched.
 *
 * Time is kept in nominal intervals (1 / PANDO_RATE_HZ). A thread's expiries lie on a grid of `step` of them, and each stands for
 * `step`. To change the step, the thread's own handler moves the timer to the next point of the new grid, so that no time is
 * counted twice or not at all; the others learn of it with their next sample. docs/clocks.md. */
#ifndef PANDO_AGENT_CPU_CLOCK_H
#define PANDO_AGENT_CPU_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pando_cpu_timer {
    int number;            /* the kernel's; -1 none */
    atomic_uint step;      /* nominal intervals from one expiry to the next; only the thread's handler changes it */
    atomic_ullong taken;   /* nominal intervals that samples have stood for; the same */
    int64_t origin_cpu_ns; /* where the grid begins on the thread's clock: taken is 0 there */
    unsigned first_step;   /* the step at the start */
};

/* Sets the rate, and our share of the signals that the system lets this user queue (half of RLIMIT_SIGPENDING: each timer
 * takes one, and the host's own timers must not fail because of ours). Setup. */
void pando_cpu_clock_setup(uint32_t rate_hz);
/* From now on none is started (PANDO_ERR_LIMIT), until the next setup. Any thread. */
void pando_cpu_clock_refuse(void);
/* The child of a fork has no timers. */
void pando_cpu_clock_forget_all(void);

/* Starts a timer for `tid`; its signals carry `cookie`. The first one comes after a random part of an interval, so that
 * threads shorter than an interval get their fair share. 0; PANDO_ERR_LIMIT: our share is used up; PANDO_ERR_IO. Not the handler. */
int pando_cpu_clock_start(int tid, uint64_t cookie, struct pando_cpu_timer *timer);
/* Ends it. A signal that is already on its way still comes. Returns the nominal intervals that the thread has used since what was
 * taken last, in whole first steps: at the start half of one is counted too much on average, at the end half of one too little. 0 for
 * a thread that is gone. Not the handler. */
uint64_t pando_cpu_clock_stop(struct pando_cpu_timer *timer, int tid);

/* Handler of the timer's thread: how many nominal intervals this signal stands for. A system call only when the step changes. */
uint64_t pando_cpu_clock_take(struct pando_cpu_timer *timer, unsigned overruns);
/* The step that all timers shall have from their next expiry on. Any thread. */
void pando_cpu_clock_set_step(unsigned step);
/* The step now in force: what was wanted last, but never less than the least. */
unsigned pando_cpu_clock_step(void);
/* No finer than this, whoever wants it (the service's order); 1 at the start. Any thread. */
void pando_cpu_clock_set_least_step(unsigned step);
unsigned pando_cpu_clock_least_step(void);
uint64_t pando_cpu_clock_interval_ns(void);

/* CPU time of a thread of this process; 0 when it is gone. Any context. */
uint64_t pando_cpu_clock_of_thread_ns(int tid);

#endif
