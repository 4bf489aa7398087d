/* Why: self and total weights of a call tree, for each node and for each frame; a recursive function's total counts once.
 * Context: own processes. Pure. Iterative: a tree may be as deep as it likes. */
#ifndef PANDO_PROFILE_WEIGHTS_H
#define PANDO_PROFILE_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/profile.h"

struct pando_weights {
    uint64_t total;         /* of the whole profile */
    uint64_t *node_total;   /* a node's self and that of everything under it */
    uint64_t *frame_self;
    uint64_t *frame_total;  /* of the samples that have the frame anywhere in their stack */
    uint32_t *first_child;  /* of each node; 0 none */
    uint32_t *next_sibling; /* 0 none */
};

/* 0 or PANDO_ERR_NO_MEMORY. Release it also after an error. */
int pando_weights_make(const struct pando_profile *profile, struct pando_weights *weights);
void pando_weights_release(struct pando_weights *weights);
/* Fills `frames` with the numbers of the (at most `limit`) frames with the largest self weight, largest first; those without
 * any come after the others by total. Returns how many. */
uint32_t pando_weights_top(const struct pando_profile *profile, const struct pando_weights *weights, uint32_t limit,
                           uint32_t *frames);

#endif
