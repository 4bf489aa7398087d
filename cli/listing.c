/* Why: cli/listing.h. Context: own process. */
#include "cli/listing.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/progress.h"
#include "receiver/store.h"

enum { ANSWER_LIMIT_BYTES = 1 << 26, PATH_BYTES = 1024 };

/* A JSON answer of the receiver. */
static int get_json(const char *base, const char *path, json_t **ret_root, char *message, size_t message_bytes)
{
    struct pando_buffer body;
    pando_buffer_init(&body, ANSWER_LIMIT_BYTES);
    int error = pando_source_get(base, path, &body, message, message_bytes);
    if (error == 0 && (*ret_root = json_loadb(body.bytes != NULL ? body.bytes : "", body.len_bytes, 0, NULL)) == NULL) {
        snprintf(message, message_bytes, "the receiver's answer to %s is no JSON.", path);
        error = PANDO_ERR_SYNTAX;
    }
    pando_buffer_release(&body);
    return error;
}

static int add_hosts_from_url(const char *base, json_t *group, char *message, size_t message_bytes)
{
    char path[PATH_BYTES];
    const char *name = json_string_value(json_object_get(group, "name"));
    char *escaped = curl_easy_escape(NULL, name != NULL ? name : "", 0);
    json_t *root = NULL;
    snprintf(path, sizeof path, "/api/v1/groups/%s/sources", escaped != NULL ? escaped : "");
    curl_free(escaped);
    int error = get_json(base, path, &root, message, message_bytes);
    if (error == 0) {
        json_t *hosts = json_object_get(root, "hosts"), *host;
        size_t i;
        json_array_foreach(hosts, i, host)
            json_object_del(host, "process"); /* it is "" in a list of hosts */
        json_object_set(group, "hosts", hosts);
    }
    json_decref(root);
    return error == PANDO_ERR_NOT_FOUND ? 0 : error; /* it went meanwhile */
}

static int list_from_url(const char *base, json_t **ret_groups, char *message, size_t message_bytes)
{
    json_t *root = NULL, *group;
    size_t i;
    int error = get_json(base, "/api/v1/groups", &root, message, message_bytes);
    json_t *groups = json_object_get(root, "groups");
    if (error == 0 && !json_is_array(groups)) {
        snprintf(message, message_bytes, "the receiver's list of groups is not as expected.");
        error = PANDO_ERR_SYNTAX;
    }
    if (error == 0)
        json_array_foreach(groups, i, group)
            if (error == 0)
                error = add_hosts_from_url(base, group, message, message_bytes);
    if (error == 0)
        *ret_groups = json_incref(groups);
    json_decref(root);
    return error;
}

static int add_group(void *context, const struct pando_store_group *group)
{
    return json_array_append_new(context, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", group->name, "profiles",
                                                    (json_int_t)group->profiles, "samples", (json_int_t)group->samples, "firstStartMs",
                                                    (json_int_t)group->first_start_ms, "lastEndMs", (json_int_t)group->last_end_ms));
}

static int add_host(void *context, const struct pando_store_source *source)
{
    return json_array_append_new(context, json_pack("{s:s, s:I, s:I, s:I, s:I}", "host", source->host, "profiles",
                                                    (json_int_t)source->profiles, "samples", (json_int_t)source->samples, "cpuNs",
                                                    (json_int_t)source->cpu_ns, "wallNs", (json_int_t)source->wall_ns));
}

static int list_from_store(const char *path, json_t **ret_groups, char *message, size_t message_bytes)
{
    struct pando_store *store;
    pando_progress_begin("reading %s", path);
    int error = pando_store_open(path, true, &store, message, message_bytes);
    if (error != 0)
        return error;
    json_t *groups = json_array(), *group;
    size_t i;
    error = pando_store_groups(store, add_group, groups);
    json_array_foreach(groups, i, group) {
        json_t *hosts = json_array();
        const struct pando_store_query query = {.group = json_string_value(json_object_get(group, "name")), .end_ms = UINT64_MAX};
        if (error == 0)
            error = pando_store_sources(store, &query, PANDO_STORE_BY_HOST, add_host, hosts);
        json_object_set_new(group, "hosts", hosts);
    }
    pando_store_close(store);
    pando_progress_end();
    if (error == 0) {
        *ret_groups = groups;
        return 0;
    }
    json_decref(groups);
    snprintf(message, message_bytes, "the groups in %s cannot be read: %s.", path, pando_error_text(error));
    return error;
}

int pando_listing(const struct pando_source *source, json_t **ret_groups, char *message, size_t message_bytes)
{
    return source->url != NULL ? list_from_url(source->url, ret_groups, message, message_bytes)
                               : list_from_store(source->store_path, ret_groups, message, message_bytes);
}
