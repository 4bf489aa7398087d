/* Why: receiver/tls.h. Context: own process, at the start. */
#include "receiver/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum { FILE_MAX_BYTES = 1 << 20 };

const char PANDO_TLS_PRIORITIES[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

static int read_whole(int fd, char *text, size_t bytes, size_t *ret_len)
{
    size_t len = 0;
    ssize_t got;
    while (len < bytes && ((got = read(fd, text + len, bytes - len)) > 0 || (got < 0 && errno == EINTR)))
        len += got > 0 ? (size_t)got : 0;
    *ret_len = len;
    return len < bytes && got < 0 ? PANDO_ERR_IO : 0;
}

/* A PEM file's text, to be freed. */
static int read_pem(const char *path, char **ret_text, char *message, size_t message_bytes)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), error = 0;
    char *text = calloc(1, FILE_MAX_BYTES + 1);
    size_t len = 0;
    if (fd < 0 || fstat(fd, &status) != 0) {
        snprintf(message, message_bytes, "%s cannot be read: %s.", path, strerror(errno));
        error = PANDO_ERR_IO;
    } else if (text == NULL) {
        snprintf(message, message_bytes, "there is no memory for %s.", path);
        error = PANDO_ERR_NO_MEMORY;
    } else if (!S_ISREG(status.st_mode) || read_whole(fd, text, FILE_MAX_BYTES, &len) != 0 || len == FILE_MAX_BYTES ||
               strstr(text, "-----BEGIN ") == NULL) {
        snprintf(message, message_bytes, "%s is no PEM file.", path);
        error = PANDO_ERR_INVALID;
    }
    if (fd >= 0)
        close(fd);
    if (error != 0) {
        free(text);
        return error;
    }
    *ret_text = text;
    return 0;
}

int pando_tls_read(const char *cert_file, const char *key_file, struct pando_tls *ret_tls, char *message, size_t message_bytes)
{
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
        snprintf(message, message_bytes, "this system's libmicrohttpd has no TLS; let a proxy do it.");
        return PANDO_ERR_UNSUPPORTED;
    }
    int error = read_pem(cert_file, &ret_tls->cert, message, message_bytes);
    if (error == 0)
        error = read_pem(key_file, &ret_tls->key, message, message_bytes);
    return error;
}

void pando_tls_release(struct pando_tls *tls)
{
    if (tls->key != NULL)
        explicit_bzero(tls->key, FILE_MAX_BYTES);
    free(tls->key);
    free(tls->cert);
    tls->key = tls->cert = NULL;
}
