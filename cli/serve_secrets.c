/* Why: cli/serve_secrets.h. Context: own process, at the start. */
#include "cli/serve_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"

enum { FILE_MAX_BYTES = 16384 };

static bool check_file(int fd, const char *path)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        pando_cli_complain("%s is no regular file.", path);
        return false;
    }
    if ((status.st_mode & S_IWOTH) != 0) {
        pando_cli_complain("%s holds a secret, but everybody may write it; use chmod o-w.", path);
        return false;
    }
    if ((status.st_mode & S_IROTH) != 0)
        pando_cli_complain("%s holds a secret, but everybody may read it; better use chmod o-r.", path);
    return true;
}

/* The file's text; complains when there is none. */
static bool read_secret(const char *path, char text[FILE_MAX_BYTES + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        pando_cli_complain("%s cannot be read: %s.", path, strerror(errno));
        return false;
    }
    bool good = check_file(fd, path);
    size_t len = 0;
    ssize_t got = 0;
    while (good && len < FILE_MAX_BYTES && ((got = read(fd, text + len, FILE_MAX_BYTES - len)) > 0 || (got < 0 && errno == EINTR)))
        len += got > 0 ? (size_t)got : 0;
    close(fd);
    text[len] = '\0';
    if (good && (got < 0 || len == FILE_MAX_BYTES || strlen(text) != len)) {
        pando_cli_complain("%s must be a text of less than %d bytes.", path, (int)FILE_MAX_BYTES);
        good = false;
    }
    return good;
}

static bool make(struct pando_auth **auth)
{
    if (*auth == NULL)
        *auth = pando_auth_new();
    if (*auth == NULL)
        pando_cli_complain("there is no memory for access keys.");
    return *auth != NULL;
}

static bool add_key(struct pando_auth *auth, const char *id, const char *secret)
{
    switch (pando_auth_add_key(auth, id, secret)) {
    case 0:
        return true;
    case PANDO_ERR_BUSY:
        pando_cli_complain("the access key %s is given twice.", id);
        return false;
    case PANDO_ERR_LIMIT:
        pando_cli_complain("there may be %d access keys at most.", (int)PANDO_AUTH_KEYS_MAX);
        return false;
    default:
        pando_cli_complain("the access key %.128s must have 1 to 128 letters, digits, '_' or '-', and a secret of 8 to 256 characters.",
                           id);
        return false;
    }
}

static bool add_key_of_environment(struct pando_auth *auth, const char *name)
{
    const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    if (id != NULL && secret != NULL)
        return add_key(auth, id, secret);
    pando_cli_complain("%s env needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", name);
    return false;
}

bool pando_cli_add_access_key(struct pando_auth **auth, const char *name, const char *text)
{
    const char *colon = strchr(text, ':');
    char id[256], secret[FILE_MAX_BYTES + 1];
    if (!make(auth))
        return false;
    if (strcmp(text, "env") == 0)
        return add_key_of_environment(*auth, name);
    if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof id) {
        pando_cli_complain("%s takes ID:FILE, where FILE holds the secret, or env, not \"%.200s\".", name, text);
        return false;
    }
    memcpy(id, text, (size_t)(colon - text));
    id[colon - text] = '\0';
    bool good = read_secret(colon + 1, secret);
    secret[strcspn(secret, "\r\n")] = '\0';
    good = good && add_key(*auth, id, secret);
    explicit_bzero(secret, sizeof secret);
    return good;
}

static bool add_token(struct pando_auth *auth, const char *token, const char *path)
{
    int error = pando_auth_add_token(auth, token);
    if (error == PANDO_ERR_LIMIT)
        pando_cli_complain("%s has more than %d tokens.", path, (int)PANDO_AUTH_TOKENS_MAX);
    else if (error != 0)
        pando_cli_complain("a token in %s is not %d to %d letters, digits or any of -._~+/=.", path, (int)PANDO_AUTH_TOKEN_MIN,
                           (int)PANDO_AUTH_TOKEN_MAX);
    return error == 0;
}

bool pando_cli_add_tokens(struct pando_auth **auth, const char *path)
{
    char text[FILE_MAX_BYTES + 1], *rest = NULL;
    if (!make(auth))
        return false;
    bool good = read_secret(path, text), any = false;
    for (char *line = strtok_r(text, "\r\n", &rest); good && line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        if (line[0] == '#')
            continue;
        any = true;
        good = add_token(*auth, line, path);
    }
    if (good && !any)
        pando_cli_complain("%s has no token.", path);
    explicit_bzero(text, sizeof text);
    return good && any;
}
