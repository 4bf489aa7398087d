/* Why: cli/source.h. Context: own process. */
#include "cli/source.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/http_get.h"
#include "cli/progress.h"
#include "receiver/tree_json.h"
#include "receiver/store.h"

enum {
    ANSWER_LIMIT_BYTES = 1 << 29,
    URL_BYTES = 4096,
    HTTP_OK = 200,
    HTTP_UNAUTHORIZED = 401,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
};

/* What went wrong, with the receiver's own sentence where it has one. */
static void explain_status(const char *url, int status, const struct pando_buffer *body, char *message, size_t message_bytes)
{
    json_t *root = json_loadb(body->bytes != NULL ? body->bytes : "", body->len_bytes, 0, NULL);
    const char *said = json_string_value(json_object_get(root, "message"));
    snprintf(message, message_bytes, "%s answered with HTTP status %d%s%.300s%s", url, status, said != NULL ? ": " : ".",
             said != NULL ? said : "",
             status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN
                 ? " Set PANDO_TOKEN to one of its tokens, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to one of its keys." : "");
    json_decref(root);
}

int pando_source_get(const char *base, const char *path, struct pando_buffer *body, char *message, size_t message_bytes)
{
    char url[URL_BYTES];
    size_t base_len = strlen(base);
    while (base_len > 0 && base[base_len - 1] == '/')
        base_len--;
    if ((size_t)snprintf(url, sizeof url, "%.*s%s", (int)base_len, base, path) >= sizeof url) {
        snprintf(message, message_bytes, "the URL is too long.");
        return PANDO_ERR_INVALID;
    }
    int status = pando_http_get(url, body, message, message_bytes);
    if (status < 0)
        return status;
    if (status == HTTP_OK)
        return 0;
    explain_status(url, status, body, message, message_bytes);
    if (status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN)
        return PANDO_ERR_REFUSED;
    return status == HTTP_NOT_FOUND ? PANDO_ERR_NOT_FOUND : PANDO_ERR_NETWORK;
}

/* "&NAME=VALUE" if there is one. */
static void add_filter(struct pando_buffer *path, const char *name, const char *value)
{
    char *escaped = value != NULL ? curl_easy_escape(NULL, value, 0) : NULL;
    if (escaped != NULL)
        pando_buffer_append_format(path, "&%s=%s", name, escaped);
    curl_free(escaped);
}

static int merge_from_url(const struct pando_source *source, const char *group, uint64_t start_ms, uint64_t end_ms,
                          struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message,
                          size_t message_bytes)
{
    struct pando_buffer path;
    pando_buffer_init(&path, URL_BYTES);
    char *escaped = curl_easy_escape(NULL, group, 0);
    pando_buffer_append_format(&path, "/api/v1/groups/%s/tree?state=raw&start=%" PRIu64, escaped != NULL ? escaped : "", start_ms);
    curl_free(escaped);
    if (end_ms != UINT64_MAX)
        pando_buffer_append_format(&path, "&end=%" PRIu64, end_ms);
    add_filter(&path, "host", source->host);
    add_filter(&path, "process", source->process);
    if (source->pid != 0)
        pando_buffer_append_format(&path, "&pid=%" PRIu32, source->pid);
    if (pando_buffer_append_char(&path, '\0') != 0) {
        pando_buffer_release(&path);
        snprintf(message, message_bytes, "the URL is too long.");
        return PANDO_ERR_INVALID;
    }
    struct pando_buffer body;
    pando_buffer_init(&body, ANSWER_LIMIT_BYTES);
    int error = pando_source_get(source->url, path.bytes, &body, message, message_bytes);
    pando_buffer_release(&path);
    if (error == 0)
        error = pando_tree_json_decode(body.bytes, body.len_bytes, ret_profile, ret_profile_count, message, message_bytes);
    if (error == PANDO_ERR_NOT_FOUND)
        snprintf(message, message_bytes, "the receiver has no profile of group \"%s\" in that time.", group);
    pando_buffer_release(&body);
    return error;
}

