/* Why: uploader/shared_files.h. Context: the upload thread, setup. */
#include "uploader/shared_files.h"

#include <stdio.h>

#include "base/environment.h"
#include "base/error.h"
#include "uploader/small_file.h"

const char *pando_shared_files_profile(const char *environment, bool *ret_is_named)
{
    const char *name = pando_environment_get(environment, "AWS_PROFILE");
    if (name == NULL)
        name = pando_environment_get(environment, "AWS_DEFAULT_PROFILE");
    *ret_is_named = name != NULL;
    return name != NULL ? name : "default";
}

static int read_one(const char *environment, const char *variable, const char *below_home, enum pando_ini_kind kind, char *memory,
                    size_t memory_bytes, struct pando_ini *ini)
{
    char path[1024];
    const char *given = pando_environment_get(environment, variable), *home = pando_environment_get(environment, "HOME");
    *ini = (struct pando_ini){.kind = kind, .bytes = memory};
    memory[0] = '\0';
    if (given == NULL && home == NULL)
        return 0;
    bool is_below_home = given != NULL && given[0] == '~' && given[1] == '/' && home != NULL;
    int len = given == NULL ? snprintf(path, sizeof path, "%s/%s", home, below_home)
                            : snprintf(path, sizeof path, "%s%s", is_below_home ? home : "", given + is_below_home);
    if (len >= (int)sizeof path)
        return PANDO_ERR_LIMIT;
    int error = pando_small_file_read(path, memory, memory_bytes, &ini->len_bytes);
    return error == PANDO_ERR_NOT_FOUND ? 0 : error;
}

int pando_shared_files_open(struct pando_shared_files *files, const char *environment, char *memory, size_t memory_bytes)
{
    int error = read_one(environment, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", PANDO_INI_CREDENTIALS, memory,
                         memory_bytes / 2, &files->credentials);
    if (error == 0)
        error = read_one(environment, "AWS_CONFIG_FILE", ".aws/config", PANDO_INI_CONFIG, memory + memory_bytes / 2 + 1,
                         memory_bytes / 2 - 1, &files->config);
    return error;
}

bool pando_shared_files_has(const struct pando_shared_files *files, const char *profile)
{
    return pando_ini_has(&files->credentials, profile) || pando_ini_has(&files->config, profile);
}

int pando_shared_files_get(const struct pando_shared_files *files, const char *profile, const char *name, char *value,
                           size_t value_bytes)
{
    int error = pando_ini_get(&files->credentials, profile, name, value, value_bytes);
    return error == PANDO_ERR_NOT_FOUND ? pando_ini_get(&files->config, profile, name, value, value_bytes) : error;
}
