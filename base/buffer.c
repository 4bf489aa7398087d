/* Why: base/buffer.h. Context: worker and own processes; allocates. */
#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { FIRST_CAPACITY_BYTES = 256 };

void pando_buffer_init(struct pando_buffer *buffer, size_t max_bytes)
{
    *buffer = (struct pando_buffer){.max_bytes = max_bytes};
}

void pando_buffer_release(struct pando_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct pando_buffer){.max_bytes = buffer->max_bytes};
}

void pando_buffer_clear(struct pando_buffer *buffer)
{
    buffer->len_bytes = 0;
    buffer->failed = 0;
    if (buffer->bytes != NULL)
        buffer->bytes[0] = '\0';
}

static int fail(struct pando_buffer *buffer, int error)
{
    pando_buffer_release(buffer);
    buffer->failed = error;
    return error;
}

static int make_room(struct pando_buffer *buffer, size_t more_bytes)
{
    if (buffer->failed != 0)
        return buffer->failed;
    if (more_bytes > buffer->max_bytes - buffer->len_bytes)
        return fail(buffer, PANDO_ERR_LIMIT);
    size_t needed = buffer->len_bytes + more_bytes + 1;
    if (needed <= buffer->cap_bytes)
        return 0;
    size_t capacity = buffer->cap_bytes != 0 ? buffer->cap_bytes : FIRST_CAPACITY_BYTES;
    while (capacity < needed)
        capacity += capacity / 2 + 16;
    char *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL)
        return fail(buffer, PANDO_ERR_NO_MEMORY);
    buffer->bytes = bytes;
    buffer->cap_bytes = capacity;
    return 0;
}

int pando_buffer_append(struct pando_buffer *buffer, const void *bytes, size_t len_bytes)
{
    int error = make_room(buffer, len_bytes);
    if (error != 0)
        return error;
    if (len_bytes != 0)
        memcpy(buffer->bytes + buffer->len_bytes, bytes, len_bytes);
    buffer->len_bytes += len_bytes;
    buffer->bytes[buffer->len_bytes] = '\0';
    return 0;
}

int pando_buffer_append_text(struct pando_buffer *buffer, const char *text)
{
    return pando_buffer_append(buffer, text, strlen(text));
}

int pando_buffer_append_char(struct pando_buffer *buffer, char c)
{
    return pando_buffer_append(buffer, &c, 1);
}

int pando_buffer_append_format(struct pando_buffer *buffer, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    int error;
    if (len < 0) {
        error = fail(buffer, PANDO_ERR_INVALID);
    } else if ((size_t)len < sizeof small) {
        error = pando_buffer_append(buffer, small, (size_t)len);
    } else {
        error = make_room(buffer, (size_t)len);
        if (error == 0) {
            vsnprintf(buffer->bytes + buffer->len_bytes, (size_t)len + 1, format, again);
            buffer->len_bytes += (size_t)len;
        }
    }
    va_end(again);
    return error;
}

char *pando_buffer_detach(struct pando_buffer *buffer, size_t *ret_len_bytes)
{
    char *bytes = buffer->bytes;
    *ret_len_bytes = buffer->len_bytes;
    *buffer = (struct pando_buffer){.max_bytes = buffer->max_bytes};
    return bytes;
}
