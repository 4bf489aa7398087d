/* Why: how Pando comes to life in a process and leaves it: load, start, stop, flush, fork, exit, the last thread's end.
 * Context: setup; any of the host's threads, never the handler. */
#ifndef PANDO_AGENT_LIFECYCLE_H
#define PANDO_AGENT_LIFECYCLE_H

#include <stdbool.h>

#include "agent/config.h"

/* Once samples are there: has what was gathered delivered early in exit(), before handlers that were registered before this call
 * (OpenSSL's clean-up, often) have run. The agent's thread. */
void pando_lifecycle_flush_early_at_exit(void);

/* A host thread ends; `slot` is what it has registered as (struct pando_thread_slot *). Called in that thread. */
void pando_lifecycle_thread_ends(void *slot);

/* Ends Pando's own threads, so that the process has only the host's, and lets them live again. For system calls that the kernel
 * refuses to a process with several threads. */
void pando_lifecycle_rest(void);
void pando_lifecycle_resume(void);

/* Delivers and ends for good: the process is about to forbid itself system calls. From then on Pando makes none. */
void pando_lifecycle_give_way(void);

/* pando_start from `pando attach`: the calling thread is Pando's own, and ends soon. Also on an error. */
int pando_lifecycle_start_attached(const struct pando_options *options, const struct pando_config_more *more);

/* For the agent's thread, when it is to stop without a host thread that asks: `begin` ends sampling; false: somebody else stops Pando or
 * is about to, then try again later. `end`, when all is delivered and the worker closed, is the last that the thread does here. */
bool pando_lifecycle_begin_own_stop(void);
void pando_lifecycle_end_own_stop(void);

/* In the child of a fork: another thread may have held the lock. */
void pando_lifecycle_reset_lock(void);

#endif
