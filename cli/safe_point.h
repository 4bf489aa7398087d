/* Why: a thread may be made to call pthread_create only where it holds no lock that this needs: not in the allocator, the loader, a
 * signal handler, fork, or libc's own lists of threads. docs/attach.md has the rules and their reasons.
 * Context: own process; the thread is stopped. */
#ifndef PANDO_CLI_SAFE_POINT_H
#define PANDO_CLI_SAFE_POINT_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/user.h>

#include "cli/target.h"

/* Whether the call may be made there, by its stack. `why` gets a static clause otherwise ("it is in the allocator"). */
bool pando_safe_point(struct pando_target *target, pid_t tid, const struct user_regs_struct *registers, const char **why);
/* Whether a thread may be interrupted in this system call at all: it can be begun again without anybody seeing it. Before it is
 * stopped; -1: it is in none. */
bool pando_safe_to_interrupt(long call);

#endif
