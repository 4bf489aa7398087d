/* Why: the call tree of a received body as it was read, before it goes into the builder: a frame is only known with its file, and
 * counts are only known when both "counts" and "slices" were read, in whichever order they came.
 * Context: worker and own processes; one thread. Private to profile/. */
#ifndef PANDO_PROFILE_CODEGURU_RAW_H
#define PANDO_PROFILE_CODEGURU_RAW_H

#include "profile/codeguru_decode.h"
#include "profile/states.h"

struct pando_codeguru_raw_node {
    uint64_t self;
    uint32_t parent; /* raw number, below its own */
    uint32_t name, object, file;
    uint32_t line_min, line_max;
    uint32_t last_part; /* number + 1 of the part that was read last; 0: none */
};

/* What a node has in the counter of a thread state, or, of any counter, in a slice. What is in slices is in the node's counts, too. */
struct pando_codeguru_raw_part {
    uint64_t weight;
    uint32_t slice;        /* number in the body's table + 1; 0: the count of a state, of all slices */
    uint32_t earlier_part; /* of the same node; as last_part */
    enum pando_profile_state state;
};

struct pando_codeguru_raw {
    struct pando_codeguru_raw_node *nodes; /* a parent before its children; [0] is the root */
    struct pando_codeguru_raw_part *parts;
    size_t node_count, part_count;
};

/* Puts the tree into decode->builder. 0, or an error, with its sentence. */
int pando_codeguru_raw_build(struct pando_codeguru_decode *decode, struct pando_codeguru_raw *raw);
/* Refuses because there is no room, or no memory, for the call tree: `error` is the builder's, or of an allocation. */
int pando_codeguru_refuse_tree(struct pando_codeguru_decode *decode, int64_t error);

#endif
