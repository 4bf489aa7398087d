/* Why: the two tables under a profile builder: numbered strings, and an index from a 64-bit hash to numbers. Both count
 * their bytes against one budget, so that a profile cannot outgrow what it was given.
 * Context: worker and own processes; one thread. Private to profile/. */
#ifndef PANDO_PROFILE_INTERN_H
#define PANDO_PROFILE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pando_budget {
    size_t limit_bytes;
    size_t used_bytes;
};

/* Makes room for one more element in the malloc'ed array of `count` elements that `array_pointer` points to the pointer
 * of (a void *, so that any element type will do). Grows by half, by less when the budget is
 * nearly used up. Returns 0, PANDO_ERR_LIMIT or PANDO_ERR_NO_MEMORY; the array is as it was then. */
int pando_array_reserve(struct pando_budget *budget, void *array_pointer, uint32_t *capacity, uint32_t count,
                        size_t element_bytes);

/* An open-addressing index of numbers. It stores no keys: who looks up compares. */
struct pando_index {
    uint32_t *slots;      /* number + 1; 0 is free */
    uint32_t *hashes;     /* the lower half of the hash of each slot, so that growing need not rehash */
    uint32_t slot_count;  /* a power of two, or 0 */
    uint32_t used;
};

/* Makes room for one more number. Same errors as pando_array_reserve. */
int pando_index_reserve(struct pando_budget *budget, struct pando_index *index);
/* Walks the numbers that may have this hash: start with *cursor = 0; false when there are no more. */
bool pando_index_next(const struct pando_index *index, uint64_t hash, uint32_t *cursor, uint32_t *ret_number);
/* Adds a number; room must have been reserved. */
void pando_index_add(struct pando_index *index, uint64_t hash, uint32_t number);
void pando_index_release(struct pando_index *index);

/* Hashes that a sender of profiles cannot aim at, with a secret of 16 bytes. */
uint64_t pando_hash_bytes(const uint64_t secret[2], const void *bytes, size_t len_bytes); /* SipHash-1-3 */
uint64_t pando_hash_words(const uint64_t secret[2], uint64_t a, uint64_t b);

struct pando_string_chunk;

struct pando_strings {
    const char **texts;
    uint32_t *lens;
    uint32_t count, text_capacity, len_capacity;
    struct pando_index index;
    struct pando_string_chunk *chunks;
    size_t chunk_left_bytes;
    char *chunk_at;
};

/* The number of the string with these bytes, which are stored as they are, with a NUL. */
int64_t pando_strings_put(struct pando_budget *budget, struct pando_strings *strings, const uint64_t secret[2],
                          const char *text, size_t len_bytes);
void pando_string_chunks_free(struct pando_string_chunk *chunks);
void pando_strings_release(struct pando_strings *strings);

#endif
