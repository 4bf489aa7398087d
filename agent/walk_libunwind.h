/* Why: PANDO_UNWIND=libunwind: unw_step in the handler, as a yardstick for the walker. Known to hang next to dlopen: for tests.
 * Context: setup (load) and the signal handler (the walk). */
#ifndef PANDO_AGENT_WALK_LIBUNWIND_H
#define PANDO_AGENT_WALK_LIBUNWIND_H

#include "agent/walker.h"

/* Opens libunwind for this process. 0 or PANDO_ERR_NOT_FOUND. Setup. */
int pando_walk_libunwind_load(void);

/* As pando_walk_run, from the signal's context; uses the end of walk->frames as room for libunwind's cursor. */
void pando_walk_libunwind(struct pando_walk *walk, void *context);

#endif
