/* Why: receiver/packed.h. Context: own process.
 * Form 1: the byte 1, the plain length (varint), then a zlib stream of varints: four counts; strings 1.. (length, bytes, NUL);
 * frames 1.. (name, object, file, line_min, line_max - line_min); nodes (parent's distance and frame, except the root's; self);
 * counters (name, value); metadata. Fractions are the 8 bytes of a little-endian double.
 * Form 2: the same with a fifth count, and, after the counters, objects (name, path, build_id). Form 3: with a sixth count, and, after
 * the objects, lines (frame, line, the four weights); only if there are any. Forms 1 and 2 are still read. */
#include "receiver/packed.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"

enum {
    FORM = 3,
    FORM_WITHOUT_LINES = 2,
    FORM_WITHOUT_OBJECTS = 1,
    DEFLATE_LEVEL = 3,      /* higher ones take twice the time for a tenth of the bytes */
    PLAIN_MAX_BYTES = 1 << 29,
    VARINT_MAX_BYTES = 10,
    META_NUMBERS = 15,
    META_FRACTIONS = 3,
};

static void put_number(struct pando_buffer *out, uint64_t value)
{
    unsigned char bytes[VARINT_MAX_BYTES];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (unsigned char)(value | 0x80);
    bytes[len++] = (unsigned char)value;
    pando_buffer_append(out, bytes, len);
}

/* The metadata's members in their stored order; start_wall_ms etc. as they are, no differences: it is one row in a profile. */
static void meta_numbers(const struct pando_profile_meta *meta, uint64_t numbers[META_NUMBERS])
{
    const uint64_t all[META_NUMBERS] = {
        meta->start_wall_ms, meta->end_wall_ms, meta->active_ms, meta->agent_start_wall_ms, meta->samples,
        meta->overhead_cpu_ms, meta->overhead_memory_mib, meta->pid, meta->vcpus, meta->counter_name,
        meta->runtime_version, meta->agent_type, meta->agent_version, meta->host_name, meta->process_name};
    memcpy(numbers, all, sizeof all);
}

static void put_meta(struct pando_buffer *out, const struct pando_profile_meta *meta)
{
    uint64_t numbers[META_NUMBERS];
    meta_numbers(meta, numbers);
    for (size_t i = 0; i < META_NUMBERS; i++)
        put_number(out, numbers[i]);
    const double fractions[META_FRACTIONS] = {meta->weight_per_second, meta->cpu_time_s, meta->mean_threads};
    pando_buffer_append(out, fractions, sizeof fractions);
    pando_buffer_append(out, meta->fleet_id, sizeof meta->fleet_id);
}

static void put_profile(struct pando_buffer *out, const struct pando_profile *profile)
{
    put_number(out, profile->string_count);
    put_number(out, profile->frame_count);
    put_number(out, profile->node_count);
    put_number(out, profile->counter_count);
    put_number(out, profile->object_count);
    if (profile->line_count != 0)
        put_number(out, profile->line_count);
    for (uint32_t i = 1; i < profile->string_count; i++) {
        size_t len = strlen(profile->strings[i]);
        put_number(out, len);
        pando_buffer_append(out, profile->strings[i], len + 1);
    }
    for (uint32_t i = 1; i < profile->frame_count; i++) {
        const struct pando_profile_frame *frame = &profile->frames[i];
        put_number(out, frame->name);
        put_number(out, frame->object);
        put_number(out, frame->file);
        put_number(out, frame->line_min);
        put_number(out, frame->line_max - frame->line_min);
    }
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        if (i != 0) {
            put_number(out, i - node->parent);
            put_number(out, node->frame);
        }
        put_number(out, node->self);
    }
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        put_number(out, profile->counters[i].name);
        put_number(out, profile->counters[i].value);
    }
    for (uint32_t i = 0; i < profile->object_count; i++) {
        put_number(out, profile->objects[i].name);
        put_number(out, profile->objects[i].path);
        put_number(out, profile->objects[i].build_id);
    }
    for (uint32_t i = 0; i < profile->line_count; i++) {
        const struct pando_profile_line *line = &profile->lines[i];
        const uint64_t numbers[] = {line->frame, line->line, line->self, line->total, line->wall_self, line->wall_total};
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
            put_number(out, numbers[k]);
    }
    put_meta(out, &profile->meta);
}

int pando_packed_encode(const struct pando_profile *profile, struct pando_buffer *out)
{
    struct pando_buffer plain;
    pando_buffer_init(&plain, PLAIN_MAX_BYTES);
    put_profile(&plain, profile);
    if (plain.failed != 0)
        return plain.failed;
    uLongf packed_bytes = compressBound(plain.len_bytes);
    unsigned char *packed = malloc(packed_bytes);
    int error = PANDO_ERR_NO_MEMORY;
    if (packed != NULL &&
        compress2(packed, &packed_bytes, (const Bytef *)plain.bytes, plain.len_bytes, DEFLATE_LEVEL) == Z_OK) {
        pando_buffer_append_char(out, profile->line_count != 0 ? FORM : FORM_WITHOUT_LINES);
        put_number(out, plain.len_bytes);
        error = pando_buffer_append(out, packed, packed_bytes);
    }
    free(packed);
    pando_buffer_release(&plain);
    return error;
}

