/* Why: uploader/bearer.h. Context: as there. */
#include "uploader/bearer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "uploader/small_file.h"

static const char in_environment[] = "PANDO_TOKEN", in_file[] = "PANDO_TOKEN_FILE";

/* Visible ASCII: it goes into a header. */
static bool is_token(const char *text)
{
    size_t len = 0;
    while (text[len] > ' ' && text[len] <= '~')
        len++;
    return text[len] == '\0' && len != 0 && len < PANDO_BEARER_BYTES;
}

int pando_bearer_check(const char *environment, char *message, size_t message_bytes)
{
    const char *token = pando_environment_get(environment, in_environment), *path = pando_environment_get(environment, in_file);
    if (token != NULL && path != NULL) {
        snprintf(message, message_bytes, "%s and %s are both set: the receiver takes one token.", in_environment, in_file);
        return PANDO_ERR_INVALID;
    }
    if (token != NULL && !is_token(token)) {
        snprintf(message, message_bytes, "%s is a word of at most %d visible ASCII characters.", in_environment, PANDO_BEARER_BYTES - 1);
        return PANDO_ERR_INVALID;
    }
    if (path != NULL && path[0] != '/') {
        snprintf(message, message_bytes, "%s is a file's path from the root, not \"%.200s\".", in_file, path);
        return PANDO_ERR_INVALID;
    }
    return 0;
}

int pando_bearer_read(const char *environment, char token[PANDO_BEARER_BYTES], char *reason, size_t reason_bytes)
{
    const char *given = pando_environment_get(environment, in_environment), *path = pando_environment_get(environment, in_file);
    size_t len = 0;
    int error = 0;
    token[0] = '\0';
    if (given != NULL)
        len = (size_t)snprintf(token, PANDO_BEARER_BYTES, "%s", given);
    else if (path != NULL)
        error = pando_small_file_read(path, token, PANDO_BEARER_BYTES - 1, &len);
    while (error == 0 && len > 0 && strchr(" \t\r\n", token[len - 1]) != NULL)
        token[--len] = '\0';
    if (error == 0 && path != NULL && !is_token(token))
        error = PANDO_ERR_SYNTAX;
    if (error != 0) {
        explicit_bzero(token, PANDO_BEARER_BYTES);
        snprintf(reason, reason_bytes, "the file %s holds no token: %s", in_file, pando_error_text(error));
    }
    return error;
}
