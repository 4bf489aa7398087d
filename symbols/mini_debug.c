/* Why: symbols/mini_debug.h. Context: as there. */
#include "symbols/mini_debug.h"

#include <lzma.h>
#include <stdlib.h>

#include "base/error.h"

enum { DICTIONARY_MAX_BYTES = 80 << 20, FIRST_BYTES = 256 << 10 };

static int unpack(lzma_stream *stream, size_t limit_bytes, char **image, size_t *ret_len)
{
    size_t capacity = 0, len = 0;
    lzma_ret state = LZMA_OK;
    while (state == LZMA_OK) {
        if (len == capacity) {
            size_t larger = capacity == 0 ? FIRST_BYTES : capacity * 2;
            larger = larger < limit_bytes ? larger : limit_bytes;
            if (larger == capacity)
                return PANDO_ERR_LIMIT;
            char *bytes = realloc(*image, larger);
            if (bytes == NULL)
                return PANDO_ERR_NO_MEMORY;
            *image = bytes;
            capacity = larger;
        }
        stream->next_out = (uint8_t *)*image + len;
        stream->avail_out = capacity - len;
        state = lzma_code(stream, LZMA_FINISH);
        len = capacity - stream->avail_out;
    }
    *ret_len = len;
    return state == LZMA_STREAM_END ? 0 : state == LZMA_MEM_ERROR ? PANDO_ERR_NO_MEMORY
           : state == LZMA_MEMLIMIT_ERROR ? PANDO_ERR_LIMIT : PANDO_ERR_SYNTAX;
}

int pando_mini_debug_read(const struct pando_elf_sections *sections, size_t limit_bytes, char **ret_image, size_t *ret_len)
{
    char *packed, *image = NULL;
    size_t packed_bytes, len;
    int error = pando_elf_sections_copy_named(sections, ".gnu_debugdata", limit_bytes, &packed, &packed_bytes);
    if (error != 0)
        return error;
    lzma_stream stream = LZMA_STREAM_INIT;
    error = PANDO_ERR_NO_MEMORY;
    if (lzma_stream_decoder(&stream, DICTIONARY_MAX_BYTES, 0) == LZMA_OK) {
        stream.next_in = (const uint8_t *)packed;
        stream.avail_in = packed_bytes;
        error = unpack(&stream, limit_bytes, &image, &len);
    }
    lzma_end(&stream);
    free(packed);
    if (error != 0) {
        free(image);
        return error;
    }
    *ret_image = image;
    *ret_len = len;
    return 0;
}
