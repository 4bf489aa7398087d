/* Why: a byte string that grows, but never past the maximum it was made with.
 * Context: worker and own processes (it allocates). Not thread-safe.
 * Lifetime: init, then append..., then release or detach. After an append failed the contents are
 * freed, `failed` stays set and every later append fails too: callers may check once, at the end. */
#ifndef PANDO_BASE_BUFFER_H
#define PANDO_BASE_BUFFER_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>

struct pando_buffer {
    char *bytes;       /* NUL-terminated after each append; NULL while empty */
    size_t len_bytes;  /* without the NUL */
    size_t cap_bytes;
    size_t max_bytes;  /* len_bytes never exceeds it */
    int failed;        /* 0, or PANDO_ERR_NO_MEMORY / PANDO_ERR_LIMIT */
};

void pando_buffer_init(struct pando_buffer *buffer, size_t max_bytes);
void pando_buffer_release(struct pando_buffer *buffer);
/* Empties it, keeps the memory and the maximum, and clears `failed`. */
void pando_buffer_clear(struct pando_buffer *buffer);
int pando_buffer_append(struct pando_buffer *buffer, const void *bytes, size_t len_bytes);
int pando_buffer_append_text(struct pando_buffer *buffer, const char *text);
int pando_buffer_append_char(struct pando_buffer *buffer, char c);
int pando_buffer_append_format(struct pando_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Hands the malloc'ed bytes to the caller (who frees them) and leaves the buffer empty. NULL when empty or failed. */
char *pando_buffer_detach(struct pando_buffer *buffer, size_t *ret_len_bytes);

#endif
