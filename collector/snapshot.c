/* Why: collector/snapshot.h. Context: worker. Five passes over arrays, no recursion: a parent's number is below its children's. */
#include "collector/snapshot.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "collector/snapshot_lines.h"
#include "exchange/sample.h"
#include "profile/states.h"

enum {
    NAME_MAX_BYTES = 2048,
    MORE_NODES_MIN = 16384, /* for inlined functions; in a large tree twice its nodes */
};
_Static_assert((int)PANDO_SAMPLE_RUNNABLE == (int)PANDO_PROFILE_RUNNABLE &&
               (int)PANDO_SAMPLE_BLOCKED == (int)PANDO_PROFILE_BLOCKED &&
               (int)PANDO_SAMPLE_NATIVE == (int)PANDO_PROFILE_NATIVE &&
               (int)PANDO_SAMPLE_WAITING == (int)PANDO_PROFILE_WAITING &&
               (int)PANDO_SAMPLE_TIMED_WAITING == (int)PANDO_PROFILE_TIMED_WAITING, "one numbering of states");

static const uint32_t UNUSED = 0, USED = 1; /* marks, until the numbers of the profile are known */

struct snapshot {
    struct pando_profile_builder *builder;
    const struct pando_call_tree *tree;
    struct pando_symbols *symbols;
    const struct pando_slice_table *slices;
    size_t names_limit_bytes;
    uint32_t node_count, frame_count;
    uint32_t *nodes;          /* of the tree: marks, then their nodes in the profile */
    uint32_t *frames;         /* the same for frames, whose functions then begin there in `functions` */
    uint32_t *functions;      /* for each used frame how many functions it stands for, then their frames in the profile */
    uint32_t *lines;          /* beside each function its line in the frame's file, 0 unknown */
    size_t function_count, function_capacity;
    uint32_t inlined_max;     /* functions inlined at one place that are shown */
    struct used_frame *order; /* the used frames, those of one object together */
    uint32_t used_count;
    uint32_t newest_frame;    /* highest number that the builder gave for a frame */
    uint64_t unnamed;
};

struct used_frame {
    uint64_t offset;
    uint32_t object;
    uint32_t number;
};

static int by_place(const void *a, const void *b)
{
    const struct used_frame *x = a, *y = b;
    if (x->object != y->object)
        return x->object < y->object ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Marks nodes with weight in or below them, and their frames. */
static void mark_used(struct snapshot *snapshot)
{
    for (uint32_t i = snapshot->node_count; i-- > 1;) {
        struct pando_call_node node = pando_call_tree_node(snapshot->tree, i);
        if (node.self == 0 && snapshot->nodes[i] == UNUSED)
            continue;
        snapshot->nodes[i] = snapshot->nodes[node.parent] = USED;
        snapshot->frames[node.frame] = USED;
    }
}

/* Objects one after the other, so that each one's symbols are read once even if the memory for them is short. */
static void put_in_order(struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->frame_count; i++) {
        if (snapshot->frames[i] != USED)
            continue;
        struct pando_call_frame frame = pando_call_tree_frame(snapshot->tree, i);
        snapshot->order[snapshot->used_count++] =
            (struct used_frame){.offset = frame.offset, .object = frame.object, .number = i};
    }
    if (snapshot->used_count != 0)
        qsort(snapshot->order, snapshot->used_count, sizeof *snapshot->order, by_place);
}

static int64_t put_frame(struct snapshot *snapshot, const char *name, const char *object)
{
    struct pando_profile_frame frame = {0};
    int64_t string = pando_profile_builder_string(snapshot->builder, name, strlen(name));
    if (string < 0)
        return string;
    frame.name = (uint32_t)string;
    string = pando_profile_builder_string(snapshot->builder, object, strlen(object));
    if (string < 0)
        return string;
    frame.object = (uint32_t)string;
    return pando_profile_builder_frame(snapshot->builder, frame);
}

