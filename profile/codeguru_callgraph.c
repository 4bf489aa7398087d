/* Why: the second pass over a received body: the call tree. Context: worker and own processes; one thread.
 * Members of a node may come in any order (a sender that sorts them puts the children first), but a frame is only known
 * with its file: so nodes are gathered raw, and go into the builder at the end (codeguru_raw.c). No recursion. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "profile/codeguru_raw.h"

enum seen { SEEN_COUNTS = 1, SEEN_FILE = 2, SEEN_LINE = 4, SEEN_CHILDREN = 8, SEEN_SLICES = 16 };

struct level {
    uint32_t node;
    uint8_t seen;
    bool in_children;
};

struct callgraph {
    struct pando_codeguru_decode *decode;
    struct pando_codeguru_raw raw;
    struct level *levels;
    size_t node_capacity, level_count, level_capacity, part_capacity;
};

static int wrong(struct callgraph *graph, const char *what)
{
    struct pando_codeguru_decode *decode = graph->decode;
    if (decode->reader.error != 0)
        return pando_codeguru_refuse_syntax(decode);
    size_t offset = (size_t)(decode->reader.at - decode->reader.start);
    return pando_codeguru_refuse(decode, PANDO_ERR_INVALID, "callgraph: %s (near byte %zu of it).", what, offset);
}

/* Room for one more element, at most `max`. */
static int grow(void *array_pointer, size_t *capacity, size_t count, size_t max, size_t element_bytes)
{
    if (count < *capacity)
        return 0;
    if (count >= max)
        return PANDO_ERR_LIMIT;
    size_t wanted = *capacity + *capacity / 2 + 64;
    if (wanted > max)
        wanted = max;
    void *array;
    memcpy(&array, array_pointer, sizeof array);
    array = realloc(array, wanted * element_bytes);
    if (array == NULL)
        return PANDO_ERR_NO_MEMORY;
    memcpy(array_pointer, &array, sizeof array);
    *capacity = wanted;
    return 0;
}

/* "object:name" comes apart only where Pando put it together: one colon, and before it what can be a file's name. */
static size_t object_bytes(const char *key, size_t len_bytes)
{
    if (key[0] == '[') { /* "[vdso]:name": no file, but a name of the kernel's or of Pando's */
        size_t end = 1;
        while (end < len_bytes && key[end] >= 'a' && key[end] <= 'z')
            end++;
        return end + 2 < len_bytes && key[end] == ']' && key[end + 1] == ':' && key[end + 2] != ':' ? end + 1 : 0;
    }
    for (size_t i = 0; i < len_bytes; i++) {
        if (key[i] == ':')
            return i + 1 < len_bytes && key[i + 1] != ':' ? i : 0;
        if (key[i] == '/' || key[i] == '<' || key[i] == '(' || key[i] == '[' || key[i] == ' ')
            return 0;
    }
    return 0;
}

/* "[object+0xoffset]" is a function without a name, in a known object: how long the object's name behind the bracket is. */
static size_t bracketed_object_bytes(const char *key, size_t len_bytes)
{
    static const char unknown[] = "unknown";
    size_t digits = 0, at = len_bytes;
    if (len_bytes < 6 || key[0] != '[' || key[--at] != ']')
        return 0;
    for (; at > 1 && ((key[at - 1] >= '0' && key[at - 1] <= '9') || (key[at - 1] >= 'a' && key[at - 1] <= 'f')); at--)
        digits++;
    if (digits == 0 || at < 5 || memcmp(key + at - 3, "+0x", 3) != 0)
        return 0;
    size_t object = at - 4;
    return object == sizeof unknown - 1 && memcmp(key + 1, unknown, object) == 0 ? 0 : object;
}

int pando_codeguru_split_key(struct pando_codeguru_decode *decode, uint32_t *ret_object, uint32_t *ret_name)
{
    const char *key = decode->reader.text;
    size_t key_bytes = decode->reader.text_bytes;
    size_t object = decode->from_pando ? object_bytes(key, key_bytes) : 0;
    size_t name_from = object != 0 ? object + 1 : 0;
    size_t bracketed = decode->from_pando && object == 0 ? bracketed_object_bytes(key, key_bytes) : 0;
    int64_t object_string = bracketed != 0 ? pando_profile_builder_string(decode->builder, key + 1, bracketed)
                                           : pando_profile_builder_string(decode->builder, key, object);
    int64_t name_string = pando_profile_builder_string(decode->builder, key + name_from, key_bytes - name_from);
    if (object_string < 0 || name_string < 0)
        return pando_codeguru_refuse_tree(decode, object_string < 0 ? object_string : name_string);
    *ret_object = (uint32_t)object_string;
    *ret_name = (uint32_t)name_string;
    return 0;
}

