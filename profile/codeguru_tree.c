/* Why: profile/codeguru_tree.h. Context: worker and own processes.
 * A second builder does the merging: its frames are the keys, so its children are what the wire tells apart. */
#include "profile/codeguru_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

enum { KEY_MAX_BYTES = 16 * 1024 };

void pando_codeguru_key(const struct pando_profile *profile, const struct pando_profile_frame *frame, struct pando_buffer *out)
{
    const char *name = profile->strings[frame->name];
    const char *object = profile->strings[frame->object];
    if (object[0] != '\0' && name[0] != '[') {
        pando_buffer_append_text(out, object);
        pando_buffer_append_char(out, ':');
    }
    pando_buffer_append_text(out, name[0] != '\0' ? name : "[unknown]");
}

static int64_t key_frame(struct pando_profile_builder *keys, const struct pando_profile *profile,
                         const struct pando_profile_frame *frame, struct pando_buffer *scratch)
{
    pando_buffer_clear(scratch);
    pando_codeguru_key(profile, frame, scratch);
    if (scratch->failed != 0)
        return scratch->failed;
    int64_t string = pando_profile_builder_string(keys, scratch->bytes, scratch->len_bytes);
    if (string < 0)
        return string;
    return pando_profile_builder_frame(keys, (struct pando_profile_frame){.name = (uint32_t)string});
}

/* Numbers: of frames of the profile to frames of `keys`, of nodes of the profile to nodes of `keys`. */
static int merge_by_key(struct pando_profile_builder *keys, const struct pando_profile *profile, uint32_t *frame_map,
                        uint32_t *node_map)
{
    struct pando_buffer scratch;
    pando_buffer_init(&scratch, KEY_MAX_BYTES);
    int64_t number = 0;
    for (uint32_t i = 0; i < profile->frame_count && number >= 0; i++) {
        number = key_frame(keys, profile, &profile->frames[i], &scratch);
        frame_map[i] = (uint32_t)number;
    }
    pando_buffer_release(&scratch);
    node_map[0] = 0;
    for (uint32_t i = 1; i < profile->node_count && number >= 0; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        number = node_map[node->parent];
        if (pando_profile_frame_state(profile, node->frame) == PANDO_PROFILE_NO_STATE &&
            !pando_profile_frame_is_slice(profile, node->frame))
            number = pando_profile_builder_child(keys, (uint32_t)number, frame_map[node->frame]);
        node_map[i] = (uint32_t)number;
    }
    return number < 0 ? (int)number : 0;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Where merged frames differ in their file, the first one's stays, with its lines. */
static void fill_in(struct pando_codeguru_node *node, const struct pando_profile *profile,
                    const struct pando_profile_node *from)
{
    const struct pando_profile_frame *frame = &profile->frames[from->frame];
    const char *file = profile->strings[frame->file];
    if (node->file[0] == '\0' && file[0] != '\0') {
        node->file = file;
        node->line_min = node->line_max = 0;
    }
    /* The root's frame is also that of functions whose name is "". */
    if (from == profile->nodes || strcmp(node->file, file) != 0 || frame->line_min == 0)
        return;
    if (node->line_min == 0 || frame->line_min < node->line_min)
        node->line_min = frame->line_min;
    if (frame->line_max > node->line_max)
        node->line_max = frame->line_max;
}

static void link_nodes(struct pando_codeguru_tree *tree, const struct pando_profile *profile, const uint32_t *node_map)
{
    const struct pando_profile *keys = tree->keys;
    for (uint32_t i = 0; i < tree->node_count; i++) {
        const struct pando_profile_frame *frame = &keys->frames[keys->nodes[i].frame];
        tree->nodes[i] = (struct pando_codeguru_node){
            .key = keys->strings[frame->name], .file = "", .parent = keys->nodes[i].parent};
    }
    for (uint32_t i = tree->node_count; i-- > 1;) {
        struct pando_codeguru_node *parent = &tree->nodes[tree->nodes[i].parent];
        tree->nodes[i].next_sibling = parent->first_child;
        parent->first_child = i;
    }
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *from = &profile->nodes[i];
        enum pando_profile_state state = pando_profile_frame_state(profile, from->frame);
        tree->seen |= from->self != 0 ? 1u << state : 0;
        if (state == PANDO_PROFILE_NO_STATE)
            tree->nodes[node_map[i]].self = add(tree->nodes[node_map[i]].self, from->self);
        if (state == PANDO_PROFILE_NO_STATE && !pando_profile_frame_is_slice(profile, from->frame))
            fill_in(&tree->nodes[node_map[i]], profile, from);
        if (state != PANDO_PROFILE_NO_STATE && tree->states != NULL)
            tree->states[node_map[i]][state] = add(tree->states[node_map[i]][state], from->self);
    }
}

/* Numbers the slices: by frame of the profile, UINT32_MAX for what is none (or one too many). */
static int number_slices(struct pando_codeguru_tree *tree, const struct pando_profile *profile, uint32_t *slice_map)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < profile->frame_count; i++)
        slice_map[i] = count < PANDO_SLICES_MAX && pando_profile_frame_is_slice(profile, i) ? count++ : UINT32_MAX;
    if (count == 0)
        return 0;
    tree->slices = malloc(count * sizeof *tree->slices);
    if (tree->slices == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < profile->frame_count; i++)
        if (slice_map[i] != UINT32_MAX)
            tree->slices[tree->slice_count++] = i;
    return 0;
}

