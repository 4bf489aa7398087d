/* Why: files of what only the page knows: a tree seen through its lens, a comparison. The page sends the trees that it shows, and gets them
 * back as a file, so that no second place has to know what its lens does, and every encoder is there once.
 * Body: {"trees": [TREE] or [TREE, BASE], "title", "baseTitle", "nsPerSample", "baseNsPerSample", "clock", "view"}; a TREE is as
 * GET .../tree answers it (for an encoder with state=raw). Nothing is kept of it.
 * Context: own process; the connection's thread. What comes is only as good as who sends it, and goes back to him. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/compare_write.h"
#include "profile/export.h"
#include "receiver/page_api.h"
#include "receiver/page_file.h"
#include "receiver/routes.h"
#include "receiver/tree_json.h"

enum { CHANGES_SHOWN = 30, MESSAGE_BYTES = 256 };
#define UNKNOWN_NS_PER_SAMPLE 1e7

/* What was sent. */
struct shown {
    json_t *root, *trees;
    size_t count;                       /* 1 or 2 */
    struct pando_profile *profiles[2];  /* as far as they are needed */
    uint64_t profile_count;
};

static const char *text_of(const json_t *root, const char *name, const char *otherwise)
{
    const json_t *value = json_object_get(root, name);
    return json_is_string(value) ? json_string_value(value) : otherwise;
}

static double ns_per_sample(const json_t *root, const char *name)
{
    double value = json_number_value(json_object_get(root, name));
    return value > 0 && value < 1e18 ? value : 0;
}

static int take_profiles(struct pando_request *request, struct shown *shown)
{
    char message[MESSAGE_BYTES];
    for (size_t i = 0; i < shown->count; i++) {
        uint64_t count;
        if (pando_tree_json_take(json_array_get(shown->trees, i), &shown->profiles[i], &count, message, sizeof message) != 0)
            return pando_request_refuse(request, 400, PANDO_VALIDATION, "Tree %zu of the body is no call tree as GET .../tree answers it.", i + 1);
        shown->profile_count = i == 0 ? count : shown->profile_count;
    }
    return 0;
}

static int write_html(const struct shown *shown, struct pando_buffer *out)
{
    char *texts[3] = {0};
    const json_t *const values[3] = {json_array_get(shown->trees, 0), json_array_get(shown->trees, 1), json_object_get(shown->root, "view")};
    int error = 0;
    for (size_t i = 0; i < 3 && error == 0; i++)
        if (values[i] != NULL && (texts[i] = json_dumps(values[i], JSON_COMPACT | JSON_ENCODE_ANY)) == NULL)
            error = PANDO_ERR_NO_MEMORY;
    if (error == 0)
        error = pando_page_file_write_trees(&(struct pando_page_file_trees){texts[0], texts[1], texts[2]}, out);
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
    return error;
}

static int write_comparison(const struct pando_export_format *format, const struct shown *shown, struct pando_buffer *out)
{
    /* A is what it is compared with, which comes second. */
    const struct pando_profile *a = shown->profiles[1], *b = shown->profiles[0];
    if (strcmp(format->name, "folded") == 0)
        return pando_compare_write_folded(out, a, b);
    const struct pando_compare_about about = {.title_a = text_of(shown->root, "baseTitle", "A"), .title_b = text_of(shown->root, "title", "B"),
                                              .clock = text_of(shown->root, "clock", "time"), .top = CHANGES_SHOWN};
    double of_a = ns_per_sample(shown->root, "baseNsPerSample"), of_b = ns_per_sample(shown->root, "nsPerSample");
    struct pando_compare compare;
    int error = pando_compare_make(&(struct pando_compare_side){a, of_a > 0 ? of_a : UNKNOWN_NS_PER_SAMPLE},
                                   &(struct pando_compare_side){b, of_b > 0 ? of_b : UNKNOWN_NS_PER_SAMPLE}, &compare);
    if (error == 0 && strcmp(format->name, "markdown") == 0) {
        pando_compare_write_markdown(out, &compare, &about);
    } else if (error == 0) {
        pando_buffer_append_char(out, '{');
        pando_compare_write_json(out, &compare, &about);
        pando_buffer_append_text(out, "}\n");
    }
    pando_compare_release(&compare);
    return error != 0 ? error : out->failed;
}

static int write_profile(const struct pando_export_format *format, unsigned view, const struct pando_request *request,
                         const struct shown *shown, struct pando_buffer *out)
{
    uint64_t totals[PANDO_PROFILE_STATES];
    pando_profile_state_totals(shown->profiles[0], totals);
    const struct pando_export_about about = {
        .title = request->group, .profile_count = shown->profile_count, .view = pando_profile_view_settle(view, totals),
        .ns_per_sample = ns_per_sample(shown->root, "nsPerSample")};
    return pando_page_encode(format, shown->profiles[0], &about, out);
}

static bool can_compare(const struct pando_export_format *format)
{
    static const char *const names[] = {"html", "markdown", "folded", "json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(format->name, names[i]) == 0)
            return true;
    return false;
}

static void answer(struct pando_request *request, const struct pando_export_format *format, unsigned view, struct shown *shown)
{
    struct pando_buffer *out = &request->answer.body;
    bool is_html = format->encode == pando_page_file_format.encode;
    if (shown->count == 2 && !can_compare(format)) {
        pando_request_refuse(request, 400, PANDO_VALIDATION, "A comparison is html, markdown, folded or json, not %s.", format->name);
        return;
    }
    if (!is_html && take_profiles(request, shown) != 0)
        return;
    pando_buffer_init(out, PANDO_PAGE_ANSWER_MAX_BYTES);
    int error = is_html             ? write_html(shown, out)
                : shown->count == 2 ? write_comparison(format, shown, out)
                                    : write_profile(format, view, request, shown, out);
    if (error != 0) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "This is too large for a file; choose a shorter time.");
        return;
    }
    pando_page_finish(request);
    request->answer.content_type = format->content_type;
    snprintf(request->answer.file_name, sizeof request->answer.file_name, "%s%s", request->group, format->suffixes[0]);
}

/* A comparison has JSON of its own. */
static const struct pando_export_format json_format = {"json", "application/json", {".json"}, false, false, NULL};

void pando_serve_shown(struct pando_request *request)
{
    struct pando_page_query query;
    unsigned count;
    const char *name = pando_request_query(request, "format", &count);
    const struct pando_export_format *format =
        count == 1 && name != NULL && strcmp(name, json_format.name) == 0 ? &json_format : pando_page_take_format(request);
    if (format == NULL || pando_page_query_take(request, &query) != 0)
        return;
    while (sem_wait(&request->service->merging) != 0)
        continue;
    struct shown shown = {.root = json_loadb(request->body.bytes != NULL ? request->body.bytes : "", request->body.len_bytes, JSON_REJECT_DUPLICATES, NULL)};
    shown.trees = json_object_get(shown.root, "trees");
    shown.count = json_array_size(shown.trees);
    if (shown.count < 1 || shown.count > 2 || !json_is_object(json_array_get(shown.trees, 0)) || (shown.count == 1 && format == &json_format))
        pando_request_refuse(request, 400, PANDO_VALIDATION, "The body must be JSON with one or two \"trees\" (two for format=json).");
    else
        answer(request, format, query.view, &shown);
    json_decref(shown.root);
    for (size_t i = 0; i < 2; i++)
        pando_profile_free(shown.profiles[i]);
    sem_post(&request->service->merging);
}
