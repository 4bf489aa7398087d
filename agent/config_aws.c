/* Why: agent/config_aws.h. Context: setup. The order is that of AWS's agents: ARN, name; ARN, target region, region, default region.
 * Unlike them Pando has no region to fall back on: a profile in the wrong one would look like none. */
#include "agent/config_aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/config.h"
#include "base/error.h"
#include "base/log.h"

static bool ignores_environment;

void pando_config_ignore_environment(bool is_to)
{
    ignores_environment = is_to;
}

bool pando_config_ignores_environment(void)
{
    return ignores_environment;
}

const char *pando_config_variable(const char *name)
{
    const char *value = ignores_environment ? NULL : secure_getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* The name of the Lambda function that this is; NULL: it is none. */
static const char *function_name(void)
{
    bool is_function = pando_config_variable("LAMBDA_TASK_ROOT") != NULL && pando_config_variable("LAMBDA_RUNTIME_DIR") != NULL;
    return is_function ? pando_config_variable("AWS_LAMBDA_FUNCTION_NAME") : NULL;
}

bool pando_config_aws_asks(void)
{
    const char *enabled = pando_config_variable("AWS_CODEGURU_PROFILER_ENABLED");
    bool has_group = pando_config_variable("AWS_CODEGURU_PROFILER_GROUP_ARN") != NULL ||
                     pando_config_variable("AWS_CODEGURU_PROFILER_GROUP_NAME") != NULL || function_name() != NULL;
    return has_group && (enabled == NULL || strcasecmp(enabled, "true") == 0);
}

/* The host of an http(s) URL, without user and port. */
static size_t host_of(const char *url, const char **ret_host)
{
    const char *host = strstr(url, "://");
    *ret_host = host != NULL ? host + 3 : "";
    return strcspn(*ret_host, ":/?#");
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t end_bytes = strlen(end);
    return len > end_bytes && strncasecmp(text + len - end_bytes, end, end_bytes) == 0;
}

bool pando_config_is_aws(const char *url)
{
    const char *host;
    size_t len = host_of(url, &host);
    return ends_with(host, len, ".amazonaws.com") || ends_with(host, len, ".amazonaws.com.cn") || ends_with(host, len, ".api.aws");
}

static int refuse_value(char *problem, const char *what, const char *value)
{
    snprintf(problem, PANDO_CONFIG_SENTENCE_BYTES, "%s, not \"%.80s\".", what, value);
    return PANDO_ERR_INVALID;
}

static bool is_made_of(const char *text, size_t len, const char *characters)
{
    return len != 0 && strspn(text, characters) >= len;
}

static const char region_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

static int take_region(struct pando_door_settings *door, const char *text, size_t len, char *problem)
{
    if (len >= sizeof door->region || !is_made_of(text, len, region_characters))
        return refuse_value(problem, "the AWS region is a word like eu-west-1", text);
    memcpy(door->region, text, len);
    door->region[len] = '\0';
    return 0;
}

static int take_group(struct pando_door_settings *door, const char *text, char *problem)
{
    size_t len = strlen(text);
    if (len >= sizeof door->group ||
        !is_made_of(text, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"))
        return refuse_value(problem, "AWS_CODEGURU_PROFILER_GROUP_NAME is 1 to 255 of the characters A-Z a-z 0-9 _ -", text);
    memcpy(door->group, text, len + 1);
    return 0;
}

/* arn:aws:codeguru-profiler:REGION:ACCOUNT:profilingGroup/NAME */
static int take_arn(struct pando_door_settings *door, const char *arn, bool takes_group, char *problem)
{
    const char *parts[6], *at = arn;
    size_t lens[6];
    for (int i = 0; i < 6; i++) {
        parts[i] = at;
        lens[i] = i < 5 ? strcspn(at, ":") : strlen(at);
        at += lens[i] + (i < 5 && at[lens[i]] == ':');
    }
    bool good = lens[0] == 3 && strncmp(parts[0], "arn", 3) == 0 && lens[2] == 17 &&
                strncmp(parts[2], "codeguru-profiler", 17) == 0 && strncmp(parts[5], "profilingGroup/", 15) == 0;
    if (!good)
        return refuse_value(problem, "AWS_CODEGURU_PROFILER_GROUP_ARN is arn:aws:codeguru-profiler:REGION:ACCOUNT:profilingGroup/NAME", arn);
    int error = take_region(door, parts[3], lens[3], problem);
    return error == 0 && takes_group ? take_group(door, parts[5] + 15, problem) : error;
}

/* codeguru-profiler.REGION.amazonaws.com tells its region itself. */
static bool region_of_host(const char *url, const char **ret_region, size_t *ret_len)
{
    const char *host;
    host_of(url, &host);
    size_t first = strcspn(host, ".:/?#");
    bool is_service = (first == 17 && strncmp(host, "codeguru-profiler", 17) == 0) ||
                      (first == 22 && strncmp(host, "codeguru-profiler-fips", 22) == 0);
    if (!is_service || !pando_config_is_aws(url) || host[first] != '.')
        return false;
    *ret_region = host + first + 1;
    *ret_len = strcspn(*ret_region, ".:/?#");
    return true;
}

static int read_region(struct pando_door_settings *door, char *problem)
{
    static const char *const names[] = {"AWS_CODEGURU_PROFILER_TARGET_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"};
    const char *region = NULL;
    size_t len = 0;
    if (region_of_host(door->url, &region, &len))
        return take_region(door, region, len, problem);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && region == NULL && door->region[0] == '\0'; i++)
        region = pando_config_variable(names[i]);
    return region != NULL ? take_region(door, region, strlen(region), problem) : 0;
}

int pando_config_aws_read(struct pando_door_settings *door, char *problem)
{
    const char *arn = pando_config_variable("AWS_CODEGURU_PROFILER_GROUP_ARN"), *name = pando_config_variable("AWS_CODEGURU_PROFILER_GROUP_NAME");
    bool needs_group = door->group[0] == '\0';
    int error = 0;
    door->region[0] = '\0';
    if (arn != NULL)
        error = take_arn(door, arn, needs_group, problem);
    if (error == 0 && needs_group && arn == NULL && name != NULL)
        error = take_group(door, name, problem);
    if (error == 0 && needs_group && arn == NULL && name == NULL && function_name() != NULL) {
        char of_function[PANDO_DOOR_GROUP_BYTES]; /* as Amazon's agents name it */
        snprintf(of_function, sizeof of_function, "aws-lambda-%s", function_name());
        error = take_group(door, of_function, problem);
    }
    if (error == 0 && arn != NULL && name != NULL && needs_group && strcmp(door->group, name) != 0)
        pando_log(PANDO_LOG_WARN, "AWS_CODEGURU_PROFILER_GROUP_ARN and _GROUP_NAME name two groups: the ARN's, %s, is used.",
                  door->group);
    if (error == 0)
        error = read_region(door, problem);
    door->signs = door->url[0] == '\0' || pando_config_is_aws(door->url);
    return error;
}
