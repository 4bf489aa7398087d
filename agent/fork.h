/* Why: a child of fork has our memory, but neither our threads nor our timers: it starts anew, as a process of its own, or (as
 * PANDO_FOLLOW=false says) goes on without Pando.
 * Context: setup. */
#ifndef PANDO_AGENT_FORK_H
#define PANDO_AGENT_FORK_H

#include <stdbool.h>

/* Registers with libc. 0, or not when it has no memory. */
int pando_fork_setup(void);
/* False under another C library, where Pando stays off. */
bool pando_fork_is_glibc(void);

#endif
