/* Why: what the page and the `pando` command read: the list of groups, and the sum of a time range as one call tree.
 * Context: own process; the connection's thread.
 * Nodes are columns (parents, frames, weights), a parent before its children: a hundred thousand of them are some megabytes,
 * written without a tree in memory and read without recursion. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "profile/json_writer.h"
#include "profile/states.h"
#include "receiver/routes.h"
#include "receiver/store.h"

enum { ANSWER_MAX_BYTES = 1 << 29 };
#define NUMBER_MAX INT64_MAX /* what common readers of JSON take; counters are other people's claims */

static void write_number(struct pando_buffer *out, uint64_t value)
{
    pando_json_write_uint(out, value < NUMBER_MAX ? value : NUMBER_MAX - 1);
}

static void write_member(struct pando_buffer *out, const char *name, uint64_t value)
{
    pando_buffer_append_format(out, ",\"%s\":", name);
    write_number(out, value);
}

static void finish(struct pando_request *request)
{
    struct pando_answer *answer = &request->answer;
    if (answer->body.failed != 0) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The answer is too large; choose a shorter time.");
        return;
    }
    answer->status = 200;
    answer->content_type = PANDO_TYPE_JSON;
}

static int write_group(void *context, const struct pando_store_group *group)
{
    struct pando_buffer *out = context;
    if (out->bytes[out->len_bytes - 1] != '[')
        pando_buffer_append_char(out, ',');
    pando_buffer_append_text(out, "{\"name\":");
    pando_json_write_string(out, group->name);
    write_member(out, "profiles", group->profiles);
    write_member(out, "samples", group->samples);
    write_member(out, "firstStartMs", group->first_start_ms);
    write_member(out, "lastEndMs", group->last_end_ms);
    pando_buffer_append_char(out, '}');
    return out->failed;
}

void pando_serve_groups(struct pando_request *request)
{
    struct pando_buffer *out = &request->answer.body;
    pando_buffer_init(out, ANSWER_MAX_BYTES);
    pando_buffer_append_text(out, "{\"version\":\"" PANDO_VERSION "\",\"groups\":[");
    if (out->failed == 0 && pando_store_groups(request->service->store, write_group, out) == PANDO_ERR_IO) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The store cannot be read.");
        return;
    }
    pando_buffer_append_text(out, "]}");
    finish(request);
}

static int take_time(struct pando_request *request, const char *name, uint64_t *ret_ms)
{
    unsigned count;
    const char *text = pando_request_query(request, name, &count);
    if (count == 0)
        return 0;
    struct pando_cursor cursor = pando_cursor_of_text(text != NULL ? text : "");
    if (count == 1 && pando_cursor_decimal(&cursor, UINT64_MAX, ret_ms) == 0 && pando_cursor_at_end(&cursor))
        return 0;
    return pando_request_refuse(request, 400, PANDO_VALIDATION, "%s must be given once, in milliseconds since 1970.", name);
}

static void write_frames(struct pando_buffer *out, const struct pando_profile *profile)
{
    for (uint32_t i = 0; i < profile->frame_count; i++) {
        const struct pando_profile_frame *frame = &profile->frames[i];
        pando_buffer_append_text(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        pando_json_write_string(out, profile->strings[frame->name]);
        pando_buffer_append_text(out, ",\"object\":");
        pando_json_write_string(out, profile->strings[frame->object]);
        if (frame->file != 0) {
            pando_buffer_append_text(out, ",\"file\":");
            pando_json_write_string(out, profile->strings[frame->file]);
        }
        if (frame->line_min != 0)
            write_member(out, "line", frame->line_min);
        pando_buffer_append_char(out, '}');
    }
}

enum column { PARENT, FRAME, SELF };

static void write_column(struct pando_buffer *out, const struct pando_profile *profile, enum column column)
{
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        if (i != 0)
            pando_buffer_append_char(out, ',');
        write_number(out, column == PARENT ? node->parent : column == FRAME ? node->frame : node->self);
    }
}

