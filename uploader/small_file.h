/* Why: tokens and configuration files are small, may change at any time, and lie where others may put a fifo or a disk.
 * Context: the upload thread. Private to uploader/. */
#ifndef PANDO_UPLOADER_SMALL_FILE_H
#define PANDO_UPLOADER_SMALL_FILE_H

#include <stddef.h>

/* Reads a regular file of at most bytes_max into `bytes` (bytes_max + 1, with a NUL). Links are followed: Kubernetes' rotating
 * tokens are some. 0; PANDO_ERR_NOT_FOUND; PANDO_ERR_LIMIT; PANDO_ERR_INVALID: no regular file; PANDO_ERR_IO: errno tells. */
int pando_small_file_read(const char *path, char *bytes, size_t bytes_max, size_t *ret_len_bytes);

#endif