static int by_node(const void *a, const void *b)
{
    const struct pando_codeguru_share *x = a, *y = b;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return (x->slice > y->slice) - (x->slice < y->slice);
}

/* Adds up shares of one node and slice, and tells the nodes where theirs are. */
static void join_shares(struct pando_codeguru_tree *tree)
{
    uint32_t count = 0;
    qsort(tree->shares, tree->share_count, sizeof *tree->shares, by_node);
    for (uint32_t i = 0; i < tree->share_count; i++) {
        struct pando_codeguru_share share = tree->shares[i];
        struct pando_codeguru_share *last = count != 0 ? &tree->shares[count - 1] : NULL;
        if (last == NULL || by_node(last, &share) != 0) {
            struct pando_codeguru_node *node = &tree->nodes[share.node];
            node->first_share = node->share_count++ == 0 ? count : node->first_share;
            tree->shares[count++] = share;
            continue;
        }
        for (unsigned state = 0; state < PANDO_PROFILE_STATES; state++)
            last->weights[state] = add(last->weights[state], share.weights[state]);
    }
    tree->share_count = count;
}

static int share_out(struct pando_codeguru_tree *tree, const struct pando_profile *profile, const uint32_t *node_map,
                     const uint32_t *slice_map)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        most += tree->slice_count != 0 && profile->nodes[i].self != 0;
    if (most == 0)
        return 0;
    tree->shares = malloc(most * sizeof *tree->shares);
    if (tree->shares == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *from = &profile->nodes[i];
        enum pando_profile_state state = pando_profile_frame_state(profile, from->frame);
        uint32_t slice = slice_map[state == PANDO_PROFILE_NO_STATE ? from->frame : profile->nodes[from->parent].frame];
        if (slice == UINT32_MAX || from->self == 0)
            continue;
        struct pando_codeguru_share *share = &tree->shares[tree->share_count++];
        *share = (struct pando_codeguru_share){.node = node_map[i], .slice = slice};
        share->weights[state] = from->self;
    }
    join_shares(tree);
    return 0;
}

/* `maps` has room for two numbers of each frame and one of each node of the profile. */
static int make(const struct pando_profile *profile, struct pando_profile_builder *keys, uint32_t *maps,
                struct pando_codeguru_tree *tree)
{
    uint32_t *slice_map = maps + profile->frame_count, *node_map = slice_map + profile->frame_count;
    int error = merge_by_key(keys, profile, maps, node_map);
    if (error != 0) {
        pando_profile_builder_free(keys);
        return error;
    }
    tree->keys = pando_profile_builder_finish(keys);
    if (tree->keys != NULL)
        tree->nodes = malloc(tree->keys->node_count * sizeof *tree->nodes);
    uint64_t totals[PANDO_PROFILE_STATES];
    bool has_states = pando_profile_state_totals(profile, totals);
    if (tree->nodes != NULL && has_states)
        tree->states = calloc(tree->keys->node_count, sizeof *tree->states);
    if (tree->nodes == NULL || (has_states && tree->states == NULL))
        return PANDO_ERR_NO_MEMORY;
    tree->node_count = tree->keys->node_count;
    link_nodes(tree, profile, node_map);
    error = number_slices(tree, profile, slice_map);
    return error == 0 ? share_out(tree, profile, node_map, slice_map) : error;
}

int pando_codeguru_tree_make(const struct pando_profile *profile, struct pando_codeguru_tree *tree)
{
    *tree = (struct pando_codeguru_tree){0};
    struct pando_profile_builder *keys = pando_profile_builder_new(SIZE_MAX);
    uint32_t *maps = malloc((2 * (size_t)profile->frame_count + profile->node_count) * sizeof *maps);
    if (keys == NULL || maps == NULL) {
        pando_profile_builder_free(keys);
        free(maps);
        return PANDO_ERR_NO_MEMORY;
    }
    int error = make(profile, keys, maps, tree);
    free(maps);
    if (error != 0)
        pando_codeguru_tree_release(tree);
    return error;
}

int pando_codeguru_tree_cut(struct pando_codeguru_tree *tree, uint32_t max_depth)
{
    uint32_t *depths = malloc(tree->node_count * sizeof *depths);
    if (depths == NULL)
        return PANDO_ERR_NO_MEMORY;
    depths[0] = 0;
    for (uint32_t i = 1; i < tree->node_count; i++)
        depths[i] = depths[tree->nodes[i].parent] + 1;
    for (uint32_t i = tree->node_count; i-- > 1;) {
        uint32_t parent = tree->nodes[i].parent;
        if (depths[i] <= max_depth)
            continue;
        tree->nodes[parent].self = add(tree->nodes[parent].self, tree->nodes[i].self);
        for (unsigned state = 0; tree->states != NULL && state < PANDO_PROFILE_STATES; state++)
            tree->states[parent][state] = add(tree->states[parent][state], tree->states[i][state]);
        tree->nodes[parent].first_child = PANDO_CODEGURU_NO_NODE;
    }
    free(depths);
    return 0;
}

void pando_codeguru_tree_release(struct pando_codeguru_tree *tree)
{
    free(tree->nodes);
    free(tree->states);
    free(tree->shares);
    free(tree->slices);
    pando_profile_free(tree->keys);
    *tree = (struct pando_codeguru_tree){0};
}
