/* Why: symbols/unwind_starts.h. Context: worker. */
#include "symbols/unwind_starts.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum {
    HEADER_BYTES = 12,   /* version, three encodings, eh_frame_ptr, fde_count */
    ENTRY_BYTES = 8,     /* start of the function, address of its entry; both sdata4 relative to the header */
    VERSION = 1,
    COUNT_UDATA4 = 0x03,
    TABLE_DATAREL_SDATA4 = 0x3b,
};

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int pando_unwind_starts_read(const void *bytes, size_t len_bytes, uint64_t address, struct pando_unwind_starts *starts)
{
    const uint8_t *header = bytes;
    uint32_t count;
    if (len_bytes < HEADER_BYTES || header[0] != VERSION || header[2] != COUNT_UDATA4 ||
        header[3] != TABLE_DATAREL_SDATA4)
        return 0;
    memcpy(&count, header + 8, sizeof count);
    if (count > (len_bytes - HEADER_BYTES) / ENTRY_BYTES)
        count = (uint32_t)((len_bytes - HEADER_BYTES) / ENTRY_BYTES);
    if (count == 0)
        return 0;
    starts->offsets = malloc(count * sizeof *starts->offsets);
    if (starts->offsets == NULL)
        return PANDO_ERR_NO_MEMORY;
    /* Relative to the lowest address that a signed 32-bit distance can reach, so that all distances are positive. */
    starts->base = address - (UINT64_C(1) << 31);
    starts->count = count;
    bool sorted = true;
    for (uint32_t i = 0; i < count; i++) {
        int32_t distance;
        memcpy(&distance, header + HEADER_BYTES + (size_t)i * ENTRY_BYTES, sizeof distance);
        starts->offsets[i] = (uint32_t)distance + (UINT32_C(1) << 31);
        sorted = sorted && (i == 0 || starts->offsets[i - 1] <= starts->offsets[i]);
    }
    if (!sorted)
        qsort(starts->offsets, count, sizeof *starts->offsets, by_value);
    return 0;
}

void pando_unwind_starts_release(struct pando_unwind_starts *starts)
{
    free(starts->offsets);
    *starts = (struct pando_unwind_starts){0};
}

size_t pando_unwind_starts_bytes(const struct pando_unwind_starts *starts)
{
    return starts->count * sizeof *starts->offsets;
}

bool pando_unwind_starts_find(const struct pando_unwind_starts *starts, uint64_t address, uint64_t *ret_start)
{
    uint64_t distance = address - starts->base; /* modulo 2^64: an address far below gives a huge one */
    if (starts->count == 0 || distance > UINT32_MAX)
        return false;
    size_t low = 0, high = starts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (starts->offsets[middle] <= distance)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    *ret_start = starts->base + starts->offsets[low - 1];
    return true;
}
