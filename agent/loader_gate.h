/* Why: a child of fork gets a copy of the loader as it is at that moment. What another thread was about to load is mapped there and
 * not relocated, nobody will finish it, and it is taken for loaded: its first call goes to an address of the file. So Pando's thread
 * and forks keep out of each other's way, and a child that was copied in the middle all the same leaves the loader alone.
 * And setuid and its kin: glibc (2.36) has one lock for the stacks and one for thread-local storage; dlopen of a library with static
 * storage takes them in one order, setuid beside pthread_create in the other, and nobody goes on.
 * Context: each function says. */
#ifndef PANDO_AGENT_LOADER_GATE_H
#define PANDO_AGENT_LOADER_GATE_H

#include <stdbool.h>

/* Around all that loads our libraries or sets them up. Waits while a fork goes on. The agent's thread. */
void pando_loader_gate_enter(void);
void pando_loader_gate_leave(void);

/* Around what must not meet it: waits, so long at most, until nobody is inside, and keeps the gate closed until the release. Any thread;
 * several may hold it at once. */
void pando_loader_gate_hold(unsigned at_most_ms);
void pando_loader_gate_release(void);
/* In the child of a fork, in place of the release. */
void pando_loader_gate_after_fork(void);
/* In the child: false when the copy was made in the middle of our loading, or of a dlopen or dlclose of the host's. */
bool pando_loader_gate_is_whole(void);

#endif
