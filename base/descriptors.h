/* Why: descriptors are one table for all threads, and the host believes it knows what is in it: it closes 0 and expects to
 * get 0 again, it closes all above 2 when it becomes a daemon, it passes numbers on. A socket of ours in that table can be
 * closed under us, its number reused, and then our bytes go into the host's file. libcurl opens some that nobody can move
 * (its wake-up pair, the look-up's). So the agent's and the upload thread leave the table, each for one of its own.
 * Context: a thread of ours, first thing. */
#ifndef PANDO_BASE_DESCRIPTORS_H
#define PANDO_BASE_DESCRIPTORS_H

#include <stdbool.h>

/* Gives the calling thread, and the threads that it will make, an empty descriptor table with /dev/null as 0, 1 and 2. The
 * host's table keeps all it had and notices nothing: not even a reference to its files stays here.
 * False when the kernel is older than 5.9, a filter refuses, or the host runs under ThreadSanitizer: then the thread goes on
 * in the host's table. */
bool pando_descriptors_leave_host(void);

#endif
