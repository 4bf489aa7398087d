/* Why: a profile as the body of PostAgentProfile: the members, their order and their types are those that the public
 * Python agent sends, since the service publishes no schema. docs/delivery.md has the form.
 * Context: worker and own processes. Streams into a buffer; a stack of a thousand frames costs no C stack. */
#include "profile/codeguru_json.h"

#include <string.h>
#include <time.h>

#include "base/error.h"
#include "profile/codeguru_tree.h"
#include "profile/json_writer.h"

/* The counters that the service knows by name; all others go to genericMetrics. */
static const char *const error_counters[] = {
    "errorsCount",
    "sdkClientErrors",
    "configureAgentErrors",
    "configureAgentRnfeAutoCreateEnabledErrors",
    "createProfilingGroupErrors",
    "postAgentProfileErrors",
    "postAgentProfileRnfeAutoCreateEnabledErrors",
};
enum { ERROR_COUNTERS = sizeof error_counters / sizeof error_counters[0] };

static void key(struct pando_buffer *out, const char *name)
{
    if (out->len_bytes != 0 && out->bytes[out->len_bytes - 1] != '{')
        pando_buffer_append_char(out, ',');
    pando_json_write_string(out, name);
    pando_buffer_append_char(out, ':');
}

static void member_uint(struct pando_buffer *out, const char *name, uint64_t value)
{
    key(out, name);
    pando_json_write_uint(out, value);
}

static void member_double(struct pando_buffer *out, const char *name, double value)
{
    key(out, name);
    pando_json_write_double(out, value);
}

static void member_text(struct pando_buffer *out, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    key(out, name);
    pando_json_write_string(out, text);
}

static void open_object(struct pando_buffer *out, const char *name)
{
    key(out, name);
    pando_buffer_append_char(out, '{');
}

static void close_object(struct pando_buffer *out)
{
    pando_buffer_append_char(out, '}');
}

static const char *counter_name(const struct pando_profile *profile)
{
    const char *name = profile->strings[profile->meta.counter_name];
    return name[0] != '\0' ? name : "WALL_TIME";
}

/* A profile without states has its one counter, with or without weight in it. */
static void write_weights(struct pando_buffer *out, const struct pando_profile *profile, const struct pando_codeguru_tree *tree)
{
    double weight_per_second = profile->meta.weight_per_second > 0 ? profile->meta.weight_per_second : 1.0;
    open_object(out, "sampleWeights");
    if (tree->states == NULL || (tree->seen & 1u << PANDO_PROFILE_NO_STATE) != 0)
        member_double(out, counter_name(profile), weight_per_second);
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; state < PANDO_PROFILE_STATES; state++)
        if ((tree->seen & 1u << state) != 0)
            member_double(out, pando_profile_state_name((enum pando_profile_state)state), weight_per_second);
    close_object(out);
}

static void write_fleet(struct pando_buffer *out, const struct pando_profile *profile)
{
    const struct pando_profile_meta *meta = &profile->meta;
    if (meta->fleet_info != 0) {
        key(out, "fleetInfo");
        pando_buffer_append_text(out, profile->strings[meta->fleet_info]);
        return;
    }
    open_object(out, "fleetInfo");
    member_text(out, "id", meta->fleet_id);
    member_text(out, "type", "UNKNOWN");
    if (meta->vcpus != 0)
        member_uint(out, "vCPUs", meta->vcpus);
    close_object(out);
}

static void write_metadata(struct pando_buffer *out, const struct pando_profile *profile, const struct pando_codeguru_tree *tree)
{
    const struct pando_profile_meta *meta = &profile->meta;
    open_object(out, "agentMetadata");
    write_weights(out, profile, tree);
    member_uint(out, "durationInMs", meta->active_ms);
    write_fleet(out, profile);
    open_object(out, "agentInfo");
    member_text(out, "type", profile->strings[meta->agent_type]);
    member_text(out, "version", profile->strings[meta->agent_version]);
    close_object(out);
    open_object(out, "agentOverhead");
    member_uint(out, "memoryInMB", meta->overhead_memory_mib);
    if (meta->overhead_cpu_ms != 0)
        member_uint(out, "timeInMs", meta->overhead_cpu_ms);
    close_object(out);
    member_text(out, "runtimeVersion", profile->strings[meta->runtime_version]);
    member_double(out, "cpuTimeInSeconds", meta->cpu_time_s);
    open_object(out, "metrics");
    member_double(out, "numThreads", meta->mean_threads);
    close_object(out);
    member_uint(out, "numTimesSampled", meta->samples);
    close_object(out);
}

