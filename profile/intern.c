/* Why: profile/intern.h. Context: worker and own processes; one thread.
 * SipHash: Aumasson and Bernstein 2012, with 1 round a word and 3 at the end. */
#include "profile/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { FIRST_ELEMENTS = 64, FIRST_SLOTS = 128, FIRST_CHUNK_BYTES = 4096, CHUNK_MAX_BYTES = 256 * 1024 };

static bool budget_allows(const struct pando_budget *budget, size_t more_bytes)
{
    return more_bytes <= budget->limit_bytes && budget->used_bytes <= budget->limit_bytes - more_bytes;
}

int pando_array_reserve(struct pando_budget *budget, void *array_pointer, uint32_t *capacity, uint32_t count,
                        size_t element_bytes)
{
    if (count < *capacity)
        return 0;
    size_t more = *capacity == 0 ? FIRST_ELEMENTS : *capacity / 2;
    if (!budget_allows(budget, more * element_bytes))
        more = *capacity / 16 + 1;
    if (!budget_allows(budget, more * element_bytes) || *capacity + more > UINT32_MAX / 2)
        return PANDO_ERR_LIMIT;
    void *array;
    memcpy(&array, array_pointer, sizeof array);
    void *grown = realloc(array, (*capacity + more) * element_bytes);
    if (grown == NULL)
        return PANDO_ERR_NO_MEMORY;
    memcpy(array_pointer, &grown, sizeof grown);
    *capacity += (uint32_t)more;
    budget->used_bytes += more * element_bytes;
    return 0;
}

static void place(struct pando_index *index, uint32_t hash, uint32_t stored)
{
    uint32_t at = hash & (index->slot_count - 1);
    while (index->slots[at] != 0)
        at = (at + 1) & (index->slot_count - 1);
    index->slots[at] = stored;
    index->hashes[at] = hash;
}

int pando_index_reserve(struct pando_budget *budget, struct pando_index *index)
{
    if (index->slot_count != 0 && index->used < index->slot_count - index->slot_count / 4)
        return 0;
    size_t wanted = index->slot_count == 0 ? FIRST_SLOTS : (size_t)index->slot_count * 2;
    size_t more_bytes = (wanted - index->slot_count) * 2 * sizeof(uint32_t);
    if (!budget_allows(budget, more_bytes) || wanted > UINT32_MAX / 2) {
        /* The last eighth stays free: a search must meet a free slot soon. */
        return index->used < index->slot_count - index->slot_count / 8 ? 0 : PANDO_ERR_LIMIT;
    }
    struct pando_index grown = {.slot_count = (uint32_t)wanted, .used = index->used};
    grown.slots = calloc(wanted, sizeof *grown.slots);
    grown.hashes = malloc(wanted * sizeof *grown.hashes);
    if (grown.slots == NULL || grown.hashes == NULL) {
        pando_index_release(&grown);
        return PANDO_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < index->slot_count; i++)
        if (index->slots[i] != 0)
            place(&grown, index->hashes[i], index->slots[i]);
    pando_index_release(index);
    *index = grown;
    budget->used_bytes += more_bytes;
    return 0;
}

bool pando_index_next(const struct pando_index *index, uint64_t hash, uint32_t *cursor, uint32_t *ret_number)
{
    if (index->slot_count == 0)
        return false;
    for (;;) {
        uint32_t at = ((uint32_t)hash + *cursor) & (index->slot_count - 1);
        if (index->slots[at] == 0)
            return false;
        ++*cursor;
        if (index->hashes[at] == (uint32_t)hash) {
            *ret_number = index->slots[at] - 1;
            return true;
        }
    }
}

void pando_index_add(struct pando_index *index, uint64_t hash, uint32_t number)
{
    place(index, (uint32_t)hash, number + 1);
    index->used++;
}

