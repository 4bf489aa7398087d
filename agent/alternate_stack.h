/* Why: a signal needs room on a stack, over 3 KB for the kernel's part alone, and a host's stack may have none: near its guard, in a
 * coroutine of a few KB, or while hand-written assembly uses the stack pointer as one more register. So each thread that has no
 * alternate signal stack gets one of ours, which the host does not see; and a thread with one of its own that is too small for a
 * signal is not sampled (threadsSmallAltstack).
 * Context: the thread concerned; also the host's handlers (sigaltstack), not ours. */
#ifndef PANDO_AGENT_ALTERNATE_STACK_H
#define PANDO_AGENT_ALTERNATE_STACK_H

#include <stdbool.h>
#include <stddef.h>

struct pando_thread_slot;

/* Of one thread: a guard page and the stack. What the host's own handlers with SA_ONSTACK may use in a thread without an alternate
 * stack, so not as small as ours could be; pages that are not touched cost nothing. */
enum { PANDO_ALTERNATE_GUARD_BYTES = 4096, PANDO_ALTERNATE_AREA_BYTES = 17 * 4096 };

/* Setup. */
void pando_alternate_stack_setup(void);

/* The calling thread has a stack for our signals: its own, or from now on the slot's. False: its own is too small. */
bool pando_alternate_stack_enter(struct pando_thread_slot *slot);
/* The calling thread gives the slot's back, unless it runs on it just now. */
void pando_alternate_stack_leave(struct pando_thread_slot *slot);
/* Whether a thread that is alive has this slot's: then the slot cannot be another's. Any thread. */
bool pando_alternate_stack_is_in_use(struct pando_thread_slot *slot);

#endif
