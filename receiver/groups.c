/* Why: the operations on profiling groups: CreateProfilingGroup, DescribeProfilingGroup, UpdateProfilingGroup, DeleteProfilingGroup,
 * ListProfilingGroups.
 * Context: own process; the connection's thread. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_time.h"
#include "base/cursor.h"
#include "base/error.h"
#include "profile/json_writer.h"
#include "receiver/parameters.h"
#include "receiver/routes.h"
#include "receiver/tags.h"

enum { ANSWER_MAX_BYTES = 1 << 28, LIST_MAX = 1000, LIST_USUAL = 100 };

/* Groups that were read: the store must not be used while it is read, and their tags are asked for after it. */
struct held {
    struct pando_group group;
    char name[PANDO_GROUP_NAME_BYTES];
};

struct holding {
    struct held *list;
    size_t count, max;
};

static int hold(void *context, const struct pando_group *group)
{
    struct holding *holding = context;
    if (holding->count == holding->max)
        return 0;
    struct held *held = &holding->list[holding->count++];
    held->group = *group;
    snprintf(held->name, sizeof held->name, "%s", group->name);
    held->group.name = held->name;
    return 0;
}

static void write_time(struct pando_buffer *out, const char *name, uint64_t wall_ms)
{
    char text[PANDO_AWS_TIME_MS_SIZE];
    if (wall_ms == 0)
        return;
    pando_aws_time_format_ms(wall_ms, text);
    pando_json_member_text(out, name, text);
}

static int write_description(struct pando_request *request, const struct pando_group *group, struct pando_buffer *out)
{
    pando_buffer_append_text(out, "{\"name\":");
    pando_json_write_string(out, group->name);
    pando_arn_write(out, group->name);
    pando_json_member_text(out, "computePlatform", group->is_lambda ? "AWSLambda" : "Default");
    pando_buffer_append_format(out, ",\"agentOrchestrationConfig\":{\"profilingEnabled\":%s}", group->is_enabled ? "true" : "false");
    write_time(out, "createdAt", group->created_ms);
    write_time(out, "updatedAt", group->updated_ms);
    pando_json_open(out, "profilingStatus");
    write_time(out, "latestAgentOrchestratedAt", group->orchestrated_ms);
    write_time(out, "latestAgentProfileReportedAt", group->reported_ms);
    if (group->latest_span_ms != 0) {
        pando_json_open(out, "latestAggregatedProfile");
        write_time(out, "start", group->latest_start_ms - group->latest_start_ms % group->latest_span_ms);
        pando_json_member_text(out, "period", group->latest_span_ms == 300000 ? "PT5M"
                                              : group->latest_span_ms == 3600000 ? "PT1H" : "P1D");
        pando_json_close(out);
    }
    pando_json_close(out);
    int error = pando_tags_write(request, group->id, out);
    pando_buffer_append_char(out, '}');
    return error != 0 ? error : out->failed;
}

static void refuse_store(struct pando_request *request, int error)
{
    if (error == PANDO_ERR_NOT_FOUND)
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is no profiling group of this name.");
    else
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The store cannot be read or written.");
}

/* The answer of three operations is the group as it is now. */
static void describe(struct pando_request *request, const char *name, unsigned status)
{
    struct held held;
    struct holding holding = {.list = &held, .max = 1};
    struct pando_buffer *out = &request->answer.body;
    pando_buffer_init(out, ANSWER_MAX_BYTES);
    int error = pando_store_group_find(request->service->store, name, hold, &holding);
    if (error == 0)
        error = write_description(request, &held.group, out);
    if (error != 0) {
        refuse_store(request, error);
        return;
    }
    request->answer.status = status;
    request->answer.content_type = PANDO_TYPE_JSON;
}

void pando_serve_describe_group(struct pando_request *request)
{
    describe(request, request->group, 200);
}

/* {"profilingEnabled": true} */
static int read_orchestration(struct pando_request *request, const json_t *body, bool is_required, bool *ret_is_enabled)
{
    const json_t *config = json_object_get(body, "agentOrchestrationConfig");
    const json_t *enabled = json_object_get(config, "profilingEnabled");
    *ret_is_enabled = !json_is_false(enabled);
    if (config == NULL && !is_required)
        return 0;
    if (json_is_boolean(enabled))
        return 0;
    return pando_request_refuse(request, 400, PANDO_VALIDATION,
                                "agentOrchestrationConfig must be an object with profilingEnabled, true or false.");
}

void pando_serve_update_group(struct pando_request *request)
{
    json_t *body;
    bool is_enabled;
    if (pando_take_object(request, &body) != 0)
        return;
    if (read_orchestration(request, body, true, &is_enabled) == 0) {
        int error = pando_store_group_enable(request->service->store, request->group, is_enabled);
        if (error == 0)
            describe(request, request->group, 200);
        else
            refuse_store(request, error);
    }
    json_decref(body);
}

static int read_platform(struct pando_request *request, const json_t *body, bool *ret_is_lambda)
{
    const json_t *platform = json_object_get(body, "computePlatform");
    const char *text = json_string_value(platform);
    *ret_is_lambda = text != NULL && strcmp(text, "AWSLambda") == 0;
    if (platform == NULL || *ret_is_lambda || (text != NULL && strcmp(text, "Default") == 0))
        return 0;
    return pando_request_refuse(request, 400, PANDO_VALIDATION, "computePlatform must be \"Default\" or \"AWSLambda\".");
}

