/* Why: uploader/fleet.h. Context: the upload thread. */
#include "uploader/fleet.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/environment.h"
#include "base/error.h"
#include "uploader/metadata_service.h"

enum { TIMEOUT_MS = 2000, ID_BYTES = 256 };

/* Takes the object. An identity is made of visible ASCII that JSON need not escape, as all of these are. */
static int keep(struct pando_uploader_fleet *fleet, const char *id, json_t *info)
{
    size_t len = id != NULL ? strlen(id) : 0;
    bool good = len >= 1 && len < sizeof fleet->id && info != NULL;
    for (size_t i = 0; i < len && good; i++)
        good = id[i] > ' ' && id[i] <= '~' && id[i] != '"' && id[i] != '\\';
    char *text = good ? json_dumps(info, JSON_COMPACT) : NULL;
    good = text != NULL && strlen(text) < sizeof fleet->info;
    if (good) {
        strcpy(fleet->id, id);
        strcpy(fleet->info, text);
    }
    free(text);
    json_decref(info);
    return good ? 0 : PANDO_ERR_NOT_FOUND;
}

static int find_function(const char *environment, struct pando_uploader_fleet *fleet)
{
    const char *name = pando_environment_get(environment, "AWS_LAMBDA_FUNCTION_NAME");
    const char *memory = pando_environment_get(environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
    const char *kind = pando_environment_get(environment, "AWS_EXECUTION_ENV");
    bool is_lambda = pando_environment_get(environment, "LAMBDA_TASK_ROOT") != NULL &&
                     pando_environment_get(environment, "LAMBDA_RUNTIME_DIR") != NULL;
    if (!is_lambda || name == NULL)
        return PANDO_ERR_NOT_FOUND;
    uint64_t mib = 0;
    struct pando_cursor cursor = pando_cursor_of_text(memory != NULL ? memory : "");
    pando_cursor_decimal(&cursor, INT32_MAX, &mib);
    /* The ARN is told with an invocation only, which is no business of ours. */
    json_t *info = json_pack("{s:s, s:s, s:s}", "computeType", "aws_lambda", "functionArn", name, "executionEnv",
                             kind != NULL ? kind : "Unknown");
    if (mib != 0)
        json_object_set_new(info, "memoryLimitInMB", json_integer((json_int_t)mib));
    return keep(fleet, name, info);
}

int pando_fleet_read_task(const char *body, size_t body_bytes, struct pando_uploader_fleet *fleet)
{
    json_t *task = json_loadb(body, body_bytes, 0, NULL);
    json_t *limits = json_object_get(task, "Limits");
    json_t *cpu = json_object_get(limits, "CPU"), *memory = json_object_get(limits, "Memory");
    const char *arn = json_string_value(json_object_get(task, "TaskARN"));
    json_t *info = arn != NULL ? json_pack("{s:s, s:s}", "computeType", "aws_fargate_task", "taskArn", arn) : NULL;
    if (info != NULL && json_is_number(cpu))
        json_object_set(info, "cpuLimit", cpu);
    if (info != NULL && json_is_integer(memory))
        json_object_set(info, "memoryLimitInMB", memory);
    int error = keep(fleet, arn, info);
    json_decref(task);
    return error;
}

static int find_task(const char *environment, struct pando_http *http, const atomic_bool *abort, struct pando_uploader_fleet *fleet)
{
    char url[512], reason[200];
    const char *base = pando_environment_get(environment, "ECS_CONTAINER_METADATA_URI_V4");
    if (base == NULL || snprintf(url, sizeof url, "%s/task", base) >= (int)sizeof url)
        return PANDO_ERR_NOT_FOUND;
    const struct pando_http_request request = {.method = "GET", .url = url, .connect_timeout_ms = TIMEOUT_MS,
                                               .total_timeout_ms = TIMEOUT_MS, .is_direct = true};
    struct pando_http_answer answer;
    pando_http_send(http, &request, false, abort, &answer, reason, sizeof reason);
    if (answer.outcome.failure != PANDO_TRY_ANSWERED || answer.outcome.status != 200)
        return PANDO_ERR_NOT_FOUND;
    return pando_fleet_read_task(answer.body, answer.body_bytes, fleet);
}

static int find_machine(const char *environment, struct pando_http *http, const atomic_bool *abort,
                        struct pando_uploader_fleet *fleet)
{
    char host_name[ID_BYTES], host_type[ID_BYTES], reason[200];
    struct pando_metadata_service service;
    struct pando_credentials_fetch fetch = {.environment = environment, .http = http, .abort = abort, .region = "", .reason = reason,
                                            .reason_bytes = sizeof reason};
    int error = pando_metadata_service_open(&fetch, &service);
    if (error == 0)
        error = pando_metadata_service_word(&fetch, &service, "/latest/meta-data/local-hostname", host_name, sizeof host_name);
    if (error == 0)
        error = pando_metadata_service_word(&fetch, &service, "/latest/meta-data/instance-type", host_type, sizeof host_type);
    explicit_bzero(&service, sizeof service);
    if (error != 0)
        return PANDO_ERR_NOT_FOUND;
    return keep(fleet, host_name, json_pack("{s:s, s:s, s:s}", "computeType", "aws_ec2_instance", "hostName", host_name, "hostType",
                                            host_type));
}

int pando_fleet_find(const char *environment, struct pando_http *http, const atomic_bool *abort, struct pando_uploader_fleet *fleet)
{
    int error = find_function(environment, fleet);
    if (error != 0)
        error = find_task(environment, http, abort, fleet);
    return error != 0 ? find_machine(environment, http, abort, fleet) : 0;
}
