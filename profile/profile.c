/* Why: profile/profile.h: the builder, which numbers strings, frames and nodes within a budget, and the profile that it
 * becomes. Context: worker and own processes; a builder is used by one thread. */
#include "profile/profile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "profile/intern.h"
#include "profile/utf8.h"

enum { STRING_MAX_BYTES = 4096, COUNTERS_MAX = 256 };

struct pando_profile_builder {
    struct pando_budget budget;
    uint64_t secret[2];
    struct pando_profile_meta meta;
    struct pando_strings strings;
    struct pando_profile_frame *frames;
    struct pando_profile_node *nodes;
    struct pando_profile_counter *counters;
    struct pando_profile_object *objects;
    struct pando_profile_line *lines;
    uint32_t frame_count, frame_capacity;
    uint32_t node_count, node_capacity;
    uint32_t counter_count, counter_capacity;
    uint32_t object_count, object_capacity;
    uint32_t line_count, line_capacity;
    struct pando_index frame_index, child_index, line_index;
};

/* The finished profile owns the builder's arrays; the chunks with the strings' bytes are not part of the promise. */
struct owned_profile {
    struct pando_profile profile;
    struct pando_string_chunk *chunks;
};

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

struct pando_profile_builder *pando_profile_builder_new(size_t limit_bytes)
{
    struct pando_profile_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL)
        return NULL;
    builder->budget.limit_bytes = limit_bytes;
    if (getrandom(builder->secret, sizeof builder->secret, GRND_NONBLOCK) != (ssize_t)sizeof builder->secret)
        builder->secret[0] = (uint64_t)(uintptr_t)builder; /* worse, but a profile is better than none */
    /* String 0, frame 0 and node 0 always exist, whatever the limit: charge nothing that could be refused. */
    size_t limit = builder->budget.limit_bytes;
    builder->budget.limit_bytes = SIZE_MAX;
    int64_t failed = pando_profile_builder_string(builder, "", 0);
    if (failed == 0)
        failed = pando_profile_builder_frame(builder, (struct pando_profile_frame){0});
    if (failed == 0)
        failed = pando_array_reserve(&builder->budget, &builder->nodes, &builder->node_capacity, 0,
                                     sizeof *builder->nodes);
    builder->budget.limit_bytes = limit;
    if (failed != 0) {
        pando_profile_builder_free(builder);
        return NULL;
    }
    builder->nodes[0] = (struct pando_profile_node){0};
    builder->node_count = 1;
    return builder;
}

void pando_profile_builder_free(struct pando_profile_builder *builder)
{
    if (builder == NULL)
        return;
    pando_strings_release(&builder->strings);
    pando_index_release(&builder->frame_index);
    pando_index_release(&builder->child_index);
    pando_index_release(&builder->line_index);
    free(builder->frames);
    free(builder->nodes);
    free(builder->counters);
    free(builder->objects);
    free(builder->lines);
    free(builder);
}

/* Where the part of `text` ends that can be kept as it is. */
static size_t clean_prefix(const char *text, size_t len_bytes)
{
    size_t at = 0;
    while (at < len_bytes && text[at] != '\0') {
        size_t step = pando_utf8_sequence(text + at, len_bytes - at);
        if (step == 0 || at + step > STRING_MAX_BYTES)
            break;
        at += step;
    }
    return at;
}

int64_t pando_profile_builder_string(struct pando_profile_builder *builder, const char *text, size_t len_bytes)
{
    size_t at = clean_prefix(text, len_bytes);
    if (at == len_bytes)
        return pando_strings_put(&builder->budget, &builder->strings, builder->secret, text, len_bytes);
    char clean[STRING_MAX_BYTES];
    size_t clean_bytes = at;
    memcpy(clean, text, at);
    while (at < len_bytes) {
        size_t step = text[at] == '\0' ? 0 : pando_utf8_sequence(text + at, len_bytes - at);
        const char *from = step == 0 ? PANDO_UTF8_REPLACEMENT : text + at;
        size_t from_bytes = step == 0 ? PANDO_UTF8_REPLACEMENT_BYTES : step;
        if (clean_bytes + from_bytes > sizeof clean)
            break;
        memcpy(clean + clean_bytes, from, from_bytes);
        clean_bytes += from_bytes;
        at += step == 0 ? 1 : step;
    }
    return pando_strings_put(&builder->budget, &builder->strings, builder->secret, clean, clean_bytes);
}

