/* Why: shows what a register state of libunwind's means without knowing its form: applies it to made-up frames in which every
 * register has a value that can be recognised and every word of memory tells that it was read. Where the frame address and the
 * registers come out is the state's shape.
 * Context: worker. Private to collector/ (row_rules.c puts shapes into rules). */
#ifndef PANDO_COLLECTOR_ROW_SHAPE_H
#define PANDO_COLLECTOR_ROW_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include <libunwind-x86_64.h>

#include "collector/unwind_image.h"

/* DWARF numbers, and what else an address can be based on: the nth word of made-up memory that was read, or nothing known. */
enum {
    PANDO_SHAPE_RBX = 3, PANDO_SHAPE_RBP = 6, PANDO_SHAPE_RSP = 7, PANDO_SHAPE_RIP = 16, PANDO_SHAPE_REGISTERS = 17,
    PANDO_SHAPE_WORDS = 140, PANDO_SHAPE_WORDS_MAX = 48,
    PANDO_SHAPE_NOWHERE = 1000,
    PANDO_SHAPE_NO_INDEX = 255,
    PANDO_SHAPE_VARIANTS = 16, /* of the made-up frame: see pando_shape_of */
};

/* An address: base + offset, or rsp + 8 * index + offset. */
struct pando_place {
    unsigned base, index;
    int64_t offset;
};

/* Where a register's value comes from. */
enum pando_origin { PANDO_FROM_NOWHERE, PANDO_FROM_MEMORY, PANDO_FROM_REGISTER };
struct pando_source {
    enum pando_origin origin;
    unsigned reg;             /* PANDO_FROM_REGISTER */
    struct pando_place place; /* PANDO_FROM_MEMORY */
};

struct pando_shape {
    bool good;                /* libunwind could apply it */
    struct pando_place cfa;
    struct pando_place cfa_word; /* if cfa.base is a word of memory: where that word is */
    struct pando_source ra, rbp, rbx;
    bool is_end;              /* the return address is undefined */
    bool rsp_is_cfa;          /* there is no rule of its own for rsp */
    bool has_expression;      /* the state refers to an expression: other frames may give other shapes */
};

/* libunwind's view of one function in one image: an address space of ours. */
struct pando_shaper;

/* NULL: no memory, or libunwind refuses. */
struct pando_shaper *pando_shaper_new(void);
void pando_shaper_free(struct pando_shaper *shaper);
/* From here on functions are those of `image`, which stays the caller's. */
void pando_shaper_use(struct pando_shaper *shaper, const struct pando_unwind_image *image);

/* Has libunwind tell the states of the function at `start` whose entry is at `entry` (addresses). `on_state` may call
 * pando_shape_of. 0, or what on_state returned, or libunwind's negative error. */
int pando_shaper_states(struct pando_shaper *shaper, uint64_t start, uint64_t entry, unw_reg_states_callback on_state,
                        void *token);

/* The image cost more reads than a good one can; nothing more can be read. */
bool pando_shaper_is_spent(const struct pando_shaper *shaper);

/* Applies a state to made-up frame `variant`: its rip has that low digit. All but the first have low bits in the other registers
 * too, different for each, so that masks and alignments show (of words: libunwind reads those byte by byte that are not aligned). */
struct pando_shape pando_shape_of(struct pando_shaper *shaper, void *state, int variant);

bool pando_shape_same(const struct pando_shape *a, const struct pando_shape *b);

/* Whether `source` is the word at base + offset. */
static inline bool pando_source_is_at(const struct pando_source *source, unsigned base, int64_t offset)
{
    return source->origin == PANDO_FROM_MEMORY && source->place.base == base && source->place.offset == offset &&
           source->place.index == PANDO_SHAPE_NO_INDEX;
}

#endif
