/* Why: on the wire siblings are members of one object, so what two frames share is decided by the key they render to. This
 * turns a profile into the tree of those keys: siblings of one key are one node, at every level. States and slices are no frames on
 * the wire: what lies in their nodes counts for the function above them. How a function's weight is divided among slices is told
 * to Pando's own receiver, in addition: Amazon's form has no room for it.
 * Context: worker and own processes. Private to profile/. */
#ifndef PANDO_PROFILE_CODEGURU_TREE_H
#define PANDO_PROFILE_CODEGURU_TREE_H

#include <stdint.h>

#include "base/buffer.h"
#include "profile/slices.h"
#include "profile/states.h"

enum { PANDO_CODEGURU_NO_NODE = 0 }; /* the root is nobody's child or sibling */

struct pando_codeguru_node {
    const char *key;         /* of the tree; "" for the root */
    const char *file;        /* of the profile; "" unknown */
    uint64_t self;
    uint32_t parent, first_child, next_sibling; /* in order of first appearance */
    uint32_t line_min, line_max;
    uint32_t first_share, share_count; /* in the tree's shares */
};

/* What a slice has of a node's weight. */
struct pando_codeguru_share {
    uint32_t node;
    uint32_t slice;          /* number in the tree's slices */
    uint64_t weights[PANDO_PROFILE_STATES];
};

struct pando_codeguru_tree {
    struct pando_codeguru_node *nodes; /* nodes[0] is the root */
    uint32_t node_count;
    uint64_t (*states)[PANDO_PROFILE_STATES]; /* of each node, by state; [0] is not used. NULL: the profile has no states */
    unsigned seen;                     /* bit s: some node has weight in state s (or, bit 0, self) */
    struct pando_codeguru_share *shares; /* by node, then by slice; each pair once. NULL: there are no slices */
    uint32_t *slices;                  /* frames of the profile; only the first PANDO_SLICES_MAX, other weight is in no share */
    uint32_t share_count, slice_count;
    struct pando_profile *keys;        /* keeps the keys' bytes */
};

/* Appends a frame's key: "object:name", or the name. */
void pando_codeguru_key(const struct pando_profile *profile, const struct pando_profile_frame *frame, struct pando_buffer *out);

/* Returns 0, PANDO_ERR_NO_MEMORY or PANDO_ERR_LIMIT. `profile` must outlive the tree. */
int pando_codeguru_tree_make(const struct pando_profile *profile, struct pando_codeguru_tree *tree);
/* Keeps `max_depth` frames of each stack (at least 1); weight that lies deeper goes to the last that stays,
 * its shares to nobody. PANDO_ERR_NO_MEMORY. */
int pando_codeguru_tree_cut(struct pando_codeguru_tree *tree, uint32_t max_depth);
void pando_codeguru_tree_release(struct pando_codeguru_tree *tree);

#endif