static void widen_lines(struct pando_profile_frame *frame, uint32_t line_min, uint32_t line_max)
{
    if (line_min == 0)
        line_min = line_max;
    if (line_max < line_min)
        line_max = line_min;
    if (line_min == 0)
        return;
    if (frame->line_min == 0 || line_min < frame->line_min)
        frame->line_min = line_min;
    if (line_max > frame->line_max)
        frame->line_max = line_max;
}

int64_t pando_profile_builder_frame(struct pando_profile_builder *builder, struct pando_profile_frame frame)
{
    uint32_t strings = builder->strings.count;
    if (frame.name >= strings || frame.object >= strings || frame.file >= strings)
        return PANDO_ERR_INVALID;
    uint64_t hash = pando_hash_words(builder->secret, (uint64_t)frame.name << 32 | frame.object, frame.file);
    uint32_t cursor = 0, number;
    while (pando_index_next(&builder->frame_index, hash, &cursor, &number)) {
        struct pando_profile_frame *known = &builder->frames[number];
        if (known->name == frame.name && known->object == frame.object && known->file == frame.file) {
            widen_lines(known, frame.line_min, frame.line_max);
            return number;
        }
    }
    int error = pando_array_reserve(&builder->budget, &builder->frames, &builder->frame_capacity,
                                    builder->frame_count, sizeof *builder->frames);
    if (error == 0)
        error = pando_index_reserve(&builder->budget, &builder->frame_index);
    if (error != 0)
        return error;
    number = builder->frame_count++;
    builder->frames[number] = (struct pando_profile_frame){.name = frame.name, .object = frame.object, .file = frame.file};
    widen_lines(&builder->frames[number], frame.line_min, frame.line_max);
    pando_index_add(&builder->frame_index, hash, number);
    return number;
}

int64_t pando_profile_builder_child(struct pando_profile_builder *builder, uint32_t parent, uint32_t frame)
{
    if (parent >= builder->node_count || frame >= builder->frame_count)
        return PANDO_ERR_INVALID;
    uint64_t hash = pando_hash_words(builder->secret, parent, frame);
    uint32_t cursor = 0, number;
    while (pando_index_next(&builder->child_index, hash, &cursor, &number))
        if (builder->nodes[number].parent == parent && builder->nodes[number].frame == frame)
            return number;
    int error = pando_array_reserve(&builder->budget, &builder->nodes, &builder->node_capacity,
                                    builder->node_count, sizeof *builder->nodes);
    if (error == 0)
        error = pando_index_reserve(&builder->budget, &builder->child_index);
    if (error != 0)
        return error;
    number = builder->node_count++;
    builder->nodes[number] = (struct pando_profile_node){.parent = parent, .frame = frame};
    pando_index_add(&builder->child_index, hash, number);
    return number;
}

int pando_profile_builder_add_self(struct pando_profile_builder *builder, uint32_t node, uint64_t weight)
{
    if (node >= builder->node_count)
        return PANDO_ERR_INVALID;
    builder->nodes[node].self = add_saturating(builder->nodes[node].self, weight);
    return 0;
}

int pando_profile_builder_add_counter(struct pando_profile_builder *builder, const char *name, uint64_t value)
{
    int64_t string = pando_profile_builder_string(builder, name, strlen(name));
    if (string < 0)
        return (int)string;
    for (uint32_t i = 0; i < builder->counter_count; i++) {
        if (builder->counters[i].name == (uint32_t)string) {
            builder->counters[i].value = add_saturating(builder->counters[i].value, value);
            return 0;
        }
    }
    if (builder->counter_count == COUNTERS_MAX)
        return PANDO_ERR_LIMIT;
    int error = pando_array_reserve(&builder->budget, &builder->counters, &builder->counter_capacity,
                                    builder->counter_count, sizeof *builder->counters);
    if (error != 0)
        return error;
    builder->counters[builder->counter_count++] =
        (struct pando_profile_counter){.name = (uint32_t)string, .value = value};
    return 0;
}