static int merge_from_store(const struct pando_source *source, const char *group, uint64_t start_ms, uint64_t end_ms,
                            struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message,
                            size_t message_bytes)
{
    const struct pando_store_query query = {.group = group, .start_ms = start_ms, .end_ms = end_ms, .host = source->host,
                                            .process = source->process, .pid = source->pid};
    struct pando_store *store;
    pando_progress_begin("adding up the profiles in %s", source->store_path);
    int error = pando_store_open(source->store_path, true, &store, message, message_bytes);
    if (error != 0)
        return error;
    error = pando_store_sum(store, &query, ret_profile, ret_profile_count, message, message_bytes);
    if (error == PANDO_ERR_NOT_FOUND)
        snprintf(message, message_bytes, "%s has no such profile of group \"%s\" in that time.", source->store_path, group);
    pando_store_close(store);
    pando_progress_end();
    return error;
}

int pando_source_merge(const struct pando_source *source, const char *group, uint64_t start_ms, uint64_t end_ms,
                       struct pando_profile **ret_profile, uint64_t *ret_profile_count, char *message,
                       size_t message_bytes)
{
    return source->url != NULL
               ? merge_from_url(source, group, start_ms, end_ms, ret_profile, ret_profile_count, message, message_bytes)
               : merge_from_store(source, group, start_ms, end_ms, ret_profile, ret_profile_count, message,
                                  message_bytes);
}

/* The groups that were seen, as text for a sentence. */
struct group_list {
    uint64_t count;
    char first[PANDO_GROUP_BYTES];
    char names[1024];
};

static void add_group(struct group_list *list, const char *name)
{
    if (list->count++ == 0)
        snprintf(list->first, sizeof list->first, "%s", name);
    size_t len = strlen(list->names);
    snprintf(list->names + len, sizeof list->names - len, "%s%s", len != 0 ? ", " : "", name);
}

static int visit_group(void *context, const struct pando_store_group *group)
{
    add_group(context, group->name);
    return 0;
}

static int groups_from_store(const char *path, struct group_list *list, char *message, size_t message_bytes)
{
    struct pando_store *store;
    int error = pando_store_open(path, true, &store, message, message_bytes);
    if (error != 0)
        return error;
    error = pando_store_groups(store, visit_group, list);
    if (error != 0)
        snprintf(message, message_bytes, "the groups in %s cannot be read: %s.", path, pando_error_text(error));
    pando_store_close(store);
    return error;
}

static int groups_from_url(const char *base, struct group_list *list, char *message, size_t message_bytes)
{
    struct pando_buffer body;
    pando_buffer_init(&body, ANSWER_LIMIT_BYTES);
    int error = pando_source_get(base, "/api/v1/groups", &body, message, message_bytes);
    json_t *root = error == 0 ? json_loadb(body.bytes != NULL ? body.bytes : "", body.len_bytes, 0, NULL) : NULL;
    const json_t *groups = json_is_array(root) ? root : json_object_get(root, "groups");
    if (error == 0 && !json_is_array(groups)) {
        snprintf(message, message_bytes, "the receiver's list of groups is not as expected.");
        error = PANDO_ERR_SYNTAX;
    }
    size_t i;
    json_t *group;
    json_array_foreach(groups, i, group) {
        const char *name = json_string_value(json_is_string(group) ? group : json_object_get(group, "name"));
        if (name != NULL)
            add_group(list, name);
    }
    json_decref(root);
    pando_buffer_release(&body);
    return error;
}

int pando_source_only_group(const struct pando_source *source, char *group, size_t group_bytes, char *message,
                            size_t message_bytes)
{
    struct group_list list = {0};
    int error = source->url != NULL ? groups_from_url(source->url, &list, message, message_bytes)
                                    : groups_from_store(source->store_path, &list, message, message_bytes);
    if (error != 0)
        return error;
    if (list.count == 1) {
        snprintf(group, group_bytes, "%s", list.first);
        return 0;
    }
    if (list.count == 0)
        snprintf(message, message_bytes, "nothing is stored yet.");
    else
        snprintf(message, message_bytes, "there are several groups, choose one with --group: %s.", list.names);
    return PANDO_ERR_NOT_FOUND;
}
