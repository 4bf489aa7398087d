/* Why: profile/codeguru_raw.h. Context: as there. */
#include "profile/codeguru_raw.h"

#include "base/error.h"

int pando_codeguru_refuse_tree(struct pando_codeguru_decode *decode, int64_t error)
{
    if (error == PANDO_ERR_LIMIT)
        return pando_codeguru_refuse(decode, PANDO_ERR_LIMIT, "callgraph has too many frames: over %zu bytes of memory.",
                                     decode->limits->memory_bytes);
    return pando_codeguru_refuse(decode, PANDO_ERR_NO_MEMORY, "There is no memory for this profile.");
}

/* By how much the parts of one count may seem to be more than it: converting between counters rounds each. */
static uint64_t rounding(const struct pando_codeguru_decode *decode, uint64_t parts)
{
    for (uint32_t i = 1; i < decode->weight_count; i++)
        if (decode->weights[i] != decode->weights[0])
            return parts;
    return 0;
}

/* Takes what is in slices off the counts, so that it is counted once. A state's count is left with what is in no slice. */
static int divide(struct pando_codeguru_decode *decode, const struct pando_codeguru_raw *raw,
                  struct pando_codeguru_raw_node *node)
{
    uint64_t sliced[PANDO_PROFILE_STATES] = {0}, parts = 0;
    for (uint32_t at = node->last_part; at != 0; at = raw->parts[at - 1].earlier_part) {
        const struct pando_codeguru_raw_part *part = &raw->parts[at - 1];
        if (part->slice == 0)
            continue;
        uint64_t *sum = &sliced[part->state];
        *sum = *sum > UINT64_MAX - part->weight ? UINT64_MAX : *sum + part->weight;
        parts++;
    }
    if (parts == 0)
        return 0;
    uint64_t slack = rounding(decode, parts);
    for (unsigned state = 0; state < PANDO_PROFILE_STATES; state++) {
        uint64_t *count = state == PANDO_PROFILE_NO_STATE ? &node->self : NULL;
        for (uint32_t at = node->last_part; at != 0 && count == NULL; at = raw->parts[at - 1].earlier_part)
            if (raw->parts[at - 1].slice == 0 && raw->parts[at - 1].state == (enum pando_profile_state)state)
                count = &raw->parts[at - 1].weight;
        uint64_t all = count != NULL ? *count : 0;
        if (sliced[state] > all && sliced[state] - all > slack)
            return pando_codeguru_refuse(decode, PANDO_ERR_INVALID,
                                         "callgraph: a frame has more in \"slices\" than in \"counts\".");
        if (count != NULL)
            *count = all > sliced[state] ? all - sliced[state] : 0;
    }
    return 0;
}

static int build_parts(struct pando_codeguru_decode *decode, const struct pando_codeguru_raw *raw,
                       const struct pando_codeguru_raw_node *of)
{
    struct pando_profile_builder *builder = decode->builder;
    for (uint32_t at = of->last_part; at != 0; at = raw->parts[at - 1].earlier_part) {
        const struct pando_codeguru_raw_part *part = &raw->parts[at - 1];
        int64_t node = of->parent; /* the builder's number, by now */
        if (part->weight == 0)
            continue;
        if (part->slice != 0)
            node = pando_profile_builder_child(builder, (uint32_t)node, decode->slices[part->slice - 1]);
        if (node >= 0 && part->state != PANDO_PROFILE_NO_STATE) {
            int64_t frame = pando_profile_builder_state(builder, part->state);
            node = frame < 0 ? frame : pando_profile_builder_child(builder, (uint32_t)node, (uint32_t)frame);
        }
        if (node < 0)
            return pando_codeguru_refuse_tree(decode, node);
        pando_profile_builder_add_self(builder, (uint32_t)node, part->weight);
    }
    return 0;
}

/* Raw parents come before their children; the field `parent` turns into the builder's number on the way. */
int pando_codeguru_raw_build(struct pando_codeguru_decode *decode, struct pando_codeguru_raw *raw)
{
    struct pando_profile_builder *builder = decode->builder;
    for (size_t i = 0; i < raw->node_count; i++) {
        struct pando_codeguru_raw_node *at = &raw->nodes[i];
        int64_t node = 0;
        if (i != 0) {
            int64_t frame = pando_profile_builder_frame(
                builder, (struct pando_profile_frame){.name = at->name, .object = at->object, .file = at->file,
                                                      .line_min = at->line_min, .line_max = at->line_max});
            node = frame < 0 ? frame
                             : pando_profile_builder_child(builder, raw->nodes[at->parent].parent, (uint32_t)frame);
        }
        if (node < 0)
            return pando_codeguru_refuse_tree(decode, node);
        at->parent = (uint32_t)node;
        int error = divide(decode, raw, at);
        pando_profile_builder_add_self(builder, (uint32_t)node, at->self);
        if (error == 0)
            error = build_parts(decode, raw, at);
        if (error != 0)
            return error;
    }
    return 0;
}
