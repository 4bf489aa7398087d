/* Why: symbols/name_cache.h: two hash tables over blocks of memory that never move. Context: as there. */
#include "symbols/name_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { BLOCK_BYTES = 32 << 10, FIRST_SLOTS = 256 };

struct block {
    struct block *next;
    size_t used_bytes, bytes;
    char memory[];
};

struct text {
    uint64_t hash;
    char text[];
};

struct entry {
    struct pando_symbols_place place;
    uint32_t count;
    struct pando_symbols_frame frames[];
};

/* Open addressing; a slot is NULL or points into a block. */
struct table {
    void **slots;
    size_t slot_count, used;
};

struct pando_name_cache {
    size_t limit_bytes, bytes;
    struct block *blocks;
    struct table texts, entries;
};

struct pando_name_cache *pando_name_cache_new(size_t limit_bytes)
{
    struct pando_name_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL)
        cache->limit_bytes = limit_bytes;
    return cache;
}

void pando_name_cache_empty(struct pando_name_cache *cache)
{
    while (cache->blocks != NULL) {
        struct block *next = cache->blocks->next;
        free(cache->blocks);
        cache->blocks = next;
    }
    free(cache->texts.slots);
    free(cache->entries.slots);
    *cache = (struct pando_name_cache){.limit_bytes = cache->limit_bytes};
}

void pando_name_cache_free(struct pando_name_cache *cache)
{
    if (cache == NULL)
        return;
    pando_name_cache_empty(cache);
    free(cache);
}

size_t pando_name_cache_bytes(const struct pando_name_cache *cache)
{
    return cache->bytes;
}

static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    return value ^ value >> 29;
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return mix(hash);
}

static uint64_t hash_place(const struct pando_symbols_place *place)
{
    return mix(mix(place->offset) + place->object);
}

static int take(struct pando_name_cache *cache, size_t bytes, void **ret_memory)
{
    struct block *block = cache->blocks;
    bytes = (bytes + 7) & ~(size_t)7;
    if (block == NULL || block->bytes - block->used_bytes < bytes) {
        size_t size = bytes < BLOCK_BYTES ? BLOCK_BYTES : bytes;
        if (cache->bytes + sizeof *block + size > cache->limit_bytes)
            return PANDO_ERR_LIMIT;
        block = malloc(sizeof *block + size);
        if (block == NULL)
            return PANDO_ERR_NO_MEMORY;
        *block = (struct block){.next = cache->blocks, .bytes = size};
        cache->blocks = block;
        cache->bytes += sizeof *block + size;
    }
    *ret_memory = block->memory + block->used_bytes;
    block->used_bytes += bytes;
    return 0;
}

static uint64_t hash_of(const struct pando_name_cache *cache, const struct table *table, const void *slot)
{
    return table == &cache->texts ? ((const struct text *)slot)->hash : hash_place(&((const struct entry *)slot)->place);
}

static void insert(struct table *table, uint64_t hash, void *item)
{
    size_t at = hash & (table->slot_count - 1);
    while (table->slots[at] != NULL)
        at = (at + 1) & (table->slot_count - 1);
    table->slots[at] = item;
}

/* Room for one more. */
static int reserve(struct pando_name_cache *cache, struct table *table)
{
    if (table->used * 4 < table->slot_count * 3)
        return 0;
    struct table larger = {.slot_count = table->slot_count == 0 ? FIRST_SLOTS : table->slot_count * 2, .used = table->used};
    size_t more = (larger.slot_count - table->slot_count) * sizeof *larger.slots;
    if (cache->bytes + more > cache->limit_bytes)
        return PANDO_ERR_LIMIT;
    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    if (larger.slots == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i] != NULL)
            insert(&larger, hash_of(cache, table, table->slots[i]), table->slots[i]);
    free(table->slots);
    *table = larger;
    cache->bytes += more;
    return 0;
}

const char *pando_name_cache_text(struct pando_name_cache *cache, const char *text, int *ret_error)
{
    if (text == NULL)
        return NULL;
    uint64_t hash = hash_text(text);
    struct table *table = &cache->texts;
    for (size_t at = hash; table->slot_count != 0; at++) {
        const struct text *known = table->slots[at & (table->slot_count - 1)];
        if (known == NULL)
            break;
        if (known->hash == hash && strcmp(known->text, text) == 0)
            return known->text;
    }
    void *memory = NULL;
    size_t len = strlen(text) + 1;
    int error = reserve(cache, table);
    if (error == 0)
        error = take(cache, sizeof(struct text) + len, &memory);
    if (error != 0) {
        *ret_error = error;
        return NULL;
    }
    struct text *kept = memory;
    kept->hash = hash;
    memcpy(kept->text, text, len);
    insert(table, hash, kept);
    table->used++;
    return kept->text;
}

static struct entry *find(const struct pando_name_cache *cache, const struct pando_symbols_place *place)
{
    const struct table *table = &cache->entries;
    for (size_t at = hash_place(place); table->slot_count != 0; at++) {
        struct entry *known = table->slots[at & (table->slot_count - 1)];
        if (known == NULL || (known->place.offset == place->offset && known->place.object == place->object))
            return known;
    }
    return NULL;
}

int pando_name_cache_put(struct pando_name_cache *cache, const struct pando_symbols_place *place,
                         const struct pando_symbols_frame *frames, uint32_t count)
{
    if (find(cache, place) != NULL)
        return 0;
    void *memory = NULL;
    int error = reserve(cache, &cache->entries);
    if (error == 0)
        error = take(cache, sizeof(struct entry) + count * sizeof *frames, &memory);
    if (error != 0)
        return error;
    struct entry *entry = memory;
    entry->place = *place;
    entry->count = count;
    if (count != 0)
        memcpy(entry->frames, frames, count * sizeof *frames);
    insert(&cache->entries, hash_place(place), entry);
    cache->entries.used++;
    return 0;
}

bool pando_name_cache_find(const struct pando_name_cache *cache, const struct pando_symbols_place *place,
                           const struct pando_symbols_frame **ret_frames, uint32_t *ret_count)
{
    const struct entry *entry = find(cache, place);
    if (entry == NULL)
        return false;
    *ret_frames = entry->frames;
    *ret_count = entry->count;
    return true;
}
