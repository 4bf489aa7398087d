/* Why: receiver/tags.h, and the operations on tags: ListTagsForResource, TagResource, UntagResource.
 * Context: own process; the connection's thread. */
#include "receiver/tags.h"

#include <string.h>

#include "base/error.h"
#include "profile/json_writer.h"
#include "receiver/parameters.h"
#include "receiver/routes.h"

enum { NAME_MAX_CHARACTERS = 128, VALUE_MAX_CHARACTERS = 256, ANSWER_MAX_BYTES = 1 << 20 };

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static int check_tag(struct pando_request *request, const char *name, const json_t *value)
{
    size_t name_characters = count_characters(name);
    if (name_characters < 1 || name_characters > NAME_MAX_CHARACTERS)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "A tag's key must have 1 to %d characters.",
                                    (int)NAME_MAX_CHARACTERS);
    if (strncmp(name, "aws:", 4) == 0)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "A tag's key may not begin with \"aws:\".");
    if (!json_is_string(value) || count_characters(json_string_value(value)) > VALUE_MAX_CHARACTERS)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "A tag's value must be a string of at most %d characters.",
                                    (int)VALUE_MAX_CHARACTERS);
    return 0;
}

static int refuse_too_many(struct pando_request *request)
{
    return pando_request_refuse(request, 400, PANDO_VALIDATION, "A profiling group has %d tags at most.", (int)PANDO_TAGS_MAX);
}

int pando_tags_read(struct pando_request *request, const json_t *body, struct pando_tag tags[PANDO_TAGS_MAX], size_t *ret_count)
{
    const json_t *object = json_object_get(body, "tags");
    const char *name;
    json_t *value;
    *ret_count = 0;
    if (object == NULL)
        return 0;
    if (!json_is_object(object))
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "tags must be an object of strings.");
    json_object_foreach((json_t *)object, name, value) {
        int error = check_tag(request, name, value);
        if (error == 0 && *ret_count == PANDO_TAGS_MAX)
            error = refuse_too_many(request);
        if (error != 0)
            return error;
        tags[(*ret_count)++] = (struct pando_tag){.name = name, .value = json_string_value(value)};
    }
    return 0;
}

static int write_tag(void *context, const struct pando_tag *tag)
{
    struct pando_buffer *out = context;
    if (out->bytes != NULL && out->bytes[out->len_bytes - 1] != '{')
        pando_buffer_append_char(out, ',');
    pando_json_write_string(out, tag->name);
    pando_buffer_append_char(out, ':');
    pando_json_write_string(out, tag->value);
    return 0;
}

int pando_tags_write(struct pando_request *request, int64_t group_id, struct pando_buffer *out)
{
    pando_buffer_append_text(out, ",\"tags\":{");
    int error = pando_store_tags_of(request->service->store, group_id, write_tag, out);
    pando_buffer_append_char(out, '}');
    return error;
}

static const char ARN_BEGIN[] = "arn:aws:codeguru-profiler:us-east-1:000000000000:profilingGroup/";

void pando_arn_write(struct pando_buffer *out, const char *group)
{
    pando_buffer_append_format(out, ",\"arn\":\"%s%s\"", ARN_BEGIN, group);
}

/* arn:PARTITION:codeguru-profiler:REGION:ACCOUNT:profilingGroup/NAME: the name counts. */
static const char *group_of_arn(const char *arn)
{
    static const char service[] = "codeguru-profiler:", kind[] = "profilingGroup/";
    if (strncmp(arn, "arn:", 4) != 0)
        return NULL;
    const char *at = strchr(arn + 4, ':');
    if (at == NULL || strncmp(at + 1, service, sizeof service - 1) != 0)
        return NULL;
    at = strchr(at + sizeof service, ':');
    at = at != NULL ? strchr(at + 1, ':') : NULL;
    if (at == NULL || strncmp(at + 1, kind, sizeof kind - 1) != 0)
        return NULL;
    at += sizeof kind;
    return pando_is_name(at, PANDO_GROUP_NAME_BYTES - 1) ? at : NULL;
}

/* The group that the path names, for all three. */
static const char *take_group(struct pando_request *request)
{
    const char *group = group_of_arn(request->rest);
    if (group == NULL)
        pando_request_refuse(request, 400, PANDO_VALIDATION,
                             "The resource must be the ARN of a profiling group: %sNAME.", ARN_BEGIN);
    return group;
}

static void answer(struct pando_request *request, int error)
{
    if (error == 0)
        request->answer.status = 204;
    else if (error == PANDO_ERR_NOT_FOUND)
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is no profiling group of this name.");
    else if (error == PANDO_ERR_LIMIT)
        refuse_too_many(request);
    else
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The store cannot be read or written.");
}

void pando_serve_list_tags(struct pando_request *request)
{
    const char *group = take_group(request);
    if (group == NULL)
        return;
    struct pando_buffer *out = &request->answer.body;
    pando_buffer_init(out, ANSWER_MAX_BYTES);
    pando_buffer_append_text(out, "{\"tags\":{");
    int error = pando_store_tags(request->service->store, group, write_tag, out);
    pando_buffer_append_text(out, "}}");
    if (error == 0)
        error = out->failed;
    answer(request, error);
    if (error == 0) {
        request->answer.status = 200;
        request->answer.content_type = PANDO_TYPE_JSON;
    }
}

void pando_serve_tag(struct pando_request *request)
{
    struct pando_tag tags[PANDO_TAGS_MAX];
    size_t count;
    json_t *body;
    const char *group = take_group(request);
    if (group == NULL || pando_take_object(request, &body) != 0)
        return;
    if (json_object_get(body, "tags") == NULL)
        pando_request_refuse(request, 400, PANDO_VALIDATION, "tags is missing.");
    else if (pando_tags_read(request, body, tags, &count) == 0)
        answer(request, pando_store_tags_put(request->service->store, group, tags, count));
    json_decref(body);
}

void pando_serve_untag(struct pando_request *request)
{
    const char *names[PANDO_TAGS_MAX];
    const char *group = take_group(request);
    if (group == NULL)
        return;
    size_t count = pando_request_query_list(request, "tagKeys", names, PANDO_TAGS_MAX);
    if (count == 0)
        pando_request_refuse(request, 400, PANDO_VALIDATION, "tagKeys is missing.");
    else if (count > PANDO_TAGS_MAX)
        refuse_too_many(request);
    else
        answer(request, pando_store_tags_drop(request->service->store, group, names, count));
}
