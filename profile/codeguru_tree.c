/* Why: profile/codeguru_tree.h. Context: worker and own processes.
 * A second builder does the merging: its frames are the keys, so its children are what the wire tells apart. */
#include "profile/codeguru_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

enum { KEY_MAX_BYTES = 16 * 1024 };

static int64_t key_frame(struct pando_profile_builder *keys, const struct pando_profile *profile,
                         const struct pando_profile_frame *frame, struct pando_buffer *scratch)
{
    const char *name = profile->strings[frame->name];
    const char *object = profile->strings[frame->object];
    pando_buffer_clear(scratch);
    if (object[0] != '\0' && name[0] != '[') {
        pando_buffer_append_text(scratch, object);
        pando_buffer_append_char(scratch, ':');
    }
    pando_buffer_append_text(scratch, name[0] != '\0' ? name : "[unknown]");
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
        if (pando_profile_frame_state(profile, node->frame) == PANDO_PROFILE_NO_STATE)
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
    node->self = add(node->self, from->self);
    if (node->file[0] == '\0' && file[0] != '\0') {
        node->file = file;
        node->line_min = node->line_max = 0;
    }
    if (strcmp(node->file, file) != 0 || frame->line_min == 0)
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
            fill_in(&tree->nodes[node_map[i]], profile, from);
        else if (tree->states != NULL)
            tree->states[node_map[i]][state] = add(tree->states[node_map[i]][state], from->self);
    }
}

int pando_codeguru_tree_make(const struct pando_profile *profile, struct pando_codeguru_tree *tree)
{
    *tree = (struct pando_codeguru_tree){0};
    struct pando_profile_builder *keys = pando_profile_builder_new(SIZE_MAX);
    uint32_t *maps = malloc(((size_t)profile->frame_count + profile->node_count) * sizeof *maps);
    int error = keys == NULL || maps == NULL ? PANDO_ERR_NO_MEMORY : 0;
    if (error == 0)
        error = merge_by_key(keys, profile, maps, maps + profile->frame_count);
    if (error != 0) {
        pando_profile_builder_free(keys);
        free(maps);
        return error;
    }
    tree->keys = pando_profile_builder_finish(keys);
    if (tree->keys != NULL)
        tree->nodes = malloc(tree->keys->node_count * sizeof *tree->nodes);
    uint64_t totals[PANDO_PROFILE_STATES];
    bool has_states = pando_profile_state_totals(profile, totals);
    if (tree->nodes != NULL && has_states)
        tree->states = calloc(tree->keys->node_count, sizeof *tree->states);
    if (tree->nodes == NULL || (has_states && tree->states == NULL)) {
        pando_codeguru_tree_release(tree);
        free(maps);
        return PANDO_ERR_NO_MEMORY;
    }
    tree->node_count = tree->keys->node_count;
    link_nodes(tree, profile, maps + profile->frame_count);
    free(maps);
    return 0;
}

void pando_codeguru_tree_release(struct pando_codeguru_tree *tree)
{
    free(tree->nodes);
    free(tree->states);
    pando_profile_free(tree->keys);
    *tree = (struct pando_codeguru_tree){0};
}
