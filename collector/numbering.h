/* Why: gives numbers, from 0 up, to distinct keys, and keeps a value for each: the table under the call tree's frames and nodes.
 * Its memory comes in small blocks that never move and its hash index grows by one bucket at a time (linear hashing), so nothing
 * is ever copied into a larger place: there is no moment at which old and new exist together, hence a limit is a limit at every
 * instant, and no insertion is much slower than another.
 * Context: worker; one owner. Private to collector/. docs/call-tree.md has the comparison with a doubling table. */
#ifndef PANDO_COLLECTOR_NUMBERING_H
#define PANDO_COLLECTOR_NUMBERING_H

#include <stddef.h>
#include <stdint.h>

/* Shared by tables that have one limit together. */
struct pando_numbering_budget {
    size_t limit_bytes;
    size_t used_bytes;   /* as asked of malloc; never over the limit */
};

enum { PANDO_NUMBERING_BLOCK_SHIFT = 8, PANDO_NUMBERING_BLOCK = 1 << PANDO_NUMBERING_BLOCK_SHIFT };

struct pando_numbered {
    uint64_t key;
    uint32_t key_more;
    uint32_t next;       /* number + 1 of the next one in its bucket; 0: the last */
    uint64_t value;      /* the user's; 0 at first */
};

/* Blocks of equal size, found by their number. */
struct pando_numbering_blocks {
    void **blocks;
    uint32_t count, capacity;
};

/* All zero: empty. */
struct pando_numbering {
    struct pando_numbering_blocks entries; /* of struct pando_numbered */
    struct pando_numbering_blocks heads;   /* of uint32_t: number + 1 of the first in the bucket */
    uint32_t count;          /* of numbers given */
    uint32_t bucket_count;   /* round <= bucket_count < 2 * round, or 0 */
    uint32_t round;          /* a power of two: buckets below bucket_count - round are split already */
};

/* The number of a key, given now if it is new. Returns it (>= 0), or PANDO_ERR_LIMIT / PANDO_ERR_NO_MEMORY: nothing was added. */
int64_t pando_numbering_put(struct pando_numbering *numbering, struct pando_numbering_budget *budget, uint64_t key,
                            uint32_t key_more);
/* Frees everything, gives the bytes back to the budget, and leaves an empty table. */
void pando_numbering_release(struct pando_numbering *numbering, struct pando_numbering_budget *budget);

/* `number` must have been given. Valid until release. */
static inline struct pando_numbered *pando_numbering_at(const struct pando_numbering *numbering, uint32_t number)
{
    struct pando_numbered *block = numbering->entries.blocks[number >> PANDO_NUMBERING_BLOCK_SHIFT];
    return &block[number & (PANDO_NUMBERING_BLOCK - 1)];
}

#endif
