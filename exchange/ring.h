/* Why: the hand-over of samples from signal handlers to the aggregator: many writers, one reader, variable-length records of
 * 64-bit words, bounded, lock-free. A writer never waits: when there is no room the record is refused and the caller counts.
 * Context: push: signal handler or any thread, any number at once (with signals blocked while it runs: a writer that is left
 * half-way for good would stop the reader); pop: one thread, the aggregator. No allocation, no system call.
 * The algorithm and why each memory order is needed: docs/ring.md and ring.c. */
#ifndef PANDO_EXCHANGE_RING_H
#define PANDO_EXCHANGE_RING_H

#include <stddef.h>
#include <stdint.h>

struct pando_ring;

enum {
    PANDO_RING_RECORD_WORDS_MAX = 4096, /* payload of one record */
    PANDO_RING_WORDS_MIN = 8192,
    PANDO_RING_WORDS_MAX = 1 << 24,
};

/* A piece of a record: pushes gather several, so that nobody has to put them together first. */
struct pando_ring_part {
    const uint64_t *words;
    uint32_t count;
};

/* Bytes of memory that a ring of `capacity_words` (a power of two from MIN to MAX) needs; 0 when the number is not one. */
size_t pando_ring_bytes(uint32_t capacity_words);
/* Makes an empty ring in zeroed, 64-byte aligned memory of that size, which stays the caller's. Setup. NULL: bad number. */
struct pando_ring *pando_ring_init(void *memory, uint32_t capacity_words);

/* Appends one record. Handler-safe. 0, PANDO_ERR_LIMIT (no room), PANDO_ERR_BUSY (other writers were quicker too often), or
 * PANDO_ERR_INVALID (empty, or over RECORD_WORDS_MAX); nothing was written in these cases. */
int pando_ring_push(struct pando_ring *ring, const struct pando_ring_part *parts, uint32_t part_count);

/* Takes the oldest record: copies its payload to `words` (room for RECORD_WORDS_MAX) and returns its length; 0: there is none
 * (or the oldest is still being written). One reader at a time. */
uint32_t pando_ring_pop(struct pando_ring *ring, uint64_t *words);

/* Words in use, headers included: how full it is. Any thread; a moment's estimate. */
uint32_t pando_ring_used_words(const struct pando_ring *ring);
uint32_t pando_ring_capacity_words(const struct pando_ring *ring);

#endif
