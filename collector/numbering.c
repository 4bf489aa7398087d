/* Why: collector/numbering.h. Context: worker.
 * Linear hashing: W. Litwin, 1980. With n keys there are n buckets (256 at least): bucket b of a round is split into b and
 * b + round, in order, one at each insertion; a hash whose bucket does not exist yet is in the one that it will be split from. */
#include "collector/numbering.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { FIRST_BLOCKS = 8, BLOCK = PANDO_NUMBERING_BLOCK, SHIFT = PANDO_NUMBERING_BLOCK_SHIFT };

static int take(struct pando_numbering_budget *budget, size_t count, size_t item_bytes, void **ret_memory)
{
    size_t bytes = count * item_bytes;
    if (budget->used_bytes > budget->limit_bytes || bytes > budget->limit_bytes - budget->used_bytes)
        return PANDO_ERR_LIMIT;
    void *memory = calloc(count, item_bytes);
    if (memory == NULL)
        return PANDO_ERR_NO_MEMORY;
    budget->used_bytes += bytes;
    *ret_memory = memory;
    return 0;
}

static void give_back(struct pando_numbering_budget *budget, void *memory, size_t bytes)
{
    free(memory);
    budget->used_bytes -= bytes;
}

/* Adds a zeroed block of BLOCK items. */
static int add_block(struct pando_numbering_blocks *list, struct pando_numbering_budget *budget, size_t item_bytes)
{
    void *memory;
    int error;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? FIRST_BLOCKS : list->capacity * 2;
        error = take(budget, capacity, sizeof *list->blocks, &memory);
        if (error != 0)
            return error;
        if (list->count != 0)
            memcpy(memory, list->blocks, list->count * sizeof *list->blocks);
        give_back(budget, list->blocks, list->capacity * sizeof *list->blocks);
        list->blocks = memory;
        list->capacity = capacity;
    }
    error = take(budget, BLOCK, item_bytes, &memory);
    if (error == 0)
        list->blocks[list->count++] = memory;
    return error;
}

static void release_blocks(struct pando_numbering_blocks *list, struct pando_numbering_budget *budget, size_t item_bytes)
{
    for (uint32_t i = 0; i < list->count; i++)
        give_back(budget, list->blocks[i], BLOCK * item_bytes);
    give_back(budget, list->blocks, list->capacity * sizeof *list->blocks);
    *list = (struct pando_numbering_blocks){0};
}

static uint32_t *head_at(const struct pando_numbering *numbering, uint32_t bucket)
{
    uint32_t *block = numbering->heads.blocks[bucket >> SHIFT];
    return &block[bucket & (BLOCK - 1)];
}

/* Keys come from the host's code, not from outside: no secret is needed, but all bits must count. */
static uint32_t hash_of(uint64_t key, uint32_t key_more)
{
    uint64_t hash = key ^ key_more * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
    return (uint32_t)(hash >> 32);
}

static uint32_t bucket_of(const struct pando_numbering *numbering, uint32_t hash)
{
    uint32_t bucket = hash & (numbering->round * 2 - 1);
    return bucket < numbering->bucket_count ? bucket : bucket & (numbering->round - 1);
}

/* Adds one bucket. When there is no room for it, chains are a little longer until there is. */
static void split_bucket(struct pando_numbering *numbering, struct pando_numbering_budget *budget)
{
    uint32_t added = numbering->bucket_count, round = numbering->round;
    if (added >> SHIFT == numbering->heads.count && add_block(&numbering->heads, budget, sizeof(uint32_t)) != 0)
        return;
    uint32_t *keep = head_at(numbering, added - round), *move = head_at(numbering, added);
    uint32_t at = *keep;
    *keep = 0;
    while (at != 0) {
        struct pando_numbered *entry = pando_numbering_at(numbering, at - 1);
        uint32_t next = entry->next;
        uint32_t *head = (hash_of(entry->key, entry->key_more) & round) != 0 ? move : keep;
        entry->next = *head;
        *head = at;
        at = next;
    }
    numbering->bucket_count++;
    if (numbering->bucket_count == round * 2)
        numbering->round = round * 2;
}

int64_t pando_numbering_put(struct pando_numbering *numbering, struct pando_numbering_budget *budget, uint64_t key,
                            uint32_t key_more)
{
    int error = 0;
    if (numbering->bucket_count == 0) {
        error = add_block(&numbering->heads, budget, sizeof(uint32_t));
        if (error != 0)
            return error;
        numbering->bucket_count = numbering->round = BLOCK;
    }
    uint32_t hash = hash_of(key, key_more);
    uint32_t *head = head_at(numbering, bucket_of(numbering, hash));
    for (uint32_t at = *head; at != 0;) {
        const struct pando_numbered *known = pando_numbering_at(numbering, at - 1);
        if (known->key == key && known->key_more == key_more)
            return at - 1;
        at = known->next;
    }
    if (numbering->count >= INT32_MAX)
        return PANDO_ERR_LIMIT;
    if (numbering->count >> SHIFT == numbering->entries.count)
        error = add_block(&numbering->entries, budget, sizeof(struct pando_numbered));
    if (error != 0)
        return error;
    uint32_t number = numbering->count++;
    *pando_numbering_at(numbering, number) = (struct pando_numbered){.key = key, .key_more = key_more, .next = *head};
    *head = number + 1;
    if (numbering->count > numbering->bucket_count)
        split_bucket(numbering, budget);
    return number;
}

void pando_numbering_release(struct pando_numbering *numbering, struct pando_numbering_budget *budget)
{
    release_blocks(&numbering->entries, budget, sizeof(struct pando_numbered));
    release_blocks(&numbering->heads, budget, sizeof(uint32_t));
    *numbering = (struct pando_numbering){0};
}