static void write_counts(struct pando_buffer *out, const struct pando_codeguru_tree *tree, uint32_t at, const char *counter)
{
    const uint64_t *states = tree->states != NULL ? tree->states[at] : NULL;
    bool any = tree->nodes[at].self != 0;
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; states != NULL && state < PANDO_PROFILE_STATES; state++)
        any = any || states[state] != 0;
    if (!any)
        return;
    open_object(out, "counts");
    if (tree->nodes[at].self != 0)
        member_uint(out, counter, tree->nodes[at].self);
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; states != NULL && state < PANDO_PROFILE_STATES; state++)
        if (states[state] != 0)
            member_uint(out, pando_profile_state_name((enum pando_profile_state)state), states[state]);
    close_object(out);
}

/* A node up to its children. */
static void write_node_head(struct pando_buffer *out, const struct pando_codeguru_tree *tree, uint32_t at, const char *counter)
{
    const struct pando_codeguru_node *node = &tree->nodes[at];
    pando_buffer_append_char(out, '{');
    write_counts(out, tree, at, counter);
    member_text(out, "file", node->file);
    if (node->line_min != 0) {
        key(out, "line");
        pando_buffer_append_char(out, '[');
        pando_json_write_uint(out, node->line_min);
        if (node->line_max > node->line_min) {
            pando_buffer_append_char(out, ',');
            pando_json_write_uint(out, node->line_max);
        }
        pando_buffer_append_char(out, ']');
    }
}

static void write_callgraph(struct pando_buffer *out, const struct pando_codeguru_tree *tree, const char *counter)
{
    key(out, "callgraph");
    uint32_t at = 0;
    write_node_head(out, tree, 0, counter);
    while (out->failed == 0) {
        if (tree->nodes[at].first_child != PANDO_CODEGURU_NO_NODE) {
            open_object(out, "children");
            at = tree->nodes[at].first_child;
        } else {
            close_object(out);
            while (at != 0 && tree->nodes[at].next_sibling == PANDO_CODEGURU_NO_NODE) {
                at = tree->nodes[at].parent;
                close_object(out); /* its children */
                close_object(out); /* itself */
            }
            if (at == 0)
                return;
            at = tree->nodes[at].next_sibling;
        }
        key(out, tree->nodes[at].key);
        write_node_head(out, tree, at, counter);
    }
}

static int error_counter(const char *name)
{
    for (int i = 0; i < ERROR_COUNTERS; i++)
        if (strcmp(name, error_counters[i]) == 0)
            return i;
    return -1;
}

static void write_counters(struct pando_buffer *out, const struct pando_profile *profile)
{
    uint64_t errors[ERROR_COUNTERS] = {0};
    uint32_t others = 0;
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        int known = error_counter(profile->strings[profile->counters[i].name]);
        if (known >= 0)
            errors[known] = profile->counters[i].value;
        else
            others++;
    }
    open_object(out, "errorsCount");
    for (int i = 0; i < ERROR_COUNTERS; i++)
        member_uint(out, error_counters[i], errors[i]);
    close_object(out);
    if (others == 0)
        return;
    open_object(out, "genericMetrics");
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        const char *name = profile->strings[profile->counters[i].name];
        if (error_counter(name) < 0)
            member_double(out, name, (double)profile->counters[i].value);
    }
    close_object(out);
}

static void write_debug_info(struct pando_buffer *out, const struct pando_profile *profile)
{
    const struct pando_profile_meta *meta = &profile->meta;
    open_object(out, "debugInfo");
    char stamp[64];
    time_t seconds = (time_t)(meta->agent_start_wall_ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) != NULL && strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc) != 0) {
        key(out, "agentStartTime");
        pando_buffer_append_format(out, "\"%s.%03uZ\"", stamp, (unsigned)(meta->agent_start_wall_ms % 1000));
    }
    member_uint(out, "processId", meta->pid);
    write_counters(out, profile);
    /* The form has no room for these two elsewhere; the service is not known to read them, Pando's receiver does. */
    member_text(out, "processName", profile->strings[meta->process_name]);
    member_text(out, "hostName", profile->strings[meta->host_name]);
    close_object(out);
}

int pando_codeguru_json_encode(const struct pando_profile *profile, struct pando_buffer *out)
{
    struct pando_codeguru_tree tree;
    int error = pando_codeguru_tree_make(profile, &tree);
    if (error != 0)
        return error;
    uint64_t start = profile->meta.start_wall_ms;
    uint64_t end = profile->meta.end_wall_ms;
    pando_buffer_append_char(out, '{');
    member_uint(out, "start", start);
    /* The wall clock may have been set back meanwhile: better a short interval than one that is refused. */
    member_uint(out, "end", end > start ? end : start + 1);
    write_metadata(out, profile, &tree);
    write_callgraph(out, &tree, counter_name(profile));
    write_debug_info(out, profile);
    close_object(out);
    pando_codeguru_tree_release(&tree);
    return out->failed;
}
