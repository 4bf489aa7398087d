/* Why: receiver/tree_json.h. Context: own process. */
#include "receiver/tree_json.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { PROFILE_LIMIT_BYTES = 1 << 30 };

struct decoding {
    struct pando_profile_builder *builder;
    uint32_t *frames;   /* number in the answer -> in the builder */
    uint32_t *nodes;
    size_t frame_count;
};

static uint64_t uint_member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_real(value) && json_real_value(value) > 0 && json_real_value(value) < 1.8e19)
        return (uint64_t)json_real_value(value);
    return json_is_integer(value) && json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

/* The number of the string; 0 when the member is not there. */
static int64_t string_member(struct decoding *decoding, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value))
        return 0;
    return pando_profile_builder_string(decoding->builder, json_string_value(value), json_string_length(value));
}

static int add_frames(struct decoding *decoding, const json_t *frames)
{
    size_t i;
    json_t *item;
    decoding->frame_count = json_array_size(frames);
    decoding->frames = calloc(decoding->frame_count + 1, sizeof *decoding->frames);
    if (decoding->frames == NULL)
        return PANDO_ERR_NO_MEMORY;
    json_array_foreach(frames, i, item) {
        int64_t name = string_member(decoding, item, "name"), object = string_member(decoding, item, "object"),
                file = string_member(decoding, item, "file");
        uint64_t line = uint_member(item, "line"), line_end = uint_member(item, "lineEnd");
        if (name < 0 || object < 0 || file < 0)
            return PANDO_ERR_LIMIT;
        int64_t frame = pando_profile_builder_frame(decoding->builder, (struct pando_profile_frame){
            .name = (uint32_t)name, .object = (uint32_t)object, .file = (uint32_t)file,
            .line_min = line <= UINT32_MAX ? (uint32_t)line : 0, .line_max = line_end <= UINT32_MAX ? (uint32_t)line_end : 0}); /* the builder makes it the first one if it is less */
        if (frame < 0)
            return (int)frame;
        decoding->frames[i] = (uint32_t)frame;
    }
    return 0;
}

/* An element that must be a number below `limit`. */
static bool number_at(const json_t *array, size_t i, uint64_t limit, uint64_t *ret_value)
{
    const json_t *value = json_array_get(array, i);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) >= limit)
        return false;
    *ret_value = (uint64_t)json_integer_value(value);
    return true;
}

static int add_nodes(struct decoding *decoding, const json_t *nodes)
{
    const json_t *parents = json_object_get(nodes, "parent"), *frames = json_object_get(nodes, "frame"),
                 *selves = json_object_get(nodes, "selfNs");
    size_t count = json_array_size(parents);
    if (json_array_size(frames) != count || json_array_size(selves) != count)
        return PANDO_ERR_INVALID;
    decoding->nodes = calloc(count + 1, sizeof *decoding->nodes);
    if (decoding->nodes == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        uint64_t parent = 0, frame = 0, self = 0;
        if (!number_at(selves, i, INT64_MAX, &self))
            return PANDO_ERR_INVALID;
        /* The root's parent may be 0, -1 or null. */
        if (i != 0 && (!number_at(parents, i, i, &parent) || !number_at(frames, i, decoding->frame_count, &frame)))
            return PANDO_ERR_INVALID;
        int64_t node = 0;
        if (i != 0)
            node = pando_profile_builder_child(decoding->builder, decoding->nodes[parent], decoding->frames[frame]);
        if (node < 0)
            return (int)node;
        decoding->nodes[i] = (uint32_t)node;
        int error = pando_profile_builder_add_self(decoding->builder, (uint32_t)node, self);
        if (error != 0)
            return error;
    }
    return 0;
}

static int add_counters(struct decoding *decoding, json_t *counters)
{
    const char *name;
    json_t *value;
    json_object_foreach(counters, name, value) {
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            continue;
        int error = pando_profile_builder_add_counter(decoding->builder, name, (uint64_t)json_integer_value(value));
        if (error != 0)
            return error;
    }
    return 0;
}

static int add_objects(struct decoding *decoding, const json_t *objects)
{
    size_t i;
    json_t *item;
    json_array_foreach(objects, i, item) {
        int64_t name = string_member(decoding, item, "name"), path = string_member(decoding, item, "path"),
                build_id = string_member(decoding, item, "buildId");
        if (name < 0 || path < 0 || build_id < 0)
            return PANDO_ERR_LIMIT;
        int64_t number = pando_profile_builder_object(decoding->builder, (struct pando_profile_object){
            .name = (uint32_t)name, .path = (uint32_t)path, .build_id = (uint32_t)build_id});
        if (number < 0)
            return (int)number;
    }
    return 0;
}

static int build(struct decoding *decoding, const json_t *root)
{
    const json_t *tree = json_object_get(root, "tree"); /* of a report; else the members are the root's own */
    const json_t *frames = json_object_get(tree != NULL ? tree : root, "frames"), *nodes = json_object_get(tree != NULL ? tree : root, "nodes");
    if (!json_is_array(frames) || !json_is_object(nodes))
        return PANDO_ERR_INVALID;
    struct pando_profile_meta *meta = pando_profile_builder_meta(decoding->builder);
    meta->start_wall_ms = uint_member(root, "startMs");
    meta->end_wall_ms = uint_member(root, "endMs");
    meta->samples = uint_member(root, "samples");
    meta->cpu_time_s = (double)uint_member(root, "cpuTimeNs") / 1e9;
    meta->overhead_cpu_ms = uint_member(root, "overheadNs") / 1000000;
    meta->weight_per_second = 1e9;
    int64_t host = string_member(decoding, root, "hostName"), process = string_member(decoding, root, "processName");
    meta->host_name = host > 0 ? (uint32_t)host : 0;
    meta->process_name = process > 0 ? (uint32_t)process : 0;
    int error = add_frames(decoding, frames);
    if (error == 0)
        error = add_nodes(decoding, nodes);
    if (error == 0)
        error = add_objects(decoding, json_object_get(root, "objects"));
    if (error == 0)
        error = add_counters(decoding, json_object_get(root, "counters"));
    return error;
}

int pando_tree_json_take(const json_t *tree, struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message,
                         size_t message_bytes)
{
    struct decoding decoding = {.builder = pando_profile_builder_new(PROFILE_LIMIT_BYTES)};
    int error = decoding.builder != NULL ? build(&decoding, tree) : PANDO_ERR_NO_MEMORY;
    free(decoding.frames);
    free(decoding.nodes);
    if (error == 0) {
        *ret_profile = pando_profile_builder_finish(decoding.builder);
        error = *ret_profile != NULL ? 0 : PANDO_ERR_NO_MEMORY;
    } else {
        pando_profile_builder_free(decoding.builder);
    }
    if (error != 0)
        snprintf(message, message_bytes, "the answer is not a call tree as expected: %s.", pando_error_text(error));
    else
        *ret_profile_count = uint_member(tree, "profiles");
    return error;
}

int pando_tree_json_decode(const char *text, size_t len_bytes, struct pando_profile **ret_profile,
                           uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    json_error_t where;
    json_t *root = json_loadb(text != NULL ? text : "", len_bytes, JSON_REJECT_DUPLICATES, &where);
    int error = PANDO_ERR_SYNTAX;
    if (json_is_object(root))
        error = pando_tree_json_take(root, ret_profile, ret_profile_count, message, message_bytes);
    else
        snprintf(message, message_bytes, "the answer is not the JSON of a call tree.");
    json_decref(root);
    return error;
}
