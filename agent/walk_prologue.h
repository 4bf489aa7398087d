/* Why: the one register that a walk needs and that the kernel does not tell of a sleeping thread is rbp: code with frame pointers
 * finds its caller by it. What the function's first instructions did to the stack pointer says where rbp points, if the function has
 * not moved it since (alloca, arguments on the stack): so it is checked, counted as a guess, and else the stack is cut.
 * Context: the wall clock's thread and the aggregator; never the handler, which knows rbp. Reads code by process_vm_readv: what is not
 * there (any more) is an error, not a fault. Private to the walker. */
#ifndef PANDO_AGENT_WALK_PROLOGUE_H
#define PANDO_AGENT_WALK_PROLOGUE_H

#include "agent/walker.h"

/* `row` (of kind PANDO_ROW_RBP, of `entry`) is valid where the frame in walk->registers goes on. Finds that frame's rbp: true, and it
 * is in *ret_rbp, and behind a call that ends at its return address. False: it cannot be told. */
bool pando_walk_prologue_rbp(struct pando_walk *walk, const struct pando_object_entry *entry, const struct pando_row *row,
                             uint64_t *ret_rbp);

#endif
