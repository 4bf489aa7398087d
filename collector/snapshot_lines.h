/* Why: which lines of a function the samples were on: the tree knows addresses, the profile only functions. So they are added up while
 * the profile is made, over all threads and stacks; a tree with lines in it would have each function many times.
 * Context: worker; one owner. Private to collector/snapshot*.c. docs/symbols.md has what it costs. */
#ifndef PANDO_COLLECTOR_SNAPSHOT_LINES_H
#define PANDO_COLLECTOR_SNAPSHOT_LINES_H

#include <stdint.h>

#include "collector/call_tree.h"
#include "profile/profile.h"

enum { PANDO_SNAPSHOT_LINES_MAX = 16384 }; /* a profile; those that come later are left out */

/* What snapshot.c has worked out. */
struct pando_snapshot_lines {
    struct pando_profile_builder *builder; /* has no lines yet */
    const struct pando_call_tree *tree;
    uint32_t node_count;
    const uint32_t *nodes;      /* of the tree: their nodes in the profile, 0: left out */
    const uint32_t *frames;     /* of the tree: where their functions begin in the next three */
    const uint32_t *functions;  /* how many, then their frames in the profile, outermost first */
    const uint32_t *lines;      /* beside each function its line, 0: unknown */
    uint32_t function_count;    /* of both arrays */
    uint32_t inlined_max;       /* functions after the first that are shown */
};

/* Adds the weights of lines to the builder. 0 or PANDO_ERR_NO_MEMORY. */
int pando_snapshot_put_lines(const struct pando_snapshot_lines *from);

#endif
