/* Why: a thread that blocks SIGPROF has ours pending, and a host that asks for pending signals (sigwait and its kin, sigpending,
 * signalfd) would be given one that nobody sent. They are taken out before it looks.
 * Context: any of the host's threads, also its handlers; not ours. */
#ifndef PANDO_AGENT_PENDING_SIGNALS_H
#define PANDO_AGENT_PENDING_SIGNALS_H

#include <signal.h>

/* Blocks SIGPROF in the calling thread; its mask before goes to *ret_mask. And back. */
void pando_pending_signals_hold(sigset_t *ret_mask);
void pando_pending_signals_release(const sigset_t *mask);

/* Takes our timers' signals out of what is pending in the calling thread, counted as samplesDroppedTaken; a SIGPROF of the host's
 * stays. For a thread that has SIGPROF blocked. Leaves errno alone. */
void pando_pending_signals_discard(void);

#endif
