/* Why: what the page and the `pando` command read: the list of groups, and the sum of a time range as one call tree.
 * Context: own process; the connection's thread.
 * Nodes are columns (parents, frames, weights), a parent before its children: a hundred thousand of them are some megabytes,
 * written without a tree in memory and read without recursion. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "profile/export.h"
#include "profile/json_writer.h"
#include "receiver/page_api.h"
#include "receiver/page_file.h"
#include "receiver/routes.h"

static void write_number(struct pando_buffer *out, uint64_t value)
{
    pando_json_write_uint(out, pando_page_number(value));
}

static void write_member(struct pando_buffer *out, const char *name, uint64_t value)
{
    pando_json_member_uint(out, name, pando_page_number(value));
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

/* What can be downloaded, for the page's list. */
static void write_formats(struct pando_buffer *out)
{
    pando_buffer_append_text(out, ",\"formats\":[");
    for (const struct pando_export_format *format = pando_export_formats; format->name != NULL; format++)
        pando_buffer_append_format(out, "{\"name\":\"%s\",\"suffix\":\"%s\"},", format->name, format->suffixes[0]);
    pando_buffer_append_format(out, "{\"name\":\"%s\",\"suffix\":\"%s\"}]", pando_page_file_format.name,
                               pando_page_file_format.suffixes[0]);
}

void pando_serve_groups(struct pando_request *request)
{
    struct pando_buffer *out = &request->answer.body;
    pando_buffer_init(out, PANDO_PAGE_ANSWER_MAX_BYTES);
    pando_buffer_append_text(out, "{\"version\":\"" PANDO_VERSION "\"");
    write_formats(out);
    pando_buffer_append_text(out, ",\"groups\":[");
    if (out->failed == 0 && pando_store_groups(request->service->store, write_group, out) == PANDO_ERR_IO) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "The store cannot be read.");
        return;
    }
    pando_buffer_append_text(out, "]}");
    pando_page_finish(request);
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
        if (frame->line_max > frame->line_min)
            write_member(out, "lineEnd", frame->line_max);
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

static void write_objects(struct pando_buffer *out, const struct pando_profile *profile)
{
    pando_json_key(out, "objects");
    for (uint32_t i = 0; i < profile->object_count; i++) {
        const struct pando_profile_object *object = &profile->objects[i];
        pando_buffer_append_text(out, i == 0 ? "[{" : ",{");
        pando_json_member_text(out, "name", profile->strings[object->name]);
        pando_json_member_text(out, "path", profile->strings[object->path]);
        pando_json_member_text(out, "buildId", profile->strings[object->build_id]);
        pando_buffer_append_char(out, '}');
    }
    pando_buffer_append_char(out, ']');
}

enum line_column { LINE_FRAME, LINE_NUMBER, LINE_SELF, LINE_TOTAL };

static void write_line_column(struct pando_buffer *out, const struct pando_profile *profile, enum line_column column, bool is_wall)
{
    for (uint32_t i = 0; i < profile->line_count; i++) {
        const struct pando_profile_line *line = &profile->lines[i];
        const uint64_t numbers[] = {line->frame, line->line, is_wall ? line->wall_self : line->self, is_wall ? line->wall_total : line->total};
        if (i != 0)
            pando_buffer_append_char(out, ',');
        write_number(out, numbers[column]);
    }
}

/* What lines have of their functions' weight; of all threads, stacks and (of wall time) states, whatever the tree shows. */
static void write_lines(struct pando_buffer *out, const struct pando_profile *profile, bool is_wall)
{
    static const char *const names[] = {[LINE_FRAME] = "frame", [LINE_NUMBER] = "line", [LINE_SELF] = "selfNs", [LINE_TOTAL] = "totalNs"};
    pando_json_key(out, "lines");
    for (int column = LINE_FRAME; column <= LINE_TOTAL; column++) {
        pando_buffer_append_format(out, "%c\"%s\":[", column == LINE_FRAME ? '{' : ',', names[column]);
        write_line_column(out, profile, (enum line_column)column, is_wall);
        pando_buffer_append_char(out, ']');
    }
    pando_buffer_append_char(out, '}');
}

