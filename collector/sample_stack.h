/* Why: from the words of a record to a stack of code addresses, as complete as it can be: a RAW sample's walk is continued here
 * on the stack that the handler copied, now that rows can be built.
 * Context: worker; one owner. Trusts no word of a record. */
#ifndef PANDO_COLLECTOR_SAMPLE_STACK_H
#define PANDO_COLLECTOR_SAMPLE_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/code_map.h"
#include "exchange/sample.h"

struct pando_sample_record {
    struct pando_sample_head head;
    struct pando_sample_origin origin;
    struct pando_sample_methods methods;
    const uint64_t *trace;     /* NULL: none. Of NAME: the name */
    const uint64_t *frames;    /* head.frame_count of them */
    const uint64_t *registers; /* RAW, else NULL */
    const uint64_t *stack;     /* RAW: head.stack_words words, copied from `stack_begin` on */
    uint64_t stack_begin;
};

/* Whose sample it is. */
struct pando_sample_owner {
    uint32_t tid;
    uint16_t label_set;
    const uint64_t *trace;     /* three words, or NULL */
};

/* Takes a record apart; pointers go into `words`. PANDO_ERR_INVALID: its parts do not add up (then all that is known of
 * *ret_record are kind STACK, no frames, walk_end BAD_STACK and the weight, so that even that sample can be counted). */
int pando_sample_record_parse(const uint64_t *words, uint32_t word_count, struct pando_sample_record *ret_record);

enum { PANDO_SAMPLE_STACK_MAX = 4096 };

struct pando_sample_stack {
    uint32_t frame_count;
    uint8_t walk_end;          /* enum pando_walk_end */
    uint8_t flags;             /* enum pando_sample_flag, or'ed */
    bool finished_late;        /* the handler had to stop, and now the outermost frame is reached */
    struct pando_sample_methods methods;
    uint64_t frames[PANDO_SAMPLE_STACK_MAX]; /* as in a record */
};

/* The address to look up for frame `i`: itself where it is exact, else (a return address) the byte before, which is the call's. */
uint64_t pando_sample_stack_address(const struct pando_sample_stack *stack, uint32_t i);

/* Fills `stack` from the record; continues the walk of a RAW one with the rows of `code_map`, which are built where needed. */
void pando_sample_stack_make(const struct pando_sample_record *record, struct pando_code_map *code_map,
                             struct pando_sample_stack *stack);

#endif