/* Reads on; after a failure every read gives 0 and `bad` stays. */
struct input {
    const unsigned char *at, *end;
    bool bad;
    uint64_t form;
};

static uint64_t get_number(struct input *in, uint64_t max)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * VARINT_MAX_BYTES && in->at < in->end; shift += 7) {
        unsigned char byte = *in->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (value <= max)
                return value;
            break;
        }
    }
    in->bad = true;
    in->at = in->end;
    return 0;
}

/* A number that counts what is still to come, each at least `each_bytes` long. */
static uint32_t get_count(struct input *in, size_t each_bytes)
{
    return (uint32_t)get_number(in, (uint64_t)(in->end - in->at) / each_bytes + 1);
}

static uint32_t get_index(struct input *in, uint32_t count)
{
    uint64_t index = get_number(in, UINT32_MAX);
    if (index >= count)
        in->bad = true;
    return in->bad ? 0 : (uint32_t)index;
}

static void get_strings(struct input *in, const char **strings, uint32_t count)
{
    strings[0] = "";
    for (uint32_t i = 1; i < count; i++) {
        uint64_t len = get_number(in, PLAIN_MAX_BYTES);
        strings[i] = "";
        if (in->bad || len >= (uint64_t)(in->end - in->at) || in->at[len] != '\0') {
            in->bad = true;
            continue;
        }
        strings[i] = (const char *)in->at;
        in->at += len + 1;
    }
}

static void get_tree(struct input *in, struct pando_profile_frame *frames, struct pando_profile_node *nodes,
                     const struct pando_profile *counts)
{
    frames[0] = (struct pando_profile_frame){0};
    for (uint32_t i = 1; i < counts->frame_count; i++) {
        frames[i].name = get_index(in, counts->string_count);
        frames[i].object = get_index(in, counts->string_count);
        frames[i].file = get_index(in, counts->string_count);
        frames[i].line_min = (uint32_t)get_number(in, UINT32_MAX);
        frames[i].line_max = frames[i].line_min + (uint32_t)get_number(in, UINT32_MAX - frames[i].line_min);
    }
    for (uint32_t i = 0; i < counts->node_count; i++) {
        nodes[i] = (struct pando_profile_node){0};
        if (i != 0) {
            uint64_t distance = get_number(in, i);
            in->bad = in->bad || distance == 0;
            nodes[i].parent = i - (uint32_t)distance;
            nodes[i].frame = get_index(in, counts->frame_count);
        }
        nodes[i].self = get_number(in, UINT64_MAX);
    }
}

static void get_lines(struct input *in, struct pando_profile_line *lines, const struct pando_profile *counts)
{
    for (uint32_t i = 0; i < counts->line_count; i++) {
        lines[i].frame = get_index(in, counts->frame_count);
        lines[i].line = (uint32_t)get_number(in, UINT32_MAX);
        in->bad = in->bad || lines[i].line == 0;
        lines[i].self = get_number(in, UINT64_MAX);
        lines[i].total = get_number(in, UINT64_MAX);
        lines[i].wall_self = get_number(in, UINT64_MAX);
        lines[i].wall_total = get_number(in, UINT64_MAX);
    }
}

static void get_meta(struct input *in, struct pando_profile_meta *meta, uint32_t string_count)
{
    uint64_t numbers[META_NUMBERS];
    for (size_t i = 0; i < META_NUMBERS; i++)
        numbers[i] = get_number(in, i < 7 ? UINT64_MAX : i < 9 ? UINT32_MAX : string_count - 1);
    double fractions[META_FRACTIONS];
    if (in->bad || (size_t)(in->end - in->at) != sizeof fractions + sizeof meta->fleet_id) {
        in->bad = true;
        return;
    }
    memcpy(fractions, in->at, sizeof fractions);
    memcpy(meta->fleet_id, in->at + sizeof fractions, sizeof meta->fleet_id);
    meta->fleet_id[sizeof meta->fleet_id - 1] = '\0';
    in->bad = !(fractions[0] > 0 && fractions[1] >= 0 && fractions[2] >= 0);
    meta->weight_per_second = fractions[0];
    meta->cpu_time_s = fractions[1];
    meta->mean_threads = fractions[2];
    meta->start_wall_ms = numbers[0];
    meta->end_wall_ms = numbers[1];
    meta->active_ms = numbers[2];
    meta->agent_start_wall_ms = numbers[3];
    meta->samples = numbers[4];
    meta->overhead_cpu_ms = numbers[5];
    meta->overhead_memory_mib = numbers[6];
    meta->pid = (uint32_t)numbers[7];
    meta->vcpus = (uint32_t)numbers[8];
    meta->counter_name = (uint32_t)numbers[9];
    meta->runtime_version = (uint32_t)numbers[10];
    meta->agent_type = (uint32_t)numbers[11];
    meta->agent_version = (uint32_t)numbers[12];
    meta->host_name = (uint32_t)numbers[13];
    meta->process_name = (uint32_t)numbers[14];
}