static int64_t put_function(struct snapshot *snapshot, const struct pando_symbols_frame *found, const char *object)
{
    struct pando_profile_frame frame = {0};
    const char *file, *name = found->function != NULL ? found->function : PANDO_SNAPSHOT_NAMELESS;
    uint32_t line;
    pando_symbols_shown_line(found, &file, &line);
    const char *const texts[] = {name, object, file != NULL ? file : ""};
    uint32_t *const numbers[] = {&frame.name, &frame.object, &frame.file};
    for (size_t i = 0; i < 3; i++) {
        int64_t string = pando_profile_builder_string(snapshot->builder, texts[i], strlen(texts[i]));
        if (string < 0)
            return string;
        *numbers[i] = (uint32_t)string;
    }
    frame.line_min = frame.line_max = frame.file != 0 ? line : 0;
    return pando_profile_builder_frame(snapshot->builder, frame);
}

static int grow_functions(struct snapshot *snapshot)
{
    size_t capacity = snapshot->function_capacity * 2 + 256;
    uint32_t *functions = realloc(snapshot->functions, capacity * sizeof *functions);
    if (functions == NULL || capacity > UINT32_MAX) {
        snapshot->functions = functions != NULL ? functions : snapshot->functions;
        return PANDO_ERR_NO_MEMORY;
    }
    snapshot->functions = functions;
    uint32_t *lines = realloc(snapshot->lines, capacity * sizeof *lines);
    if (lines == NULL)
        return PANDO_ERR_NO_MEMORY;
    snapshot->lines = lines;
    snapshot->function_capacity = capacity;
    return 0;
}

static int add_function(struct snapshot *snapshot, int64_t frame, uint32_t line)
{
    if (frame < 0)
        return (int)frame;
    if (snapshot->function_count == snapshot->function_capacity && grow_functions(snapshot) != 0)
        return PANDO_ERR_NO_MEMORY;
    snapshot->lines[snapshot->function_count] = line;
    snapshot->functions[snapshot->function_count++] = (uint32_t)frame;
    return 0;
}

static const char *own_name(uint64_t which)
{
    return which == PANDO_CALL_TRUNCATED   ? PANDO_SNAPSHOT_TRUNCATED
           : which == PANDO_CALL_UNSAMPLED ? PANDO_SNAPSHOT_UNSAMPLED
                                           : PANDO_SNAPSHOT_INCOMPLETE;
}

/* The functions at a place, outermost first. Returns the innermost one's frame. */
static int64_t add_found(struct snapshot *snapshot, const struct pando_symbols_name *name)
{
    int64_t frame = 0;
    int error = 0;
    for (uint32_t i = name->frame_count; i-- > 0 && error == 0;) {
        const char *file;
        uint32_t line;
        pando_symbols_shown_line(&name->frames[i], &file, &line);
        frame = put_function(snapshot, &name->frames[i], name->object);
        error = add_function(snapshot, frame, file != NULL && file[0] != '\0' ? line : 0);
    }
    return error != 0 ? error : frame;
}

static int64_t put_slice(struct snapshot *snapshot, uint64_t number)
{
    struct pando_slice slice = {0};
    bool has_room = pando_profile_builder_bytes(snapshot->builder) <= snapshot->names_limit_bytes;
    if (snapshot->slices != NULL)
        pando_slice_table_get(snapshot->slices, has_room ? (uint32_t)number : 0, &slice);
    return pando_profile_builder_slice(snapshot->builder, &slice);
}

