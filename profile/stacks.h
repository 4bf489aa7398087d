/* Why: other formats know stacks, not trees: each one with who was sampled and in which state, which in a profile are leaves. This
 * takes a node apart, for all encoders of them.
 * Context: own processes. Pure. */
#ifndef PANDO_PROFILE_STACKS_H
#define PANDO_PROFILE_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/states.h"

enum { PANDO_STACK_NO_SLICE = 0 }; /* the root's frame is no slice */

struct pando_stack {
    uint32_t node;       /* the innermost function; 0: none */
    uint32_t slice;      /* frame; PANDO_STACK_NO_SLICE */
    enum pando_profile_state state;
    uint64_t weight;     /* above 0 */
};

/* What frames are, looked up once. */
struct pando_stacks {
    const struct pando_profile *profile;
    uint8_t *kinds;      /* by frame */
    unsigned view;       /* states that are wanted, settled */
    uint64_t total;      /* weight of all the stacks */
};

/* 0 or PANDO_ERR_NO_MEMORY. `view` as in profile/states.h. The profile must outlive it. */
int pando_stacks_make(const struct pando_profile *profile, unsigned view, struct pando_stacks *stacks);
void pando_stacks_release(struct pando_stacks *stacks);
/* The next stack of the view with weight from node *cursor on (0 at first; it is moved on). False: there are no more. */
bool pando_stacks_next(const struct pando_stacks *stacks, uint32_t *cursor, struct pando_stack *ret_stack);

#endif
