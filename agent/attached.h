/* Why: what is different in a process that Pando was opened in while it ran (`pando attach`): the host's calls to sigaction,
 * sigwait, pthread_create and so on do not pass through Pando. docs/attach.md.
 * Context: each function says. */
#ifndef PANDO_AGENT_ATTACHED_H
#define PANDO_AGENT_ATTACHED_H

#include <stdbool.h>
#include <stdint.h>

enum pando_sigprof { PANDO_SIGPROF_FREE, PANDO_SIGPROF_OURS, PANDO_SIGPROF_HOSTS };

/* Whose the kernel's action for SIGPROF is. Any context. */
enum pando_sigprof pando_attached_sigprof_is(void);
/* Whether a thread of this process has SIGPROF blocked: where nobody hides Pando's pending signals, such a thread gets no timer. The
 * agent's thread. */
bool pando_attached_blocks_sigprof(int tid);
/* The memory that `pando attach` made; unmapped when Pando stops. Setup; the agent's thread. */
void pando_attached_area(uint64_t address, uint64_t bytes);
void pando_attached_release_area(void);

#endif