/* A node begins: the reader stands after its '{', its key is still in the reader's text. */
static int enter_node(struct callgraph *graph, bool is_root)
{
    struct pando_codeguru_decode *decode = graph->decode;
    /* The root is a level, but no frame. */
    int error = grow(&graph->levels, &graph->level_capacity, graph->level_count, decode->limits->depth_frames + 1,
                     sizeof *graph->levels);
    if (error == PANDO_ERR_LIMIT)
        return pando_codeguru_refuse(decode, error, "callgraph is deeper than %zu frames.", decode->limits->depth_frames);
    size_t nodes_max = decode->limits->memory_bytes / sizeof *graph->raw.nodes;
    if (nodes_max > UINT32_MAX / 2)
        nodes_max = UINT32_MAX / 2;
    if (error == 0)
        error = grow(&graph->raw.nodes, &graph->node_capacity, graph->raw.node_count, nodes_max, sizeof *graph->raw.nodes);
    if (error != 0)
        return pando_codeguru_refuse_tree(graph->decode, error);
    struct pando_codeguru_raw_node *node = &graph->raw.nodes[graph->raw.node_count];
    *node = (struct pando_codeguru_raw_node){.parent = is_root ? 0 : graph->levels[graph->level_count - 1].node};
    if (!is_root)
        error = pando_codeguru_split_key(graph->decode, &node->object, &node->name);
    if (error != 0)
        return error;
    graph->levels[graph->level_count++] = (struct level){.node = (uint32_t)graph->raw.node_count++};
    return 0;
}

static int add_part(struct callgraph *graph, struct pando_codeguru_raw_node *node, uint32_t slice, enum pando_profile_state state, uint64_t weight)
{
    size_t parts_max = graph->decode->limits->memory_bytes / sizeof *graph->raw.parts;
    int error = grow(&graph->raw.parts, &graph->part_capacity, graph->raw.part_count, parts_max < UINT32_MAX ? parts_max : UINT32_MAX - 1,
                     sizeof *graph->raw.parts);
    if (error != 0)
        return pando_codeguru_refuse_tree(graph->decode, error);
    graph->raw.parts[graph->raw.part_count++] = (struct pando_codeguru_raw_part){
        .weight = weight, .slice = slice, .earlier_part = node->last_part, .state = state};
    node->last_part = (uint32_t)graph->raw.part_count;
    return 0;
}

/* A count of the counter whose name is in the reader's text, told in the first counter's weights. Those that sampleWeights
 * does not name are no time that could be added up: they are passed over. */
static int read_count(struct callgraph *graph, struct pando_codeguru_raw_node *node, uint32_t slice, uint32_t *seen_counters)
{
    struct pando_codeguru_decode *decode = graph->decode;
    int64_t name = pando_profile_builder_string(decode->builder, decode->reader.text, decode->reader.text_bytes);
    if (name < 0)
        return pando_codeguru_refuse_tree(graph->decode, name);
    enum pando_profile_state state = pando_profile_state_of_counter(decode->reader.text);
    const struct pando_json_number *number = &decode->reader.number;
    if (pando_json_next(&decode->reader) != PANDO_JSON_NUMBER || !number->is_whole ||
        (number->is_negative && number->whole != 0))
        return wrong(graph, "each value in \"counts\" and \"slices\" must be a whole number that is not negative");
    for (uint32_t i = 0; i < decode->weight_count; i++) {
        if (decode->weight_names[i] != (uint32_t)name)
            continue;
        if ((*seen_counters & 1u << i) != 0)
            return wrong(graph, "\"counts\" or \"slices\" names a counter twice");
        *seen_counters |= 1u << i;
        uint64_t weight = number->whole;
        if (i != 0) {
            double converted = (double)weight * (decode->weights[0] / decode->weights[i]);
            weight = converted < 18446744073709549568.0 ? (uint64_t)(converted + 0.5) : UINT64_MAX;
        }
        if (state != PANDO_PROFILE_NO_STATE || slice != 0)
            return add_part(graph, node, slice, state, weight);
        node->self = node->self > UINT64_MAX - weight ? UINT64_MAX : node->self + weight;
    }
    return 0;
}

/* An object of counters; `slice` as in a part. */
static int read_counts(struct callgraph *graph, struct pando_codeguru_raw_node *node, uint32_t slice)
{
    struct pando_json_reader *reader = &graph->decode->reader;
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return wrong(graph, slice == 0 ? "\"counts\" must be an object" : "each member of \"slices\" must be an object");
    uint32_t seen_counters = 0;
    for (uint32_t members = 0;; members++) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END)
            return 0;
        if (token == PANDO_JSON_ERROR)
            return wrong(graph, "");
        if (members == PANDO_CODEGURU_COUNTERS_MAX)
            return wrong(graph, "\"counts\" has more than 16 counters");
        int error = read_count(graph, node, slice, &seen_counters);
        if (error != 0)
            return error;
    }
}

