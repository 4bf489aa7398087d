/* Why: collector/call_tree.h: two numbering tables with one budget. Context: worker. */
#include "collector/call_tree.h"

#include <stdlib.h>

#include "base/error.h"
#include "collector/numbering.h"

struct pando_call_tree {
    struct pando_numbering_budget budget;
    struct pando_numbering frames; /* key: offset, object */
    struct pando_numbering nodes;  /* key: parent << 32 | frame; value: self. Number n here is node n + 1 of the tree */
    uint64_t root_self;
    uint64_t samples, weight;
};

struct pando_call_tree *pando_call_tree_new(size_t limit_bytes)
{
    struct pando_call_tree *tree = calloc(1, sizeof *tree);
    if (tree != NULL)
        tree->budget.limit_bytes = limit_bytes;
    return tree;
}

void pando_call_tree_free(struct pando_call_tree *tree)
{
    if (tree == NULL)
        return;
    pando_call_tree_empty(tree);
    free(tree);
}

void pando_call_tree_empty(struct pando_call_tree *tree)
{
    pando_numbering_release(&tree->nodes, &tree->budget);
    pando_numbering_release(&tree->frames, &tree->budget);
    tree->root_self = tree->samples = tree->weight = 0;
}

int pando_call_tree_add(struct pando_call_tree *tree, const struct pando_call_frame *frames, uint32_t count, uint64_t weight)
{
    uint32_t parent = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t frame = pando_numbering_put(&tree->frames, &tree->budget, frames[i].offset, frames[i].object);
        if (frame < 0)
            return (int)frame;
        int64_t node = pando_numbering_put(&tree->nodes, &tree->budget, (uint64_t)parent << 32 | (uint64_t)frame, 0);
        if (node < 0)
            return (int)node;
        parent = (uint32_t)node + 1;
    }
    if (parent == 0)
        tree->root_self += weight;
    else
        pando_numbering_at(&tree->nodes, parent - 1)->value += weight;
    tree->samples++;
    tree->weight += weight;
    return 0;
}

uint32_t pando_call_tree_node_count(const struct pando_call_tree *tree)
{
    return tree->nodes.count + 1;
}

uint32_t pando_call_tree_frame_count(const struct pando_call_tree *tree)
{
    return tree->frames.count;
}

uint64_t pando_call_tree_samples(const struct pando_call_tree *tree)
{
    return tree->samples;
}

uint64_t pando_call_tree_weight(const struct pando_call_tree *tree)
{
    return tree->weight;
}

size_t pando_call_tree_bytes(const struct pando_call_tree *tree)
{
    return tree->budget.used_bytes;
}

struct pando_call_node pando_call_tree_node(const struct pando_call_tree *tree, uint32_t node)
{
    if (node == 0)
        return (struct pando_call_node){.self = tree->root_self};
    const struct pando_numbered *entry = pando_numbering_at(&tree->nodes, node - 1);
    return (struct pando_call_node){.parent = (uint32_t)(entry->key >> 32), .frame = (uint32_t)entry->key, .self = entry->value};
}

struct pando_call_frame pando_call_tree_frame(const struct pando_call_tree *tree, uint32_t frame)
{
    const struct pando_numbered *entry = pando_numbering_at(&tree->frames, frame);
    return (struct pando_call_frame){.offset = entry->key, .object = entry->key_more};
}
