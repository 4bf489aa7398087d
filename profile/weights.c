/* Why: profile/weights.h. Context: own process. */
#include "profile/weights.h"

#include <stdlib.h>

#include "base/error.h"

static int allocate(const struct pando_profile *profile, struct pando_weights *weights)
{
    size_t nodes = profile->node_count != 0 ? profile->node_count : 1;
    size_t frames = profile->frame_count != 0 ? profile->frame_count : 1;
    *weights = (struct pando_weights){
        .node_total = calloc(nodes, sizeof(uint64_t)),
        .frame_self = calloc(frames, sizeof(uint64_t)),
        .frame_total = calloc(frames, sizeof(uint64_t)),
        .first_child = calloc(nodes, sizeof(uint32_t)),
        .next_sibling = calloc(nodes, sizeof(uint32_t)),
    };
    if (weights->node_total == NULL || weights->frame_self == NULL || weights->frame_total == NULL ||
        weights->first_child == NULL || weights->next_sibling == NULL)
        return PANDO_ERR_NO_MEMORY;
    return 0;
}

/* Walks the tree and counts, for each frame, how often it is on the path: it adds to its total where it is once. */
static int add_frame_totals(const struct pando_profile *profile, struct pando_weights *weights)
{
    uint32_t *on_path = calloc(profile->frame_count + 1, sizeof *on_path);
    if (on_path == NULL)
        return PANDO_ERR_NO_MEMORY;
    uint32_t node = 0;
    while (true) {
        uint32_t frame = profile->nodes[node].frame;
        if (on_path[frame]++ == 0)
            weights->frame_total[frame] += weights->node_total[node];
        if (weights->first_child[node] != 0) {
            node = weights->first_child[node];
            continue;
        }
        while (true) { /* leave it, and the ancestors that end with it */
            on_path[profile->nodes[node].frame]--;
            if (node == 0 || weights->next_sibling[node] != 0)
                break;
            node = profile->nodes[node].parent;
        }
        if (node == 0)
            break;
        node = weights->next_sibling[node];
    }
    free(on_path);
    return 0;
}

int pando_weights_make(const struct pando_profile *profile, struct pando_weights *weights)
{
    int error = allocate(profile, weights);
    if (error != 0 || profile->node_count == 0)
        return error;
    for (uint32_t i = profile->node_count; i-- > 0;) { /* children before their parents */
        const struct pando_profile_node *node = &profile->nodes[i];
        weights->node_total[i] += node->self;
        weights->frame_self[node->frame] += node->self;
        weights->total += node->self;
        if (i != 0) {
            weights->node_total[node->parent] += weights->node_total[i];
            weights->next_sibling[i] = weights->first_child[node->parent];
            weights->first_child[node->parent] = i;
        }
    }
    return add_frame_totals(profile, weights);
}

void pando_weights_release(struct pando_weights *weights)
{
    free(weights->node_total);
    free(weights->frame_self);
    free(weights->frame_total);
    free(weights->first_child);
    free(weights->next_sibling);
    *weights = (struct pando_weights){0};
}

static bool is_hotter(const struct pando_weights *weights, uint32_t a, uint32_t b)
{
    if (weights->frame_self[a] != weights->frame_self[b])
        return weights->frame_self[a] > weights->frame_self[b];
    return weights->frame_total[a] > weights->frame_total[b];
}

uint32_t pando_weights_top(const struct pando_profile *profile, const struct pando_weights *weights, uint32_t limit,
                           uint32_t *frames)
{
    uint32_t count = 0;
    for (uint32_t frame = 1; frame < profile->frame_count && limit != 0; frame++) {
        if (weights->frame_total[frame] == 0)
            continue;
        if (count == limit) {
            if (!is_hotter(weights, frame, frames[count - 1]))
                continue;
            count--;
        }
        uint32_t at = count;
        for (; at > 0 && is_hotter(weights, frame, frames[at - 1]); at--)
            frames[at] = frames[at - 1];
        frames[at] = frame;
        count++;
    }
    return count;
}