static void write_text_member(struct pando_buffer *out, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    pando_buffer_append_format(out, ",\"%s\":", name);
    pando_json_write_string(out, text);
}

static uint64_t total_ns(const struct pando_profile *profile)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        total = total > UINT64_MAX - profile->nodes[i].self ? UINT64_MAX : total + profile->nodes[i].self;
    return total;
}

/* What is asked for: a view, or the tree with its states in it, for who makes views himself. */
struct wish {
    unsigned view;
    bool is_raw;
};

static int take_wish(struct pando_request *request, struct wish *wish)
{
    const char *text = pando_request_query(request, "state", NULL);
    wish->is_raw = text != NULL && strcmp(text, "raw") == 0;
    wish->view = PANDO_VIEW_DEFAULT;
    if (wish->is_raw || pando_profile_view_parse(text, &wish->view))
        return 0;
    return pando_request_refuse(request, 400, PANDO_VALIDATION,
                                "state must be CPU, all, raw, or states such as RUNNABLE or WAITING, with commas between.");
}

/* How much there is of each, and which the tree shows: of profiles with wall time only. */
static void write_states(struct pando_buffer *out, const uint64_t totals[PANDO_PROFILE_STATES], unsigned view)
{
    bool is_first = true;
    pando_buffer_append_text(out, ",\"states\":{");
    for (unsigned state = 0; state < PANDO_PROFILE_STATES; state++) {
        if (totals[state] == 0)
            continue;
        pando_buffer_append_format(out, "%s\"%s\":", is_first ? "" : ",", pando_profile_state_name((enum pando_profile_state)state));
        write_number(out, totals[state]);
        is_first = false;
    }
    pando_buffer_append_format(out, "},\"clock\":\"%s\"", view == PANDO_VIEW_CPU ? "cpu" : "wall");
}

static void write_tree(struct pando_buffer *out, const char *group, const struct pando_profile *profile, uint64_t count,
                       const uint64_t *totals, unsigned view)
{
    const struct pando_profile_meta *meta = &profile->meta;
    pando_buffer_append_format(out, "{\"group\":\"%s\",\"unit\":\"nanoseconds\"", group);
    write_member(out, "startMs", meta->start_wall_ms);
    write_member(out, "endMs", meta->end_wall_ms);
    write_member(out, "profiles", count);
    write_member(out, "samples", meta->samples);
    write_member(out, "totalNs", total_ns(profile));
    write_member(out, "cpuTimeNs", meta->cpu_time_s < 9e9 ? (uint64_t)(meta->cpu_time_s * 1e9 + 0.5) : NUMBER_MAX);
    write_member(out, "overheadNs", meta->overhead_cpu_ms < NUMBER_MAX / 1000000 ? meta->overhead_cpu_ms * 1000000 : NUMBER_MAX);
    write_member(out, "overheadMib", meta->overhead_memory_mib);
    write_member(out, "activeMs", meta->active_ms);
    if (totals != NULL)
        write_states(out, totals, view);
    write_text_member(out, "processName", profile->strings[meta->process_name]);
    write_text_member(out, "hostName", profile->strings[meta->host_name]);
    write_text_member(out, "agentType", profile->strings[meta->agent_type]);
    write_text_member(out, "agentVersion", profile->strings[meta->agent_version]);
    write_text_member(out, "runtimeVersion", profile->strings[meta->runtime_version]);
    pando_buffer_append_text(out, ",\"counters\":{");
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        if (i != 0)
            pando_buffer_append_char(out, ',');
        pando_json_write_string(out, profile->strings[profile->counters[i].name]);
        pando_buffer_append_char(out, ':');
        write_number(out, profile->counters[i].value);
    }
    pando_buffer_append_text(out, "},\"frames\":[");
    write_frames(out, profile);
    pando_buffer_append_text(out, "],\"nodes\":{\"parent\":[");
    write_column(out, profile, PARENT);
    pando_buffer_append_text(out, "],\"frame\":[");
    write_column(out, profile, FRAME);
    pando_buffer_append_text(out, "],\"selfNs\":[");
    write_column(out, profile, SELF);
    pando_buffer_append_text(out, "]}}");
}