void pando_index_release(struct pando_index *index)
{
    free(index->slots);
    free(index->hashes);
    *index = (struct pando_index){0};
}

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void sip_start(uint64_t v[4], const uint64_t secret[2])
{
    v[0] = secret[0] ^ 0x736f6d6570736575u;
    v[1] = secret[1] ^ 0x646f72616e646f6du;
    v[2] = secret[0] ^ 0x6c7967656e657261u;
    v[3] = secret[1] ^ 0x7465646279746573u;
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static uint64_t sip_end(uint64_t v[4])
{
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t pando_hash_bytes(const uint64_t secret[2], const void *bytes, size_t len_bytes)
{
    const char *at = bytes;
    uint64_t v[4], word;
    sip_start(v, secret);
    for (size_t left = len_bytes; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        sip_word(v, word);
    }
    word = 0;
    if (len_bytes % 8 != 0)
        memcpy(&word, at, len_bytes % 8);
    sip_word(v, word | (uint64_t)len_bytes << 56);
    return sip_end(v);
}

uint64_t pando_hash_words(const uint64_t secret[2], uint64_t a, uint64_t b)
{
    uint64_t v[4];
    sip_start(v, secret);
    sip_word(v, a);
    sip_word(v, b);
    return sip_end(v);
}

struct pando_string_chunk {
    struct pando_string_chunk *next;
    char bytes[];
};

/* Strings never move: a profile hands out pointers to them. So they live in chunks, not in one growing block. */
static int reserve_bytes(struct pando_budget *budget, struct pando_strings *strings, size_t len_bytes)
{
    if (len_bytes <= strings->chunk_left_bytes)
        return 0;
    size_t size = budget->used_bytes / 8;
    size = size < FIRST_CHUNK_BYTES ? FIRST_CHUNK_BYTES : size > CHUNK_MAX_BYTES ? CHUNK_MAX_BYTES : size;
    if (size < len_bytes || !budget_allows(budget, size))
        size = len_bytes;
    if (!budget_allows(budget, size))
        return PANDO_ERR_LIMIT;
    struct pando_string_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL)
        return PANDO_ERR_NO_MEMORY;
    chunk->next = strings->chunks;
    strings->chunks = chunk;
    strings->chunk_at = chunk->bytes;
    strings->chunk_left_bytes = size;
    budget->used_bytes += size;
    return 0;
}

int64_t pando_strings_put(struct pando_budget *budget, struct pando_strings *strings, const uint64_t secret[2],
                          const char *text, size_t len_bytes)
{
    uint64_t hash = pando_hash_bytes(secret, text, len_bytes);
    uint32_t cursor = 0, number;
    while (pando_index_next(&strings->index, hash, &cursor, &number))
        if (strings->lens[number] == len_bytes && (len_bytes == 0 || memcmp(strings->texts[number], text, len_bytes) == 0))
            return number;
    int error = pando_array_reserve(budget, &strings->texts, &strings->text_capacity, strings->count,
                                    sizeof *strings->texts);
    if (error == 0)
        error = pando_array_reserve(budget, &strings->lens, &strings->len_capacity, strings->count,
                                    sizeof *strings->lens);
    if (error == 0)
        error = pando_index_reserve(budget, &strings->index);
    if (error == 0)
        error = reserve_bytes(budget, strings, len_bytes + 1);
    if (error != 0)
        return error;
    number = strings->count++;
    char *copy = strings->chunk_at;
    if (len_bytes != 0)
        memcpy(copy, text, len_bytes);
    copy[len_bytes] = '\0';
    strings->chunk_at += len_bytes + 1;
    strings->chunk_left_bytes -= len_bytes + 1;
    strings->texts[number] = copy;
    strings->lens[number] = (uint32_t)len_bytes;
    pando_index_add(&strings->index, hash, number);
    return number;
}

void pando_string_chunks_free(struct pando_string_chunk *chunks)
{
    while (chunks != NULL) {
        struct pando_string_chunk *next = chunks->next;
        free(chunks);
        chunks = next;
    }
}

void pando_strings_release(struct pando_strings *strings)
{
    pando_index_release(&strings->index);
    pando_string_chunks_free(strings->chunks);
    free(strings->texts);
    free(strings->lens);
    *strings = (struct pando_strings){0};
}
