/* Why: cli/report_json.h. Context: own process. */
#include "cli/report_json.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "cli/top_table.h"

static json_t *top_of(const struct pando_profile *profile, const struct pando_weights *weights, uint32_t limit)
{
    json_t *top = json_array();
    uint32_t *frames = calloc((size_t)limit + 1, sizeof *frames);
    uint32_t count = frames != NULL ? pando_weights_top(profile, weights, limit, frames) : 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t self = weights->frame_self[frames[i]], total = weights->frame_total[frames[i]];
        const struct pando_profile_frame *frame = &profile->frames[frames[i]];
        json_array_append_new(top, json_pack("{s:s, s:s, s:I, s:I, s:f, s:f}",
            "name", profile->strings[frame->name], "object", profile->strings[frame->object],
            "selfNs", (json_int_t)self, "totalNs", (json_int_t)total,
            "selfPercent", pando_percent(self, weights->total), "totalPercent", pando_percent(total, weights->total)));
    }
    free(frames);
    return top;
}

static json_t *frames_of(const struct pando_profile *profile)
{
    json_t *frames = json_array();
    for (uint32_t i = 0; i < profile->frame_count; i++) {
        const struct pando_profile_frame *frame = &profile->frames[i];
        json_t *item = json_pack("{s:s, s:s}", "name", profile->strings[frame->name], "object",
                                 profile->strings[frame->object]);
        if (frame->file != 0)
            json_object_set_new(item, "file", json_string(profile->strings[frame->file]));
        if (frame->line_min != 0)
            json_object_set_new(item, "line", json_integer(frame->line_min));
        json_array_append_new(frames, item);
    }
    return frames;
}

static json_t *nodes_of(const struct pando_profile *profile)
{
    json_t *parents = json_array(), *frames = json_array(), *selves = json_array();
    for (uint32_t i = 0; i < profile->node_count; i++) {
        json_array_append_new(parents, json_integer(profile->nodes[i].parent));
        json_array_append_new(frames, json_integer(profile->nodes[i].frame));
        json_array_append_new(selves, json_integer((json_int_t)profile->nodes[i].self));
    }
    return json_pack("{s:o, s:o, s:o}", "parent", parents, "frame", frames, "selfNs", selves);
}

static json_t *counters_of(const struct pando_profile *profile)
{
    json_t *counters = json_object();
    for (uint32_t i = 0; i < profile->counter_count; i++)
        json_object_set_new(counters, profile->strings[profile->counters[i].name],
                            json_integer((json_int_t)profile->counters[i].value));
    return counters;
}

static json_t *states_of(const struct pando_shown *shown)
{
    json_t *states = json_object();
    for (unsigned state = 0; state < PANDO_PROFILE_STATES; state++)
        if (shown->totals[state] != 0)
            json_object_set_new(states, pando_profile_state_name((enum pando_profile_state)state),
                                json_integer((json_int_t)shown->totals[state]));
    return states;
}

/* In the form of the receiver's answers: of threads (key "": only they have it) or of labels. */
static json_t *sums_of(const struct pando_slice_sums *sums, bool of_threads)
{
    json_t *values = json_array();
    for (uint32_t i = 0; i < sums->count; i++) {
        const struct pando_slice_sum *sum = &sums->sums[i];
        if ((sum->key[0] == '\0') != of_threads)
            continue;
        json_t *item = json_pack("{s:s, s:I, s:I}", "value", sum->value, "cpuNs", (json_int_t)sum->cpu, "wallNs", (json_int_t)sum->wall);
        if (!of_threads)
            json_object_set_new(item, "key", json_string(sum->key));
        json_array_append_new(values, item);
    }
    return values;
}

int pando_report_json_print(FILE *out, const char *group, const struct pando_shown *shown,
                            const struct pando_weights *weights, uint64_t profile_count, uint32_t top_limit)
{
    const struct pando_profile *profile = shown->profile;
    json_t *report = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:{s:o, s:o}}",
        "group", group, "totalNs", (json_int_t)weights->total, "samples", (json_int_t)profile->meta.samples,
        "profiles", (json_int_t)profile_count, "startMs", (json_int_t)profile->meta.start_wall_ms,
        "endMs", (json_int_t)profile->meta.end_wall_ms, "counters", counters_of(profile),
        "top", top_of(profile, weights, top_limit),
        "tree", "frames", frames_of(profile), "nodes", nodes_of(profile));
    if (report == NULL)
        return PANDO_ERR_NO_MEMORY;
    if (shown->has_states)
        json_object_set_new(report, "states", states_of(shown));
    if (shown->slice_sums.count != 0) {
        json_object_set_new(report, "threads", sums_of(&shown->slice_sums, true));
        json_object_set_new(report, "labels", sums_of(&shown->slice_sums, false));
    }
    int failed = json_dumpf(report, out, JSON_INDENT(0));
    json_decref(report);
    return failed == 0 && fputc('\n', out) != EOF ? 0 : PANDO_ERR_IO;
}