int64_t pando_profile_builder_object(struct pando_profile_builder *builder, struct pando_profile_object object)
{
    uint32_t strings = builder->strings.count;
    if (object.name >= strings || object.path >= strings || object.build_id >= strings)
        return PANDO_ERR_INVALID;
    for (uint32_t i = 0; i < builder->object_count; i++) {
        const struct pando_profile_object *known = &builder->objects[i];
        if (known->name == object.name && known->path == object.path && known->build_id == object.build_id)
            return i;
    }
    if (builder->object_count == PANDO_PROFILE_OBJECTS_MAX)
        return PANDO_ERR_LIMIT;
    int error = pando_array_reserve(&builder->budget, &builder->objects, &builder->object_capacity, builder->object_count,
                                    sizeof *builder->objects);
    if (error != 0)
        return error;
    builder->objects[builder->object_count] = object;
    return builder->object_count++;
}

static void add_line(struct pando_profile_line *line, const struct pando_profile_line *more)
{
    line->self = add_saturating(line->self, more->self);
    line->total = add_saturating(line->total, more->total);
    line->wall_self = add_saturating(line->wall_self, more->wall_self);
    line->wall_total = add_saturating(line->wall_total, more->wall_total);
}

int64_t pando_profile_builder_line(struct pando_profile_builder *builder, struct pando_profile_line line)
{
    if (line.frame >= builder->frame_count || line.line == 0)
        return PANDO_ERR_INVALID;
    uint64_t hash = pando_hash_words(builder->secret, line.frame, line.line);
    uint32_t cursor = 0, number;
    while (pando_index_next(&builder->line_index, hash, &cursor, &number)) {
        if (builder->lines[number].frame == line.frame && builder->lines[number].line == line.line) {
            add_line(&builder->lines[number], &line);
            return number;
        }
    }
    if (builder->line_count == PANDO_PROFILE_LINES_MAX)
        return PANDO_ERR_LIMIT;
    int error = pando_array_reserve(&builder->budget, &builder->lines, &builder->line_capacity, builder->line_count,
                                    sizeof *builder->lines);
    if (error == 0)
        error = pando_index_reserve(&builder->budget, &builder->line_index);
    if (error != 0)
        return error;
    number = builder->line_count++;
    builder->lines[number] = line;
    pando_index_add(&builder->line_index, hash, number);
    return number;
}

struct pando_profile_meta *pando_profile_builder_meta(struct pando_profile_builder *builder)
{
    return &builder->meta;
}

size_t pando_profile_builder_bytes(const struct pando_profile_builder *builder)
{
    return builder->budget.used_bytes;
}

/* A number that names no string is taken as "unknown": readers index without checking. */
static void settle_meta_strings(struct pando_profile_meta *meta, uint32_t string_count)
{
    uint32_t *const numbers[] = {&meta->counter_name,  &meta->runtime_version, &meta->agent_type,
                                 &meta->agent_version, &meta->host_name,       &meta->process_name,
                                 &meta->fleet_info};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (*numbers[i] >= string_count)
            *numbers[i] = 0;
    meta->fleet_id[sizeof meta->fleet_id - 1] = '\0';
}

struct pando_profile *pando_profile_builder_finish(struct pando_profile_builder *builder)
{
    struct owned_profile *owned = calloc(1, sizeof *owned);
    if (owned == NULL) {
        pando_profile_builder_free(builder);
        return NULL;
    }
    settle_meta_strings(&builder->meta, builder->strings.count);
    owned->chunks = builder->strings.chunks;
    owned->profile = (struct pando_profile){
        .meta = builder->meta,
        .strings = builder->strings.texts,
        .frames = builder->frames,
        .nodes = builder->nodes,
        .counters = builder->counters,
        .objects = builder->objects,
        .lines = builder->lines,
        .string_count = builder->strings.count,
        .frame_count = builder->frame_count,
        .node_count = builder->node_count,
        .counter_count = builder->counter_count,
        .object_count = builder->object_count,
        .line_count = builder->line_count,
    };
    builder->strings.chunks = NULL;
    builder->strings.texts = NULL;
    builder->frames = NULL;
    builder->nodes = NULL;
    builder->counters = NULL;
    builder->objects = NULL;
    builder->lines = NULL;
    pando_profile_builder_free(builder);
    return &owned->profile;
}

void pando_profile_free(struct pando_profile *profile)
{
    if (profile == NULL)
        return;
    struct owned_profile *owned = (struct owned_profile *)((char *)profile - offsetof(struct owned_profile, profile));
    pando_string_chunks_free(owned->chunks);
    free((void *)profile->strings);
    free((void *)profile->frames);
    free((void *)profile->nodes);
    free((void *)profile->counters);
    free((void *)profile->objects);
    free((void *)profile->lines);
    free(owned);
}