static void make(struct pando_request *request, const char *client_token, const json_t *body)
{
    const char *name = json_string_value(json_object_get(body, "profilingGroupName"));
    bool is_enabled, is_lambda;
    struct pando_tag tags[PANDO_TAGS_MAX];
    size_t tag_count;
    if (name == NULL || !pando_is_name(name, PANDO_GROUP_NAME_BYTES - 1)) {
        pando_request_refuse(request, 400, PANDO_VALIDATION,
                             "profilingGroupName must be a string of 1 to 255 letters, digits, '_' or '-'.");
        return;
    }
    if (read_platform(request, body, &is_lambda) != 0 || read_orchestration(request, body, false, &is_enabled) != 0 ||
        pando_tags_read(request, body, tags, &tag_count) != 0)
        return;
    int error = pando_store_group_make(request->service->store, name, client_token, is_enabled, is_lambda, tags, tag_count);
    if (error == PANDO_ERR_BUSY)
        pando_request_refuse(request, 409, "ConflictException", "There is a profiling group of this name already.");
    else if (error == PANDO_ERR_LIMIT)
        pando_request_refuse(request, 402, "ServiceQuotaExceededException", "There are as many groups as this receiver keeps: %d.",
                             (int)PANDO_GROUPS_MAX);
    else if (error < 0)
        refuse_store(request, error);
    else
        describe(request, name, 201);
}

void pando_serve_create_group(struct pando_request *request)
{
    const char *client_token;
    json_t *body;
    if (pando_take_token(request, "clientToken", &client_token) != 0)
        return;
    if (client_token == NULL) {
        pando_request_refuse(request, 400, PANDO_VALIDATION, "clientToken is missing.");
        return;
    }
    if (pando_take_object(request, &body) != 0)
        return;
    make(request, client_token, body);
    json_decref(body);
}

void pando_serve_delete_group(struct pando_request *request)
{
    int error = pando_store_group_delete(request->service->store, request->group);
    if (error == 0)
        request->answer.status = 204;
    else
        refuse_store(request, error);
}

/* A page's token is the number of its last group: it stays good when groups come and go. */
static int take_page(struct pando_request *request, int64_t *ret_after_id)
{
    const char *token;
    uint64_t id = 0;
    int error = pando_take_token(request, "nextToken", &token);
    if (error != 0)
        return error;
    struct pando_cursor cursor = pando_cursor_of_text(token != NULL ? token : "g0");
    if (pando_cursor_skip_char(&cursor, 'g') != 0 || pando_cursor_decimal(&cursor, INT64_MAX, &id) != 0 ||
        !pando_cursor_at_end(&cursor))
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "nextToken is not one that this operation has given out.");
    *ret_after_id = (int64_t)id;
    return 0;
}

/* One group more than wanted was asked for, to know whether there is another page. */
static int write_list(struct pando_request *request, const struct holding *holding, size_t wanted, bool with_descriptions)
{
    struct pando_buffer *out = &request->answer.body;
    size_t count = holding->count < wanted ? holding->count : wanted;
    int error = 0;
    pando_buffer_init(out, ANSWER_MAX_BYTES);
    pando_buffer_append_text(out, "{\"profilingGroupNames\":[");
    for (size_t i = 0; i < count; i++)
        pando_buffer_append_format(out, "%s\"%s\"", i != 0 ? "," : "", holding->list[i].name);
    pando_buffer_append_char(out, ']');
    pando_buffer_append_text(out, with_descriptions ? ",\"profilingGroups\":[" : "");
    for (size_t i = 0; i < count && with_descriptions && error == 0; i++) {
        pando_buffer_append_text(out, i != 0 ? "," : "");
        error = write_description(request, &holding->list[i].group, out);
    }
    pando_buffer_append_text(out, with_descriptions ? "]" : "");
    if (holding->count > wanted)
        pando_buffer_append_format(out, ",\"nextToken\":\"g%" PRId64 "\"", holding->list[wanted - 1].group.id);
    pando_buffer_append_char(out, '}');
    return error != 0 ? error : out->failed;
}

void pando_serve_list_groups(struct pando_request *request)
{
    uint64_t wanted = LIST_USUAL;
    bool with_descriptions = false;
    int64_t after_id = 0;
    if (pando_take_number(request, "maxResults", 1, LIST_MAX, &wanted) != 0 ||
        pando_take_bool(request, "includeDescription", &with_descriptions) != 0 || take_page(request, &after_id) != 0)
        return;
    struct holding holding = {.list = malloc((wanted + 1) * sizeof *holding.list), .max = wanted + 1};
    int error = PANDO_ERR_NO_MEMORY;
    if (holding.list != NULL)
        error = pando_store_group_list(request->service->store, after_id, holding.max, hold, &holding);
    if (error >= 0)
        error = write_list(request, &holding, wanted, with_descriptions);
    if (error >= 0) {
        request->answer.status = 200;
        request->answer.content_type = PANDO_TYPE_JSON;
    } else {
        refuse_store(request, PANDO_ERR_IO);
    }
    free(holding.list);
}
