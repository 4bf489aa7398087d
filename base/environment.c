/* Why: base/environment.h. Context: as there. */
#include "base/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static bool concerns_us(const char *entry)
{
    static const char *const starts[] = {"PANDO_", "AWS_", "ECS_CONTAINER_METADATA_URI", "LAMBDA_"};
    static const char *const names[] = {"HOME", "SSL_CERT_FILE", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                        "no_proxy", "NO_PROXY", "DEBUGINFOD_URLS"};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (strncmp(entry, starts[i], strlen(starts[i])) == 0)
            return true;
    }
    size_t len = strcspn(entry, "=");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && strncmp(entry, names[i], len) == 0)
            return true;
    }
    return false;
}

unsigned pando_environment_capture(char *block, size_t block_bytes)
{
    size_t used = 0;
    unsigned left_out = 0;
    bool is_secure = getauxval(AT_SECURE) != 0;
    for (char *const *entry = environ; !is_secure && entry != NULL && *entry != NULL; entry++) {
        if (!concerns_us(*entry))
            continue;
        size_t bytes = strlen(*entry) + 1;
        if (bytes >= block_bytes - used) {
            left_out++;
            continue;
        }
        memcpy(block + used, *entry, bytes);
        used += bytes;
    }
    block[used] = '\0';
    return left_out;
}

const char *pando_environment_get(const char *block, const char *name)
{
    const char *value = NULL;
    size_t len = strlen(name);
    if (block == NULL)
        value = secure_getenv(name);
    for (; block != NULL && *block != '\0' && value == NULL; block += strlen(block) + 1) {
        if (strncmp(block, name, len) == 0 && block[len] == '=')
            value = block + len + 1;
    }
    return value != NULL && value[0] != '\0' ? value : NULL;
}
