/* Why: uploader/codeguru_endpoint.h. Context: setup, the upload thread. */
#include "uploader/codeguru_endpoint.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/environment.h"
#include "base/error.h"
#include "uploader/shared_files.h"

enum { FILES_BYTES = 128 * 1024 };

static bool is_true(const char *environment, const char *name)
{
    const char *value = pando_environment_get(environment, name);
    return value != NULL && strcasecmp(value, "true") == 0;
}

int pando_codeguru_url(const char *environment, const char *region, char *url, size_t url_bytes)
{
    const char *given = NULL;
    if (!is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        given = pando_environment_get(environment, "AWS_ENDPOINT_URL_CODEGURUPROFILER");
    if (given == NULL && !is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        given = pando_environment_get(environment, "AWS_ENDPOINT_URL");
    const char *fips = is_true(environment, "AWS_USE_FIPS_ENDPOINT") ? "-fips" : "";
    const char *domain = is_true(environment, "AWS_USE_DUALSTACK_ENDPOINT") ? "api.aws" : "amazonaws.com";
    if (strncmp(region, "cn-", 3) == 0)
        domain = strcmp(domain, "api.aws") == 0 ? "api.amazonwebservices.com.cn" : "amazonaws.com.cn";
    int len = given != NULL ? snprintf(url, url_bytes, "%s", given)
                            : snprintf(url, url_bytes, "https://codeguru-profiler%s.%s.%s", fips, region, domain);
    return len > 0 && (size_t)len < url_bytes ? 0 : PANDO_ERR_LIMIT;
}

int pando_codeguru_profile_region(const char *environment, char *region, size_t region_bytes)
{
    bool is_named;
    struct pando_shared_files files;
    char *memory = malloc(FILES_BYTES + 1);
    if (memory == NULL)
        return PANDO_ERR_NOT_FOUND;
    int error = pando_shared_files_open(&files, environment, memory, FILES_BYTES);
    if (error == 0)
        error = pando_shared_files_get(&files, pando_shared_files_profile(environment, &is_named), "region", region, region_bytes);
    explicit_bzero(memory, FILES_BYTES + 1); /* there are secrets beside it */
    free(memory);
    bool good = error == 0 && strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(region);
    return good ? 0 : PANDO_ERR_NOT_FOUND;
}
