/* Why: the thread that the wall clock's looks come from. Not the agent's own: that one may be busy for a tenth of a second with
 * names and rows, and what is seen after such a gap would have to stand for all of it.
 * Context: the agent's thread, except where it says otherwise. */
#ifndef PANDO_AGENT_WALL_THREAD_H
#define PANDO_AGENT_WALL_THREAD_H

/* Makes the thread, if wall time is asked for, nothing pauses and there is none: a refusal is logged, and there is no wall time then. It shares
 * the caller's descriptor table. */
void pando_wall_thread_start(void);
/* Ends it. No look comes after that. */
void pando_wall_thread_stop(void);
/* Ends it, and tells the ring of all time up to now: what passes until it goes on is nobody's. */
void pando_wall_thread_pause(void);
void pando_wall_thread_go_on(void);
/* Looks at the configuration's rate from now on, also where it has a long wait before it. While it pauses: when it goes on. */
void pando_wall_thread_set_rate(void);
/* Puts into the ring what is known of sleeps that go on: before an end. */
void pando_wall_thread_flush(void);
/* The child of a fork has no such thread, and what was known is the parent's. */
void pando_wall_thread_after_fork(void);

#endif