static int read_plain(struct input *in, struct pando_packed *packed)
{
    struct pando_profile *profile = &packed->profile;
    profile->string_count = get_count(in, 2);
    profile->frame_count = get_count(in, 5);
    profile->node_count = get_count(in, 3);
    profile->counter_count = get_count(in, 2);
    profile->object_count = in->form == FORM_WITHOUT_OBJECTS ? 0 : get_count(in, 3);
    profile->line_count = in->form == FORM ? get_count(in, 6) : 0;
    if (in->bad || profile->string_count == 0 || profile->frame_count == 0 || profile->node_count == 0)
        return PANDO_ERR_SYNTAX;
    size_t nodes_bytes = profile->node_count * sizeof *profile->nodes;
    size_t lines_bytes = profile->line_count * sizeof *profile->lines;
    size_t counters_bytes = profile->counter_count * sizeof *profile->counters;
    size_t strings_bytes = profile->string_count * sizeof *profile->strings;
    size_t frames_bytes = profile->frame_count * sizeof *profile->frames;
    size_t objects_bytes = profile->object_count * sizeof *profile->objects;
    char *memory = malloc(lines_bytes + nodes_bytes + counters_bytes + strings_bytes + frames_bytes + objects_bytes);
    if (memory == NULL)
        return PANDO_ERR_NO_MEMORY;
    packed->memory = memory;
    struct pando_profile_line *lines = (struct pando_profile_line *)memory;
    memory += lines_bytes;
    struct pando_profile_node *nodes = (struct pando_profile_node *)memory;
    struct pando_profile_counter *counters = (struct pando_profile_counter *)(memory + nodes_bytes);
    const char **strings = (const char **)(memory + nodes_bytes + counters_bytes);
    struct pando_profile_frame *frames = (struct pando_profile_frame *)(memory + nodes_bytes + counters_bytes + strings_bytes);
    struct pando_profile_object *objects =
        (struct pando_profile_object *)(memory + nodes_bytes + counters_bytes + strings_bytes + frames_bytes);
    get_strings(in, strings, profile->string_count);
    get_tree(in, frames, nodes, profile);
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        counters[i].name = get_index(in, profile->string_count);
        counters[i].value = get_number(in, UINT64_MAX);
    }
    for (uint32_t i = 0; i < profile->object_count; i++) {
        objects[i].name = get_index(in, profile->string_count);
        objects[i].path = get_index(in, profile->string_count);
        objects[i].build_id = get_index(in, profile->string_count);
    }
    get_lines(in, lines, profile);
    get_meta(in, &profile->meta, profile->string_count);
    profile->lines = lines;
    profile->strings = strings;
    profile->frames = frames;
    profile->nodes = nodes;
    profile->counters = counters;
    profile->objects = objects;
    return in->bad ? PANDO_ERR_SYNTAX : 0;
}

int pando_packed_decode(const void *bytes, size_t len_bytes, struct pando_packed *ret_packed)
{
    struct input in = {.at = bytes, .end = (const unsigned char *)bytes + len_bytes};
    uint64_t form = get_number(&in, UINT64_MAX), plain_bytes = get_number(&in, PLAIN_MAX_BYTES);
    if (!in.bad && form != FORM && form != FORM_WITHOUT_LINES && form != FORM_WITHOUT_OBJECTS)
        return PANDO_ERR_UNSUPPORTED;
    if (in.bad || plain_bytes == 0)
        return PANDO_ERR_SYNTAX;
    struct pando_packed packed = {.text = malloc(plain_bytes)};
    if (packed.text == NULL)
        return PANDO_ERR_NO_MEMORY;
    uLongf unpacked_bytes = (uLongf)plain_bytes;
    int error = PANDO_ERR_SYNTAX;
    if (uncompress(packed.text, &unpacked_bytes, in.at, (uLong)(in.end - in.at)) == Z_OK && unpacked_bytes == plain_bytes) {
        in = (struct input){.at = packed.text, .end = (const unsigned char *)packed.text + plain_bytes, .form = form};
        error = read_plain(&in, &packed);
    }
    if (error != 0)
        pando_packed_release(&packed);
    else
        *ret_packed = packed;
    return error;
}

void pando_packed_release(struct pando_packed *packed)
{
    free(packed->memory);
    free(packed->text);
    *packed = (struct pando_packed){0};
}
