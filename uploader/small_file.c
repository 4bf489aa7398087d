/* Why: uploader/small_file.h. Context: the upload thread. */
#include "uploader/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int read_all(int file, char *bytes, size_t bytes_max, size_t *ret_len_bytes)
{
    size_t len = 0;
    for (;;) {
        ssize_t got = read(file, bytes + len, bytes_max + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return PANDO_ERR_IO;
        len += (size_t)got;
        if (len > bytes_max)
            return PANDO_ERR_LIMIT;
        if (got == 0)
            break;
    }
    bytes[len] = '\0';
    *ret_len_bytes = len;
    return 0;
}

int pando_small_file_read(const char *path, char *bytes, size_t bytes_max, size_t *ret_len_bytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* not to wait for a fifo's writer */
    if (file < 0)
        return errno == ENOENT || errno == ENOTDIR ? PANDO_ERR_NOT_FOUND : PANDO_ERR_IO;
    struct stat state;
    int error = fstat(file, &state) != 0 ? PANDO_ERR_IO : !S_ISREG(state.st_mode) ? PANDO_ERR_INVALID : 0;
    if (error == 0)
        error = read_all(file, bytes, bytes_max, ret_len_bytes);
    int before = errno;
    close(file);
    errno = before;
    return error;
}
