/* Why: Pando's own thread in the host: sleeps until there are samples, then gives the worker its turns, looks for threads that no
 * hook saw, and carries out what the lifecycle asks for.
 * Context: each function says. */
#ifndef PANDO_AGENT_AGENT_THREAD_H
#define PANDO_AGENT_AGENT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/* Makes the thread. `scan_first`: there may be threads already. 0 or PANDO_ERR_IO. Lifecycle. */
int pando_agent_thread_start(bool scan_first);

enum pando_agent_thread_request {
    PANDO_REQUEST_FLUSH = 1, /* end the interval, deliver it */
    PANDO_REQUEST_STOP = 2,  /* the same, then close the worker and end the thread */
    PANDO_REQUEST_REST = 4,  /* end all threads of Pando's, keep everything */
};

/* Asks, and waits until it is done or the deadline has passed. 0, what the worker said (flush), or PANDO_ERR_TIMEOUT. After STOP
 * and REST the thread is joined when it was in time. Lifecycle: one at a time. */
int pando_agent_thread_ask(enum pando_agent_thread_request request, uint64_t deadline_mono_ns);
bool pando_agent_thread_runs(void);
/* The thread's number; 0: there is none, or it has not begun. Any thread. */
int pando_agent_thread_tid(void);
/* The thread itself, which is about to end: nobody asks or joins it any more. */
void pando_agent_thread_forget(void);
/* The thread of the host's that waits in pando_agent_thread_ask; 0 none. That time is Pando's, not the host's. Any thread. */
int pando_agent_thread_asking_tid(void);
/* False when no sample has ever been taken: then there is nothing to deliver, and a process that ends need not wait for it. */
bool pando_agent_thread_has_work(void);

/* Wakes the thread if it sleeps, or if the ring is filling. The signal handler, after a push. */
void pando_agent_thread_notice(void);

/* In the child of a fork: the thread is not there, and what the worker had is the parent's. */
void pando_agent_thread_after_fork(void);

#endif
