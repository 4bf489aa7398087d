/* Why: a thread that ends must take its timer with it: a destructor of thread-specific data tells us.
 * Context: any of the host's threads, not the handler. */
#ifndef PANDO_AGENT_THREAD_EXIT_H
#define PANDO_AGENT_THREAD_EXIT_H

struct pando_thread_slot;

/* Makes the key. Setup. 0 or PANDO_ERR_IO. */
int pando_thread_exit_setup(void);
/* The calling thread shall be told of when it ends. */
void pando_thread_exit_watch(struct pando_thread_slot *slot);
/* What the calling thread is watched as; NULL: it is not. */
struct pando_thread_slot *pando_thread_exit_watched(void);

#endif