static int64_t name_frame(struct snapshot *snapshot, const struct used_frame *used)
{
    if (used->object == PANDO_CALL_OBJECT_OWN && used->offset >= PANDO_CALL_SLICES)
        return put_slice(snapshot, used->offset - PANDO_CALL_SLICES);
    if (used->object == PANDO_CALL_OBJECT_OWN && used->offset > PANDO_CALL_STATES)
        return pando_profile_builder_state(snapshot->builder, (enum pando_profile_state)(used->offset - PANDO_CALL_STATES));
    if (used->object == PANDO_CALL_OBJECT_OWN)
        return put_frame(snapshot, own_name(used->offset), "");
    if (pando_profile_builder_bytes(snapshot->builder) > snapshot->names_limit_bytes)
        return put_frame(snapshot, PANDO_SNAPSHOT_NAMES_LEFT_OUT, "");
    struct pando_symbols_place place = {.offset = used->offset, .object = used->object};
    struct pando_symbols_name name;
    char text[NAME_MAX_BYTES];
    pando_symbols_name(snapshot->symbols, &place, &name); /* what is not found is shown as unknown */
    if (name.frame_count > 1 || (name.frame_count == 1 && name.function != NULL))
        return add_found(snapshot, &name);
    pando_symbols_render(&name, used->offset, text, sizeof text);
    int64_t frame = put_frame(snapshot, text, name.object != NULL ? name.object : "");
    if (name.function == NULL && frame > snapshot->newest_frame)
        snapshot->unnamed++;
    return frame;
}

/* The objects of the frames, so that somebody can find out later what is missing here. */
static int put_object(struct snapshot *snapshot, uint32_t number)
{
    struct pando_symbols_object object;
    struct pando_profile_object put = {0};
    if (number == PANDO_CALL_OBJECT_OWN || !pando_symbols_object_of(snapshot->symbols, number, &object) || object.path[0] != '/')
        return 0;
    const char *const texts[] = {object.name, object.path, object.build_id};
    uint32_t *const numbers[] = {&put.name, &put.path, &put.build_id};
    for (size_t i = 0; i < 3; i++) {
        int64_t string = pando_profile_builder_string(snapshot->builder, texts[i], strlen(texts[i]));
        if (string < 0)
            return (int)string;
        *numbers[i] = (uint32_t)string;
    }
    int64_t put_number = pando_profile_builder_object(snapshot->builder, put);
    return put_number < 0 && put_number != PANDO_ERR_LIMIT ? (int)put_number : 0;
}

static int name_frames(struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->used_count; i++) {
        const struct used_frame *used = &snapshot->order[i];
        size_t start = snapshot->function_count;
        int error = add_function(snapshot, 0, 0); /* how many, once that is known */
        int64_t frame = error == 0 ? name_frame(snapshot, used) : error;
        if (frame >= 0 && snapshot->function_count == start + 1)
            frame = add_function(snapshot, frame, 0) == 0 ? frame : PANDO_ERR_NO_MEMORY;
        if (frame >= 0 && (i + 1 == snapshot->used_count || snapshot->order[i + 1].object != used->object))
            error = put_object(snapshot, used->object);
        if (frame < 0 || error != 0)
            return frame < 0 ? (int)frame : error;
        if (frame > snapshot->newest_frame)
            snapshot->newest_frame = (uint32_t)frame;
        snapshot->functions[start] = (uint32_t)(snapshot->function_count - start - 1);
        snapshot->frames[used->number] = (uint32_t)start;
    }
    return 0;
}

/* Inlined functions are nodes of their own. How many of them at most can be shown of each frame, so that the nodes stay within what
 * pando_snapshot_builder_bytes has allowed for. */
static void limit_inlined(struct snapshot *snapshot)
{
    uint64_t allowed = MORE_NODES_MIN > snapshot->node_count * 2ull ? MORE_NODES_MIN : snapshot->node_count * 2ull;
    for (snapshot->inlined_max = PANDO_SYMBOLS_FRAMES_MAX; snapshot->inlined_max != 0; snapshot->inlined_max /= 2) {
        uint64_t more = 0;
        for (uint32_t i = 1; i < snapshot->node_count; i++) {
            uint32_t frame = pando_call_tree_node(snapshot->tree, i).frame;
            uint32_t inlined = snapshot->nodes[i] == UNUSED ? 0 : snapshot->functions[snapshot->frames[frame]] - 1;
            more += inlined < snapshot->inlined_max ? inlined : snapshot->inlined_max;
        }
        if (more <= allowed)
            return;
    }
}

