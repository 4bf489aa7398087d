/* Why: what happens when a timer of ours expires: the thread's stack goes into the ring, or a counter says why not.
 * Context: the signal handler: no lock, no allocation, no libc, no errno; a system call only to ask whether memory outside of the
 * thread's known stack is readable, and to wake the agent's thread when it sleeps. Own stack use under 512 bytes. */
#ifndef PANDO_AGENT_HANDLER_H
#define PANDO_AGENT_HANDLER_H

#include <signal.h>

/* For SA_SIGINFO, with all signals blocked. */
void pando_handler(int number, siginfo_t *info, void *context);

#endif
