/* Why: what the two passes over a received body share. The first reads all but the call tree, the second the tree: only
 * then its counts can be weighed, whatever the order of the members. Context: worker and own processes; one thread.
 * Private to profile/. */
#ifndef PANDO_PROFILE_CODEGURU_DECODE_H
#define PANDO_PROFILE_CODEGURU_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/codeguru_json.h"
#include "profile/json_reader.h"
#include "profile/profile.h"

enum { PANDO_CODEGURU_COUNTERS_MAX = 16 };

struct pando_codeguru_decode {
    const struct pando_codeguru_json_limits *limits;
    struct pando_json_reader reader;
    struct pando_profile_builder *builder;
    char *message;                      /* the sentence for the sender; the first one stays */
    size_t message_bytes;
    const char *callgraph;              /* where these values begin; NULL not seen */
    const char *debug_info;
    const char *extension;
    bool from_pando;                    /* keys are "object:name" */
    uint32_t *slices;                   /* frames of the builder, in the order of the body's table */
    uint32_t slice_count;
    uint32_t weight_count;              /* sampleWeights, in their order */
    uint32_t weight_names[PANDO_CODEGURU_COUNTERS_MAX]; /* strings of the builder */
    double weights[PANDO_CODEGURU_COUNTERS_MAX];        /* a second, > 0 */
};

/* Writes the sentence and returns `error`. */
int pando_codeguru_refuse(struct pando_codeguru_decode *decode, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Refuses because of the reader's own error. */
int pando_codeguru_refuse_syntax(struct pando_codeguru_decode *decode);
/* "`member` `what`.", or what the reader met if it failed. */
int pando_codeguru_refuse_member(struct pando_codeguru_decode *decode, const char *member, const char *what);
/* For PANDO_ERR_LIMIT and PANDO_ERR_NO_MEMORY of the builder. */
int pando_codeguru_refuse_memory(struct pando_codeguru_decode *decode, int64_t error);

/* The reader's text, a frame's key, as strings of the builder: "object:name" where Pando put it together. */
int pando_codeguru_split_key(struct pando_codeguru_decode *decode, uint32_t *ret_object, uint32_t *ret_name);

/* First pass, after the key "agentMetadata". */
int pando_codeguru_decode_metadata(struct pando_codeguru_decode *decode);
/* Second pass: the values at decode->callgraph and decode->debug_info into the builder. */
int pando_codeguru_decode_callgraph(struct pando_codeguru_decode *decode);
int pando_codeguru_decode_debug_info(struct pando_codeguru_decode *decode);

#endif
