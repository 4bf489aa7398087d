/* Why: how to unwind one object's code, in the form that a signal handler can use: a sorted table of 8-byte rows, each valid
 * from its offset to the next row's, with an index by block so that a look-up touches two cache lines.
 * Context: built by the worker (collector/row_builder.c), read by the handler; immutable once published.
 *
 * An offset is an address minus the object's load bias (an ELF virtual address) minus `first_offset`. A row tells the canonical
 * frame address (CFA: the stack pointer before the call that made this frame), where the caller's RBP is, and how the return
 * address is found (at CFA - 8, except where the kind says otherwise). */
#ifndef PANDO_EXCHANGE_ROWS_H
#define PANDO_EXCHANGE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pando_row_kind {
    PANDO_ROW_NONE = 0,      /* no unwind information here (a gap between functions) */
    PANDO_ROW_END,           /* the return address is undefined: the thread's first frame */
    PANDO_ROW_RSP,           /* CFA = rsp + cfa_words * 8 */
    PANDO_ROW_RBP,           /* CFA = rbp + cfa_words * 8 */
    PANDO_ROW_PLT,           /* CFA = rsp + 8, or rsp + 16 from byte 11 of each 16-byte entry on */
    PANDO_ROW_SIGNAL,        /* the signal trampoline: rsp points at the ucontext; registers are in it */
    PANDO_ROW_EXTRA,         /* extras[extra]: whatever does not fit */
};

/* Where the caller's rbp is. */
enum pando_row_rbp {
    PANDO_ROW_RBP_SAME = 0,  /* in rbp */
    PANDO_ROW_RBP_AT_CFA,    /* at CFA - rbp_words * 8 */
    PANDO_ROW_RBP_LOST,      /* not known (DW_CFA_undefined, or a rule that rows cannot hold) */
};

struct pando_row {
    uint32_t offset;
    uint32_t kind : 3;
    uint32_t rbp : 2;
    uint32_t rbp_words : 9;  /* 0..511, below the CFA */
    uint32_t cfa_words : 18; /* signed value in two's complement, or the number of the extra */
};
_Static_assert(sizeof(struct pando_row) == 8, "eight bytes a row");

/* A rule in full: CFA = value, or the word stored at value (is_deref), plus `add`; value = register + offset, plus 8 times the
 * register `index_reg` if there is one (OpenSSL's Montgomery multiplication keeps its caller's stack pointer that way).
 * The caller's rbp: in rbp, lost, at CFA + rbp_offset (PANDO_ROW_RBP_AT_CFA), or at rbp + rbp_offset (PANDO_ROW_RBP_AT_RBP);
 * the rbp and rbp_words of the row itself are not used. The return address: at CFA - 8, or in the register `ra_reg`. */
enum { PANDO_ROW_RBP_AT_RBP = 3, PANDO_ROW_RA_AT_CFA = 255, PANDO_ROW_NO_INDEX = 255 };
struct pando_row_extra {
    uint8_t reg;             /* DWARF number, 0..15: 3 rbx, 6 rbp, 7 rsp; others are known in innermost and signal frames only */
    bool is_deref;
    uint8_t rbp;             /* enum pando_row_rbp, or PANDO_ROW_RBP_AT_RBP */
    uint8_t ra_reg;          /* DWARF number, 0..15, of a register that has the return address, or PANDO_ROW_RA_AT_CFA */
    uint8_t index_reg;       /* DWARF number, 0..15, or PANDO_ROW_NO_INDEX */
    int32_t offset, add, rbp_offset; /* bytes */
};

/* The loader's lazy binding trampoline aligns the stack and keeps the old stack pointer in rbx, which the functions that it
 * calls save. Objects that have such code (reg == 3 in an extra) get a byte a row that tells where the caller's rbx is. */
enum { PANDO_ROW_RBX_SAME = 0, PANDO_ROW_RBX_LOST = 255 }; /* else: at CFA - value * 8 */

enum { PANDO_ROWS_BLOCK_SHIFT = 8 }; /* 256 bytes of code an index entry */

struct pando_rows {
    uint64_t first_offset;   /* ELF virtual address of the code that the table covers */
    uint32_t length_bytes;   /* of that code */
    uint32_t row_count;
    uint32_t block_count;    /* length_bytes >> SHIFT, rounded up */
    uint32_t extra_count;
    const uint32_t *blocks;  /* blocks[b]: number of the last row with offset <= b << SHIFT (row 0 has offset 0) */
    const struct pando_row *rows;
    const struct pando_row_extra *extras;
    const uint8_t *rbx;      /* one a row, or NULL: rbx is not followed through this object's frames */
    uint32_t functions, functions_refused; /* for the record: with unwind information; of which no use could be made */
    uint32_t ranges_no_rule; /* ranges of code whose rule rows cannot hold: NONE there */
    size_t memory_bytes;     /* of all of it */
};

/* The row for ELF virtual address `vaddr`; NULL when the table does not cover it. Handler-safe, no call, bounded: at most 256
 * rows are looked at (rows of one block have different offsets). */
static inline const struct pando_row *pando_rows_find(const struct pando_rows *rows, uint64_t vaddr)
{
    uint64_t offset = vaddr - rows->first_offset;
    if (offset >= rows->length_bytes)
        return NULL;
    uint32_t block = (uint32_t)(offset >> PANDO_ROWS_BLOCK_SHIFT);
    uint32_t low = rows->blocks[block];
    uint32_t high = block + 1 < rows->block_count ? rows->blocks[block + 1] : rows->row_count - 1;
    while (low < high) { /* the last row with row.offset <= offset */
        uint32_t middle = low + (high - low + 1) / 2;
        if (rows->rows[middle].offset <= offset)
            low = middle;
        else
            high = middle - 1;
    }
    return &rows->rows[low];
}

static inline int32_t pando_row_cfa_words(const struct pando_row *row)
{
    return (int32_t)(row->cfa_words << 14) >> 14;
}

#endif