static int read_slices(struct callgraph *graph, struct pando_codeguru_raw_node *node)
{
    struct pando_json_reader *reader = &graph->decode->reader;
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return wrong(graph, "\"slices\" must be an object");
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END)
            return 0;
        if (token == PANDO_JSON_ERROR)
            return wrong(graph, "");
        struct pando_cursor cursor = pando_cursor_of_text(reader->text);
        uint64_t number;
        if (pando_cursor_decimal(&cursor, UINT32_MAX, &number) != 0 || !pando_cursor_at_end(&cursor) ||
            number >= graph->decode->slice_count)
            return wrong(graph, "\"slices\" names a slice that is not in the table pando.slices");
        int error = read_counts(graph, node, (uint32_t)number + 1);
        if (error != 0)
            return error;
    }
}

static int read_line(struct callgraph *graph, struct pando_codeguru_raw_node *node)
{
    struct pando_json_reader *reader = &graph->decode->reader;
    if (pando_json_next(reader) != PANDO_JSON_ARRAY)
        return wrong(graph, "\"line\" must be an array");
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_ARRAY_END)
            return 0;
        if (token != PANDO_JSON_NUMBER || !reader->number.is_whole || reader->number.whole > UINT32_MAX ||
            (reader->number.is_negative && reader->number.whole != 0))
            return wrong(graph, "each value in \"line\" must be a whole number from 0 to 4294967295");
        uint32_t line = (uint32_t)reader->number.whole;
        if (line != 0 && (node->line_min == 0 || line < node->line_min))
            node->line_min = line;
        if (line > node->line_max)
            node->line_max = line;
    }
}

static int read_file(struct callgraph *graph, struct pando_codeguru_raw_node *node)
{
    struct pando_json_reader *reader = &graph->decode->reader;
    if (pando_json_next(reader) != PANDO_JSON_STRING)
        return wrong(graph, "\"file\" must be a string");
    int64_t file = pando_profile_builder_string(graph->decode->builder, reader->text, reader->text_bytes);
    if (file < 0)
        return pando_codeguru_refuse_tree(graph->decode, file);
    node->file = (uint32_t)file;
    return 0;
}

/* A member of a node, whose name is in the reader's text. */
static int read_member(struct callgraph *graph)
{
    struct pando_json_reader *reader = &graph->decode->reader;
    struct level *level = &graph->levels[graph->level_count - 1];
    struct pando_codeguru_raw_node *node = &graph->raw.nodes[level->node];
    const char *name = reader->text;
    uint8_t member = strcmp(name, "counts") == 0     ? SEEN_COUNTS
                     : strcmp(name, "file") == 0     ? SEEN_FILE
                     : strcmp(name, "line") == 0     ? SEEN_LINE
                     : strcmp(name, "children") == 0 ? SEEN_CHILDREN
                     : strcmp(name, "slices") == 0   ? SEEN_SLICES
                                                     : 0;
    if ((level->seen & member) != 0)
        return wrong(graph, "a frame has \"counts\", \"file\", \"line\", \"slices\" or \"children\" twice");
    level->seen |= member;
    switch (member) {
    case SEEN_COUNTS:
        return read_counts(graph, node, 0);
    case SEEN_SLICES:
        return read_slices(graph, node);
    case SEEN_FILE:
        return read_file(graph, node);
    case SEEN_LINE:
        return read_line(graph, node);
    case SEEN_CHILDREN:
        if (pando_json_next(reader) != PANDO_JSON_OBJECT)
            return wrong(graph, "\"children\" must be an object");
        level->in_children = true;
        return 0;
    default:
        return pando_json_skip(reader, pando_json_next(reader)) ? 0 : wrong(graph, "");
    }
}

static int read_nodes(struct callgraph *graph)
{
    struct pando_json_reader *reader = &graph->decode->reader;
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return pando_codeguru_refuse(graph->decode, PANDO_ERR_INVALID, "callgraph must be an object.");
    int error = enter_node(graph, true);
    while (error == 0 && graph->level_count != 0) {
        struct level *level = &graph->levels[graph->level_count - 1];
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END && level->in_children) {
            level->in_children = false;
        } else if (token == PANDO_JSON_OBJECT_END) {
            graph->level_count--;
        } else if (token != PANDO_JSON_KEY) {
            error = wrong(graph, "");
        } else if (!level->in_children) {
            error = read_member(graph);
        } else if (pando_json_next(reader) != PANDO_JSON_OBJECT) {
            error = wrong(graph, "each frame in \"children\" must be an object");
        } else {
            error = enter_node(graph, false);
        }
    }
    return error;
}

int pando_codeguru_decode_callgraph(struct pando_codeguru_decode *decode)
{
    struct callgraph graph = {.decode = decode};
    pando_json_reader_move(&decode->reader, decode->callgraph);
    int error = read_nodes(&graph);
    if (error == 0)
        error = pando_codeguru_raw_build(decode, &graph.raw);
    free(graph.raw.nodes);
    free(graph.levels);
    free(graph.raw.parts);
    return error;
}
