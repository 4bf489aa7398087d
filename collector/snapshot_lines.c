/* Why: collector/snapshot_lines.h. Context: as there. The tree is walked once, depth first and without recursion: a line's total is what
 * is met between coming to it and leaving it, and a recursive function comes to a line that it is on already. */
#include "collector/snapshot_lines.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"

static const uint32_t NONE = UINT32_MAX;

struct place {
    struct pando_profile_line line;   /* what is added up */
    uint32_t open;                    /* how often it is on the path */
    uint64_t cpu_before, wall_before; /* weight met before it was first come to */
};

struct walk {
    const struct pando_snapshot_lines *from;
    uint32_t *first_child, *next_sibling; /* by node of the tree; 0: none */
    uint32_t *place_of;                   /* by function in `functions`; NONE */
    struct place *places;
    uint32_t place_count;
    uint64_t cpu, wall;                   /* weight met */
};

/* The functions of a node that are shown: the place of each begins at *ret_at. */
static uint32_t functions_of(const struct walk *walk, uint32_t node, uint32_t *ret_at)
{
    const struct pando_snapshot_lines *from = walk->from;
    if (node == 0)
        return 0;
    uint32_t start = from->frames[pando_call_tree_node(from->tree, node).frame], count = from->functions[start];
    *ret_at = start + 1;
    return count <= from->inlined_max ? count : from->inlined_max + 1;
}

/* 0: a function; else it says whose sample the node above is, or (above STATES) in which state. */
static uint64_t attribute_of(const struct walk *walk, uint32_t node)
{
    struct pando_call_frame frame = pando_call_tree_frame(walk->from->tree, pando_call_tree_node(walk->from->tree, node).frame);
    return node != 0 && frame.object == PANDO_CALL_OBJECT_OWN && frame.offset > PANDO_CALL_STATES ? frame.offset : 0;
}

static void add_self(struct walk *walk, uint32_t node, uint64_t weight)
{
    uint64_t attribute = attribute_of(walk, node);
    bool is_wall = attribute != 0 && attribute < PANDO_CALL_SLICES;
    uint32_t at, owner = node;
    *(is_wall ? &walk->wall : &walk->cpu) += weight;
    while (attribute_of(walk, owner) != 0)
        owner = pando_call_tree_node(walk->from->tree, owner).parent;
    uint32_t count = functions_of(walk, owner, &at);
    if (count == 0 || walk->place_of[at + count - 1] == NONE)
        return;
    struct pando_profile_line *line = &walk->places[walk->place_of[at + count - 1]].line;
    *(is_wall ? &line->wall_self : &line->self) += weight;
}

static void enter(struct walk *walk, uint32_t node)
{
    uint32_t at, count = functions_of(walk, node, &at);
    for (uint32_t k = 0; k < count; k++) {
        struct place *place = walk->place_of[at + k] != NONE ? &walk->places[walk->place_of[at + k]] : NULL;
        if (place == NULL || place->open++ != 0)
            continue;
        place->cpu_before = walk->cpu;
        place->wall_before = walk->wall;
    }
    uint64_t self = pando_call_tree_node(walk->from->tree, node).self;
    if (self != 0)
        add_self(walk, node, self);
}

static void leave(struct walk *walk, uint32_t node)
{
    uint32_t at, count = functions_of(walk, node, &at);
    for (uint32_t k = 0; k < count; k++) {
        struct place *place = walk->place_of[at + k] != NONE ? &walk->places[walk->place_of[at + k]] : NULL;
        if (place == NULL || --place->open != 0)
            continue;
        place->line.total += walk->cpu - place->cpu_before;
        place->line.wall_total += walk->wall - place->wall_before;
    }
}

/* The nodes that are in the profile, by parent. */
static void link_nodes(struct walk *walk)
{
    const struct pando_snapshot_lines *from = walk->from;
    for (uint32_t i = from->node_count; i-- > 1;) {
        if (from->nodes[i] == 0)
            continue;
        uint32_t parent = pando_call_tree_node(from->tree, i).parent;
        walk->next_sibling[i] = walk->first_child[parent];
        walk->first_child[parent] = i;
    }
}

static void walk_tree(struct walk *walk)
{
    uint32_t node = 0;
    enter(walk, 0);
    for (;;) {
        uint32_t next = walk->first_child[node];
        for (; next == 0; next = walk->next_sibling[node], node = next == 0 ? pando_call_tree_node(walk->from->tree, node).parent : node) {
            leave(walk, node);
            if (node == 0)
                return;
        }
        enter(walk, next);
        node = next;
    }
}

/* Gives each pair of function and line its place. The builder tells which are the same. */
static int find_places(struct walk *walk)
{
    const struct pando_snapshot_lines *from = walk->from;
    for (uint32_t start = 0; start < from->function_count; start += from->functions[start] + 1) {
        for (uint32_t at = start + 1; at <= start + from->functions[start]; at++) {
            walk->place_of[at] = NONE;
            if (from->lines[at] == 0 || at - start - 1 > from->inlined_max)
                continue;
            const struct pando_profile_line line = {.frame = from->functions[at], .line = from->lines[at]};
            int64_t number = walk->place_count < PANDO_SNAPSHOT_LINES_MAX ? pando_profile_builder_line(from->builder, line) : PANDO_ERR_LIMIT;
            if (number == PANDO_ERR_NO_MEMORY)
                return PANDO_ERR_NO_MEMORY;
            if (number < 0)
                continue;
            if (number >= walk->place_count)
                walk->places[walk->place_count++] = (struct place){.line = line};
            walk->place_of[at] = (uint32_t)number;
        }
    }
    return 0;
}

static bool has_lines(const struct pando_snapshot_lines *from)
{
    for (uint32_t i = 0; i < from->function_count; i++)
        if (from->lines[i] != 0)
            return true;
    return false;
}

int pando_snapshot_put_lines(const struct pando_snapshot_lines *from)
{
    if (!has_lines(from))
        return 0;
    struct walk walk = {.from = from};
    uint32_t place_max = from->function_count < PANDO_SNAPSHOT_LINES_MAX ? from->function_count : PANDO_SNAPSHOT_LINES_MAX;
    walk.first_child = calloc(2 * (size_t)from->node_count, sizeof *walk.first_child);
    walk.next_sibling = walk.first_child != NULL ? walk.first_child + from->node_count : NULL;
    walk.place_of = calloc(from->function_count, sizeof *walk.place_of);
    walk.places = malloc(place_max * sizeof *walk.places);
    int error = walk.first_child == NULL || walk.place_of == NULL || walk.places == NULL ? PANDO_ERR_NO_MEMORY : find_places(&walk);
    if (error == 0) {
        link_nodes(&walk);
        walk_tree(&walk);
        for (uint32_t i = 0; i < walk.place_count; i++)
            pando_profile_builder_line(from->builder, walk.places[i].line); /* it is there: nothing can fail */
    }
    free(walk.first_child);
    free(walk.place_of);
    free(walk.places);
    return error;
}
