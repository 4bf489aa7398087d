/* Why: many profiles become one tree (the receiver's page, reports over a time range): strings and frames are renumbered,
 * weights brought to one unit. Context: worker and own processes; one thread. Three passes, no recursion: a parent's
 * number is below its children's. */
#include "profile/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static uint64_t scaled(uint64_t self, double factor)
{
    if (factor == 1.0) /* a sum of sums stays exact beyond 2^53 */
        return self;
    double value = (double)self * factor;
    if (!(value < 18446744073709549568.0)) /* the largest double below 2^64 */
        return UINT64_MAX;
    return (uint64_t)(value + 0.5);
}

/* Turns three numbers of strings of the profile into the builder's. */
static int map_strings(struct pando_profile_builder *builder, const struct pando_profile *profile, uint32_t *string_map,
                       uint32_t *const numbers[3])
{
    for (size_t k = 0; k < 3; k++) {
        uint32_t *mapped = &string_map[*numbers[k]];
        if (*mapped == UINT32_MAX) {
            const char *text = profile->strings[*numbers[k]];
            int64_t number = pando_profile_builder_string(builder, text, strlen(text));
            if (number < 0)
                return (int)number;
            *mapped = (uint32_t)number;
        }
        *numbers[k] = *mapped;
    }
    return 0;
}

static int merge_frames(struct pando_profile_builder *builder, const struct pando_profile *profile,
                        uint32_t *string_map, uint32_t *frame_map)
{
    for (uint32_t i = 0; i < profile->string_count; i++)
        string_map[i] = UINT32_MAX;
    for (uint32_t i = 0; i < profile->frame_count; i++) {
        struct pando_profile_frame frame = profile->frames[i];
        int error = map_strings(builder, profile, string_map, (uint32_t *const[3]){&frame.name, &frame.object, &frame.file});
        int64_t number = error == 0 ? pando_profile_builder_frame(builder, frame) : error;
        if (number < 0)
            return (int)number;
        frame_map[i] = (uint32_t)number;
    }
    return 0;
}

/* Objects only help to name; those that find no room are left out. */
static int merge_objects(struct pando_profile_builder *builder, const struct pando_profile *profile, uint32_t *string_map)
{
    for (uint32_t i = 0; i < profile->object_count; i++) {
        struct pando_profile_object object = profile->objects[i];
        int error = map_strings(builder, profile, string_map, (uint32_t *const[3]){&object.name, &object.path, &object.build_id});
        int64_t number = error == 0 ? pando_profile_builder_object(builder, object) : error;
        if (number < 0 && number != PANDO_ERR_LIMIT)
            return (int)number;
    }
    return 0;
}

/* Those that find no room are left out: what a function has no line for is seen. */
static int merge_lines(struct pando_profile_builder *builder, const struct pando_profile *profile, const uint32_t *frame_map, double factor)
{
    for (uint32_t i = 0; i < profile->line_count; i++) {
        const struct pando_profile_line *line = &profile->lines[i];
        int64_t number = pando_profile_builder_line(builder, (struct pando_profile_line){
            .frame = frame_map[line->frame], .line = line->line, .self = scaled(line->self, factor), .total = scaled(line->total, factor),
            .wall_self = scaled(line->wall_self, factor), .wall_total = scaled(line->wall_total, factor)});
        if (number == PANDO_ERR_NO_MEMORY)
            return PANDO_ERR_NO_MEMORY;
    }
    return 0;
}

static int merge_nodes(struct pando_profile_builder *builder, const struct pando_profile *profile,
                       const uint32_t *frame_map, uint32_t *node_map, double factor)
{
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        int64_t number = 0;
        if (i != 0)
            number = pando_profile_builder_child(builder, node_map[node->parent], frame_map[node->frame]);
        if (number < 0)
            return (int)number;
        node_map[i] = (uint32_t)number;
        if (node->self != 0)
            pando_profile_builder_add_self(builder, node_map[i], scaled(node->self, factor));
    }
    return 0;
}

int pando_profile_builder_merge(struct pando_profile_builder *builder, const struct pando_profile *profile,
                                double scale_numerator)
{
    double factor = scale_numerator / profile->meta.weight_per_second;
    if (!isfinite(factor) || factor < 0)
        return PANDO_ERR_INVALID;
    size_t total = (size_t)profile->string_count + profile->frame_count + profile->node_count;
    uint32_t *maps = malloc(total * sizeof *maps);
    if (maps == NULL)
        return PANDO_ERR_NO_MEMORY;
    uint32_t *frame_map = maps + profile->string_count;
    uint32_t *node_map = frame_map + profile->frame_count;
    int error = merge_frames(builder, profile, maps, frame_map);
    if (error == 0)
        error = merge_nodes(builder, profile, frame_map, node_map, factor);
    if (error == 0)
        error = merge_objects(builder, profile, maps);
    if (error == 0)
        error = merge_lines(builder, profile, frame_map, factor);
    free(maps);
    for (uint32_t i = 0; error == 0 && i < profile->counter_count; i++) {
        const char *name = profile->strings[profile->counters[i].name];
        error = pando_profile_builder_add_counter(builder, name, profile->counters[i].value);
        if (error == PANDO_ERR_LIMIT)
            error = 0; /* a sender that makes up counter names must not make the trees of others unreadable */
    }
    return error;
}
