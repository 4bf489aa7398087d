/* Why: collector/sample_stack.h. Context: worker. */
#include "collector/sample_stack.h"

#include <string.h>

#include "agent/walker.h"
#include "base/error.h"

enum {
    ROUNDS_MAX = 64,      /* a walk stops at each object whose rows must be built: more than a stack visits */
    WALK_FRAMES_MAX = PANDO_SAMPLE_FRAMES_MAX,
};

int pando_sample_record_parse(const uint64_t *words, uint32_t word_count, struct pando_sample_record *ret_record)
{
    struct pando_sample_record record = {0};
    if (word_count > 0)
        memcpy(&record.head, &words[0], sizeof record.head);
    if (word_count > 1)
        memcpy(&record.origin, &words[1], sizeof record.origin);
    if (word_count > 2)
        memcpy(&record.methods, &words[2], sizeof record.methods);
    bool is_name = record.head.kind == PANDO_SAMPLE_NAME, is_traced = (record.head.flags & PANDO_SAMPLE_TRACED) != 0;
    uint32_t before_frames = PANDO_SAMPLE_HEAD_WORDS + (is_name ? PANDO_SAMPLE_NAME_WORDS : is_traced ? PANDO_SAMPLE_TRACE_WORDS : 0);
    uint32_t wanted = before_frames + record.head.frame_count;
    record.trace = is_name || is_traced ? words + PANDO_SAMPLE_HEAD_WORDS : NULL;
    record.frames = words + before_frames;
    bool valid = record.head.frame_count <= PANDO_SAMPLE_FRAMES_MAX && record.head.walk_end < PANDO_WALK_END_KINDS &&
                 record.head.state < PANDO_SAMPLE_STATES;
    if (record.head.kind == PANDO_SAMPLE_RAW) {
        wanted += PANDO_WALK_REGISTERS + 1 + record.head.stack_words;
        valid = valid && wanted == word_count;
        if (valid) {
            record.registers = record.frames + record.head.frame_count;
            record.stack_begin = record.registers[PANDO_WALK_REGISTERS];
            record.stack = record.registers + PANDO_WALK_REGISTERS + 1;
        }
    }
    if (valid && wanted == word_count && 
        (record.head.kind == PANDO_SAMPLE_RAW || record.head.kind == PANDO_SAMPLE_STACK || (is_name && record.head.frame_count == 0))) {
        *ret_record = record;
        return 0;
    }
    *ret_record = (struct pando_sample_record){
        .head = {.kind = PANDO_SAMPLE_STACK, .walk_end = PANDO_WALK_END_BAD_STACK},
        .origin = {.weight = word_count > 1 ? record.origin.weight : 1},
        .frames = words,
    };
    return PANDO_ERR_INVALID;
}

/* In a truncated stack the first frame is not where the thread was. */
static bool is_exact(const struct pando_sample_stack *stack, uint32_t i)
{
    return (i == 0 && (stack->flags & PANDO_SAMPLE_TRUNCATED) == 0) || (stack->frames[i] & PANDO_SAMPLE_EXACT) != 0;
}

uint64_t pando_sample_stack_address(const struct pando_sample_stack *stack, uint32_t i)
{
    uint64_t address = stack->frames[i] & ~PANDO_SAMPLE_EXACT;
    return is_exact(stack, i) || address == 0 ? address : address - 1;
}

static void add_methods(struct pando_sample_methods *sum, const struct pando_sample_methods *more)
{
    sum->by_row = (uint16_t)(sum->by_row + more->by_row);
    sum->by_frame_pointer = (uint16_t)(sum->by_frame_pointer + more->by_frame_pointer);
    sum->by_guess = (uint8_t)(sum->by_guess + more->by_guess);
}

/* One walk, from the last frame of `stack` on, which it finds once more. False when it got no further. */
static bool walk_on(struct pando_walk *walk, struct pando_sample_stack *stack)
{
    uint32_t last = stack->frame_count - 1;
    uint64_t last_word = stack->frames[last];
    uint64_t rip = walk->registers[PANDO_WALK_RIP], rsp = walk->registers[PANDO_WALK_RSP];
    walk->only_rbp_rsp_known = walk->is_return_address = !is_exact(stack, last);
    if ((stack->flags & PANDO_SAMPLE_ONLY_RSP) != 0) {
        walk->only_rbp_rsp_known = true;
        walk->only_rsp_known = walk->registers[PANDO_WALK_RBP] == 0;
    }
    walk->frames = stack->frames + last;
    pando_walk_run(walk);
    add_methods(&stack->methods, &walk->methods);
    stack->walk_end = (uint8_t)walk->end;
    if ((walk->flags & PANDO_SAMPLE_TRUNCATED) != 0) { /* the outermost WALK_FRAMES_MAX: what was found before lies deeper */
        memmove(stack->frames, walk->frames, walk->frame_count * sizeof stack->frames[0]);
        stack->frame_count = walk->frame_count;
    } else {
        stack->frames[last] = last_word;
        stack->frame_count = last + (walk->frame_count > 0 ? walk->frame_count : 1);
    }
    stack->flags |= walk->flags;
    return walk->registers[PANDO_WALK_RIP] != rip || walk->registers[PANDO_WALK_RSP] != rsp;
}

static void finish(const struct pando_sample_record *record, struct pando_code_map *code_map, struct pando_sample_stack *stack)
{
    uint64_t copied_bytes = (uint64_t)record->head.stack_words * sizeof record->stack[0];
    if (stack->frame_count == 0 || record->stack_begin > UINT64_MAX - copied_bytes)
        return;
    struct pando_walk walk = {
        .memory = {.low = record->stack_begin, .high = record->stack_begin + copied_bytes,
                   .shift = (int64_t)((uint64_t)(uintptr_t)record->stack - record->stack_begin)},
        .frames_max = WALK_FRAMES_MAX,
        .visits_max = PANDO_SAMPLE_STACK_MAX,
    };
    memcpy(walk.registers, record->registers, sizeof walk.registers);
    bool further = true;
    for (int round = 0; further && round < ROUNDS_MAX; round++) {
        pando_code_map_want(code_map, pando_sample_stack_address(stack, stack->frame_count - 1));
        walk.objects = pando_code_map_list(code_map);
        if (walk.objects == NULL)
            return;
        further = walk_on(&walk, stack) && stack->walk_end == PANDO_WALK_END_NO_ROWS &&
                  stack->frame_count <= PANDO_SAMPLE_STACK_MAX - WALK_FRAMES_MAX;
    }
    stack->finished_late = stack->walk_end == PANDO_WALK_END_OUTERMOST;
}

void pando_sample_stack_make(const struct pando_sample_record *record, struct pando_code_map *code_map,
                             struct pando_sample_stack *stack)
{
    stack->frame_count = record->head.frame_count;
    stack->walk_end = record->head.walk_end;
    stack->flags = record->head.flags;
    stack->finished_late = false;
    stack->methods = record->methods;
    memcpy(stack->frames, record->frames, stack->frame_count * sizeof stack->frames[0]);
    if (record->head.kind == PANDO_SAMPLE_RAW)
        finish(record, code_map, stack);
}
