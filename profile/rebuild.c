/* Why: profile/rebuild.h. Context: as there. No recursion: a parent's number is below its children's. */
#include "profile/rebuild.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/twins.h"

enum { FATE_USEFUL = 128 }; /* there is weight in the node or below it */

/* Strings keep their numbers, by coming in the same order: those in meta stay right. */
static int copy_names(const struct pando_profile *from, struct pando_profile_builder *to)
{
    int64_t number = 0;
    for (uint32_t i = 0; i < from->string_count && number >= 0; i++)
        number = pando_profile_builder_string(to, from->strings[i], strlen(from->strings[i]));
    for (uint32_t i = 0; i < from->object_count && number >= 0; i++)
        number = pando_profile_builder_object(to, from->objects[i]);
    int error = number < 0 ? (int)number : 0;
    for (uint32_t i = 0; i < from->counter_count && error == 0; i++)
        error = pando_profile_builder_add_counter(to, from->strings[from->counters[i].name], from->counters[i].value);
    return error;
}

static void mark_useful(const struct pando_profile *from, uint8_t *fates, bool prune)
{
    for (uint32_t i = from->node_count; i-- > 1;) {
        if (!prune || ((fates[i] & PANDO_FATE_WEIGHT) != 0 && from->nodes[i].self != 0))
            fates[i] |= FATE_USEFUL;
        if ((fates[i] & FATE_USEFUL) != 0)
            fates[from->nodes[i].parent] |= FATE_USEFUL;
    }
}

/* The node's number in `to`: a child of where its parent went, or that place itself. */
static int64_t place(const struct pando_profile *from, struct pando_profile_builder *to, uint32_t number, uint8_t fate,
                     const uint32_t *node_map, const uint32_t *shown_as)
{
    const struct pando_profile_node *node = &from->nodes[number];
    if (number == 0)
        return 0;
    if ((fate & PANDO_FATE_FRAME) == 0 || (fate & FATE_USEFUL) == 0)
        return node_map[node->parent];
    int64_t frame = pando_profile_builder_frame(to, from->frames[shown_as[node->frame]]);
    return frame < 0 ? frame : pando_profile_builder_child(to, node_map[node->parent], (uint32_t)frame);
}

/* Of the frames that are still there. They are those of all threads and states, whatever is left of these. */
static int copy_lines(const struct pando_profile *from, struct pando_profile_builder *to, const uint32_t *shown_as, const uint8_t *is_shown)
{
    for (uint32_t i = 0; i < from->line_count; i++) {
        struct pando_profile_line line = from->lines[i];
        uint32_t frame = shown_as[line.frame];
        if (!is_shown[frame])
            continue;
        line.frame = (uint32_t)pando_profile_builder_frame(to, from->frames[frame]);
        int64_t number = pando_profile_builder_line(to, line);
        if (number < 0)
            return (int)number;
    }
    return 0;
}

static int copy_nodes(const struct pando_profile *from, struct pando_profile_builder *to, const uint8_t *fates)
{
    uint32_t *node_map = malloc(((size_t)from->node_count + from->frame_count + 1) * sizeof *node_map);
    uint8_t *is_shown = calloc((size_t)from->frame_count + 1, 1);
    if (node_map == NULL || is_shown == NULL) {
        free(node_map);
        free(is_shown);
        return PANDO_ERR_NO_MEMORY;
    }
    uint32_t *shown_as = node_map + from->node_count;
    pando_profile_twins(from, shown_as);
    int error = 0;
    for (uint32_t i = 0; i < from->node_count && error == 0; i++) {
        int64_t number = place(from, to, i, fates[i], node_map, shown_as);
        error = number < 0 ? (int)number : 0;
        node_map[i] = (uint32_t)number;
        is_shown[shown_as[from->nodes[i].frame]] |= (fates[i] & PANDO_FATE_FRAME) != 0 && (fates[i] & FATE_USEFUL) != 0;
        if (error == 0 && (fates[i] & PANDO_FATE_WEIGHT) != 0)
            pando_profile_builder_add_self(to, node_map[i], from->nodes[i].self);
    }
    if (error == 0)
        error = copy_lines(from, to, shown_as, is_shown);
    free(node_map);
    free(is_shown);
    return error;
}

int pando_profile_rebuild(const struct pando_profile *from, uint8_t *fates, bool prune, struct pando_profile **ret_profile)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    int error = builder == NULL ? PANDO_ERR_NO_MEMORY : copy_names(from, builder);
    mark_useful(from, fates, prune);
    if (error == 0)
        error = copy_nodes(from, builder, fates);
    if (error != 0) {
        pando_profile_builder_free(builder);
        return error;
    }
    *pando_profile_builder_meta(builder) = from->meta;
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    if (profile == NULL)
        return PANDO_ERR_NO_MEMORY;
    *ret_profile = profile;
    return 0;
}