static int put_nodes(struct snapshot *snapshot)
{
    snapshot->nodes[0] = 0;
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        struct pando_call_node node = pando_call_tree_node(snapshot->tree, i);
        if (i != 0) {
            if (snapshot->nodes[i] == UNUSED)
                continue;
            const uint32_t *functions = &snapshot->functions[snapshot->frames[node.frame]];
            int64_t child = snapshot->nodes[node.parent];
            for (uint32_t k = 0; k < functions[0] && k <= snapshot->inlined_max && child >= 0; k++)
                child = pando_profile_builder_child(snapshot->builder, (uint32_t)child, functions[1 + k]);
            if (child < 0)
                return (int)child;
            snapshot->nodes[i] = (uint32_t)child;
        }
        if (node.self != 0)
            pando_profile_builder_add_self(snapshot->builder, snapshot->nodes[i], node.self);
    }
    return 0;
}

size_t pando_snapshot_builder_bytes(size_t tree_bytes, size_t names_limit_bytes)
{
    /* A node has 24 bytes or more in the tree, and 16 in the profile, where arrays may be half as large again and the index takes
     * up to 22 bytes: twice the tree is enough, and for inlined functions (limit_inlined) four times. What names take beyond their limit is one string and the growth of arrays. */
    size_t spare = (2 << 20) + PANDO_SNAPSHOT_LINES_MAX * 2 * (sizeof(struct pando_profile_line) + 16);
    if (tree_bytes > (SIZE_MAX - spare) / 16 || names_limit_bytes > (SIZE_MAX - spare) / 4)
        return SIZE_MAX;
    return tree_bytes * 6 + names_limit_bytes * 2 + spare;
}

int pando_snapshot_fill(struct pando_profile_builder *builder, const struct pando_call_tree *tree,
                        struct pando_symbols *symbols, const struct pando_slice_table *slices, size_t names_limit_bytes,
                        uint64_t *ret_unnamed)
{
    struct snapshot snapshot = {
        .builder = builder, .tree = tree, .symbols = symbols, .slices = slices, .names_limit_bytes = names_limit_bytes,
        .node_count = pando_call_tree_node_count(tree), .frame_count = pando_call_tree_frame_count(tree),
    };
    snapshot.nodes = calloc(snapshot.node_count, sizeof *snapshot.nodes);
    snapshot.frames = calloc((size_t)snapshot.frame_count + 1, sizeof *snapshot.frames);
    snapshot.order = malloc(((size_t)snapshot.frame_count + 1) * sizeof *snapshot.order);
    int error = PANDO_ERR_NO_MEMORY;
    if (snapshot.nodes != NULL && snapshot.frames != NULL && snapshot.order != NULL) {
        mark_used(&snapshot);
        put_in_order(&snapshot);
        error = name_frames(&snapshot);
    }
    if (error == 0)
        limit_inlined(&snapshot);
    if (error == 0)
        error = put_nodes(&snapshot);
    if (error == 0)
        error = pando_snapshot_put_lines(&(struct pando_snapshot_lines){
            .builder = builder, .tree = tree, .node_count = snapshot.node_count, .nodes = snapshot.nodes, .frames = snapshot.frames,
            .functions = snapshot.functions, .lines = snapshot.lines, .function_count = (uint32_t)snapshot.function_count,
            .inlined_max = snapshot.inlined_max});
    free(snapshot.functions);
    free(snapshot.lines);
    free(snapshot.nodes);
    free(snapshot.frames);
    free(snapshot.order);
    if (error == 0)
        *ret_unnamed = snapshot.unnamed;
    return error;
}
