/* Why: has a process make a thread of libc's that opens libpando.so and starts it. docs/attach.md.
 * Context: own process; blocks for as long as it takes to find a moment. */
#ifndef PANDO_CLI_INJECT_H
#define PANDO_CLI_INJECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attach_block.h"
#include "cli/target.h"

struct pando_inject_report {
    unsigned stops;            /* how often a thread was stopped */
    uint64_t longest_stop_ns;
    pid_t tid;                 /* the thread that made the new one; 0 none */
};

/* Looks for a thread that is at a safe point until the deadline, then has it make the new one; waits until that is done. `block` has the
 * settings and the library; the rest is filled in, and all of it is as the process left it. 0: what block->error says is the answer.
 * PANDO_ERR_TIMEOUT, PANDO_ERR_NOT_FOUND (the process has ended), PANDO_ERR_REFUSED, PANDO_ERR_UNSUPPORTED: one sentence. */
int pando_inject(struct pando_target *target, pid_t pid, uint64_t deadline_mono_ns, struct pando_attach_block *block,
                 struct pando_inject_report *report, char *message, size_t message_bytes);

#endif