static uint64_t total_ns(const struct pando_profile *profile)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        total = total > UINT64_MAX - profile->nodes[i].self ? UINT64_MAX : total + profile->nodes[i].self;
    return total;
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

void pando_page_write_tree(struct pando_buffer *out, const char *group, const struct pando_page_sum *sum)
{
    const struct pando_profile *profile = sum->shown;
    const struct pando_profile_meta *meta = &profile->meta;
    pando_buffer_append_format(out, "{\"group\":\"%s\",\"unit\":\"nanoseconds\"", group);
    write_member(out, "startMs", meta->start_wall_ms);
    write_member(out, "endMs", meta->end_wall_ms);
    write_member(out, "profiles", sum->count);
    write_member(out, "samples", meta->samples);
    write_member(out, "totalNs", total_ns(profile));
    write_member(out, "cpuTimeNs", meta->cpu_time_s < 9e9 ? (uint64_t)(meta->cpu_time_s * 1e9 + 0.5) : INT64_MAX);
    write_member(out, "overheadNs", meta->overhead_cpu_ms < INT64_MAX / 1000000 ? meta->overhead_cpu_ms * 1000000 : INT64_MAX);
    write_member(out, "overheadMib", meta->overhead_memory_mib);
    write_member(out, "activeMs", meta->active_ms);
    if (sum->has_states)
        write_states(out, sum->totals, sum->view);
    if (sum->is_part) /* samples, losses and the CPU time of the process are those of all threads */
        write_member(out, "wholeNs", total_ns(sum->whole));
    pando_page_write_slices(out, sum->whole);
    pando_json_member_text(out, "processName", profile->strings[meta->process_name]);
    pando_json_member_text(out, "hostName", profile->strings[meta->host_name]);
    pando_json_member_text(out, "agentType", profile->strings[meta->agent_type]);
    pando_json_member_text(out, "agentVersion", profile->strings[meta->agent_version]);
    pando_json_member_text(out, "runtimeVersion", profile->strings[meta->runtime_version]);
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
    pando_buffer_append_text(out, "]}");
    if (profile->object_count != 0)
        write_objects(out, profile);
    if (profile->line_count != 0)
        write_lines(out, profile, sum->view != PANDO_VIEW_CPU);
    pando_buffer_append_char(out, '}');
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
    pando_buffer_init(&request->answer.body, PANDO_PAGE_ANSWER_MAX_BYTES);
    pando_buffer_append_format(&request->answer.body, "{\"group\":\"%s\",\"profiles\":0}", request->group);
    pando_page_finish(request);
}

/* A page that follows asks again and again: as long as the range holds the same profiles, it is told so without a sum. */
void pando_serve_tree(struct pando_request *request)
{
    struct pando_page_query query;
    if (pando_page_query_take(request, &query) != 0)
        return;
    struct pando_store_range range = {0};
    int error = pando_store_find(request->service->store, &query.store, &range);
    if (range.count == 0 && (error == 0 || error == PANDO_ERR_NOT_FOUND) && may_be_empty(request)) {
        answer_empty(request);
        return;
    }
    if (error == 0 && range.count != 0) {
        char etag[PANDO_ETAG_BYTES];
        snprintf(etag, sizeof etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
                 request->service->run_id, range.count, range.first_id, range.last_id, range.id_sum, query.mark);
        if (pando_request_unchanged(request, etag))
            return;
    }
    struct pando_page_sum sum;
    if (pando_page_sum(request, &query, &sum) != 0)
        return;
    pando_buffer_init(&request->answer.body, PANDO_PAGE_ANSWER_MAX_BYTES);
    pando_page_write_tree(&request->answer.body, request->group, &sum);
    pando_page_finish(request);
    pando_page_sum_release(&sum);
    if (request->answer.status != 200)
        request->answer.etag[0] = '\0';
}