/* A range without profiles is an error to who wants their sum, but nothing out of the way for a page: a browser would put each
 * 404 on its console. */
static bool may_be_empty(const struct pando_request *request)
{
    const char *empty = pando_request_query(request, "empty", NULL);
    return empty != NULL && strcmp(empty, "allow") == 0;
}

static void answer_empty(struct pando_request *request)
{
    pando_buffer_init(&request->answer.body, ANSWER_MAX_BYTES);
    pando_buffer_append_format(&request->answer.body, "{\"group\":\"%s\",\"profiles\":0}", request->group);
    finish(request);
}

static void answer_view(struct pando_request *request, struct pando_profile *profile, uint64_t count, const struct wish *wish)
{
    uint64_t totals[PANDO_PROFILE_STATES];
    bool has_states = pando_profile_state_totals(profile, totals);
    struct pando_profile *shown = profile;
    int error = wish->is_raw ? 0 : pando_profile_view(profile, wish->view, &shown);
    if (error == 0) {
        pando_buffer_init(&request->answer.body, ANSWER_MAX_BYTES);
        write_tree(&request->answer.body, request->group, shown, count, has_states ? totals : NULL,
                   pando_profile_view_settle(wish->view, totals));
        finish(request);
    } else {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "There is no memory for this view.");
    }
    if (error == 0 && shown != profile)
        pando_profile_free(shown);
    pando_profile_free(profile);
}

static void merge(struct pando_request *request, uint64_t start_ms, uint64_t end_ms, const struct wish *wish)
{
    struct pando_profile *profile;
    uint64_t count;
    char message[PANDO_ANSWER_MESSAGE_BYTES] = "There is no memory for the sum of these profiles.";
    int error = pando_store_merge(request->service->store, request->group, start_ms, end_ms, &profile, &count, message,
                                  sizeof message);
    if (error == PANDO_ERR_NOT_FOUND) {
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "%s", message);
    } else if (error != 0) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "%s", message);
    } else {
        answer_view(request, profile, count, wish);
    }
}

/* A page that follows asks again and again: as long as the range holds the same profiles, it is told so without a sum. */
void pando_serve_tree(struct pando_request *request)
{
    uint64_t start_ms = 0, end_ms = UINT64_MAX;
    struct wish wish;
    if (take_wish(request, &wish) != 0)
        return;
    if (take_time(request, "start", &start_ms) != 0 || take_time(request, "end", &end_ms) != 0)
        return;
    if (start_ms > end_ms) {
        pando_request_refuse(request, 400, PANDO_VALIDATION, "start must not be after end.");
        return;
    }
    struct pando_store_range range = {0};
    int error = pando_store_range(request->service->store, request->group, start_ms, end_ms, &range);
    if (range.count == 0 && (error == 0 || error == PANDO_ERR_NOT_FOUND) && may_be_empty(request)) {
        answer_empty(request);
        return;
    }
    if (error == 0 && range.count != 0) {
        char etag[PANDO_ETAG_BYTES];
        snprintf(etag, sizeof etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%x\"", request->service->run_id,
                 range.count, range.first_id, range.last_id, range.id_sum, wish.view + wish.is_raw * 256u);
        if (pando_request_unchanged(request, etag))
            return;
    }
    while (sem_wait(&request->service->merging) != 0)
        continue;
    merge(request, start_ms, end_ms, &wish);
    sem_post(&request->service->merging);
    if (request->answer.status != 200)
        request->answer.etag[0] = '\0';
}
