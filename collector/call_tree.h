/* Why: the samples of one interval, folded: a tree whose nodes are frames (an object and an offset in it), each with the weight of
 * the samples that ended there. Addresses are not in it, because they change their meaning when libraries come and go.
 * Context: worker; one owner. Bounded by a limit given at the start. docs/call-tree.md has the decisions. */
#ifndef PANDO_COLLECTOR_CALL_TREE_H
#define PANDO_COLLECTOR_CALL_TREE_H

#include <stddef.h>
#include <stdint.h>

struct pando_call_tree;

/* The object of frames that Pando itself puts in; their offset is an enum pando_call_own. */
#define PANDO_CALL_OBJECT_OWN UINT32_MAX
enum pando_call_own {
    PANDO_CALL_INCOMPLETE,   /* the outermost frame of a stack whose real outermost frames were not found */
    PANDO_CALL_TRUNCATED,    /* the innermost frame of a stack that was too deep: stands for all that were cut off */
    PANDO_CALL_UNSAMPLED,    /* the innermost frame of time that a thread used after its last sample */
    PANDO_CALL_STATES = 16,  /* + enum pando_sample_state: below the innermost frame of wall time, what the thread was doing */
    PANDO_CALL_SLICES = 1 << 16, /* + its number in the slice table: below the innermost frame, above a state, whose sample it is */
};

struct pando_call_frame {
    uint64_t offset;
    uint32_t object;
};

struct pando_call_node {
    uint32_t parent;         /* below the node's own number; the root's is itself, 0 */
    uint32_t frame;          /* its number; the root has none, and says 0 */
    uint64_t self;           /* summed weights */
};

/* A tree that never uses more than `limit_bytes` (nodes, frames and their indexes; a few hundred bytes of its own apart).
 * NULL: no memory. */
struct pando_call_tree *pando_call_tree_new(size_t limit_bytes);
void pando_call_tree_free(struct pando_call_tree *tree);
/* Forgets the samples and frees the memory for them. */
void pando_call_tree_empty(struct pando_call_tree *tree);

/* Folds one sample: `count` frames, outermost first, from the root on. 0, PANDO_ERR_LIMIT or PANDO_ERR_NO_MEMORY: the sample was
 * not counted (nodes without weight may be there: see pando_snapshot_fill). */
int pando_call_tree_add(struct pando_call_tree *tree, const struct pando_call_frame *frames, uint32_t count, uint64_t weight);

/* Nodes, the root (number 0) included; frames; samples and their summed weights. */
uint32_t pando_call_tree_node_count(const struct pando_call_tree *tree);
uint32_t pando_call_tree_frame_count(const struct pando_call_tree *tree);
uint64_t pando_call_tree_samples(const struct pando_call_tree *tree);
uint64_t pando_call_tree_weight(const struct pando_call_tree *tree);
/* As counted against the limit. */
size_t pando_call_tree_bytes(const struct pando_call_tree *tree);

/* The number must be below the count. */
struct pando_call_node pando_call_tree_node(const struct pando_call_tree *tree, uint32_t node);
struct pando_call_frame pando_call_tree_frame(const struct pando_call_tree *tree, uint32_t frame);

#endif
