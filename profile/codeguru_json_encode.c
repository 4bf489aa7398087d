/* Why: a profile as the body of PostAgentProfile: the members, their order and their types are those that the public
 * Python agent sends, since the service publishes no schema. docs/delivery.md has the form.
 * Context: worker and own processes. Streams into a buffer; a stack of a thousand frames costs no C stack. */
#include "profile/codeguru_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "profile/codeguru_extension.h"
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

static const char *counter_name(const struct pando_profile *profile)
{
    const char *name = profile->strings[profile->meta.counter_name];
    return name[0] != '\0' ? name : "WALL_TIME";
}

/* A profile without states has its one counter, with or without weight in it. */
static void write_weights(struct pando_buffer *out, const struct pando_profile *profile, const struct pando_codeguru_tree *tree)
{
    double weight_per_second = profile->meta.weight_per_second > 0 ? profile->meta.weight_per_second : 1.0;
    pando_json_open(out, "sampleWeights");
    if (tree->states == NULL || (tree->seen & 1u << PANDO_PROFILE_NO_STATE) != 0)
        pando_json_member_double(out, counter_name(profile), weight_per_second);
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; state < PANDO_PROFILE_STATES; state++)
        if ((tree->seen & 1u << state) != 0)
            pando_json_member_double(out, pando_profile_state_name((enum pando_profile_state)state), weight_per_second);
    pando_json_close(out);
}

static void write_fleet(struct pando_buffer *out, const struct pando_profile *profile)
{
    const struct pando_profile_meta *meta = &profile->meta;
    if (meta->fleet_info != 0) {
        pando_json_key(out, "fleetInfo");
        pando_buffer_append_text(out, profile->strings[meta->fleet_info]);
        return;
    }
    pando_json_open(out, "fleetInfo");
    pando_json_member_text(out, "id", meta->fleet_id);
    pando_json_member_text(out, "type", "UNKNOWN");
    if (meta->vcpus != 0)
        pando_json_member_uint(out, "vCPUs", meta->vcpus);
    pando_json_close(out);
}

static void write_metadata(struct pando_buffer *out, const struct pando_profile *profile, const struct pando_codeguru_tree *tree)
{
    const struct pando_profile_meta *meta = &profile->meta;
    pando_json_open(out, "agentMetadata");
    write_weights(out, profile, tree);
    pando_json_member_uint(out, "durationInMs", meta->active_ms);
    write_fleet(out, profile);
    pando_json_open(out, "agentInfo");
    pando_json_member_text(out, "type", profile->strings[meta->agent_type]);
    pando_json_member_text(out, "version", profile->strings[meta->agent_version]);
    pando_json_close(out);
    pando_json_open(out, "agentOverhead");
    pando_json_member_uint(out, "memoryInMB", meta->overhead_memory_mib);
    if (meta->overhead_cpu_ms != 0)
        pando_json_member_uint(out, "timeInMs", meta->overhead_cpu_ms);
    pando_json_close(out);
    pando_json_member_text(out, "runtimeVersion", profile->strings[meta->runtime_version]);
    pando_json_member_double(out, "cpuTimeInSeconds", meta->cpu_time_s);
    pando_json_open(out, "metrics");
    pando_json_member_double(out, "numThreads", meta->mean_threads);
    pando_json_close(out);
    pando_json_member_uint(out, "numTimesSampled", meta->samples);
    pando_json_close(out);
}

/* How to write: the counter that self is told in, and whether the reader is Pando's own. */
struct form {
    const char *counter;
    bool is_extended;
};

/* `states`: by state, [0] is not used; NULL: none. Nothing is written of nothing. */
static void write_counts(struct pando_buffer *out, const char *name, const char *counter, uint64_t self, const uint64_t *states)
{
    bool any = self != 0;
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; states != NULL && state < PANDO_PROFILE_STATES; state++)
        any = any || states[state] != 0;
    if (!any)
        return;
    pando_json_open(out, name);
    if (self != 0)
        pando_json_member_uint(out, counter, self);
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; states != NULL && state < PANDO_PROFILE_STATES; state++)
        if (states[state] != 0)
            pando_json_member_uint(out, pando_profile_state_name((enum pando_profile_state)state), states[state]);
    pando_json_close(out);
}

static void write_shares(struct pando_buffer *out, const struct pando_codeguru_tree *tree, const struct pando_codeguru_node *node,
                         const char *counter)
{
    pando_json_open(out, "slices");
    for (uint32_t i = node->first_share; i < node->first_share + node->share_count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", tree->shares[i].slice);
        write_counts(out, number, counter, tree->shares[i].weights[PANDO_PROFILE_NO_STATE], tree->shares[i].weights);
    }
    pando_json_close(out);
}

/* A node up to its children. */
static void write_node_head(struct pando_buffer *out, const struct pando_codeguru_tree *tree, uint32_t at, const struct form *form)
{
    const struct pando_codeguru_node *node = &tree->nodes[at];
    pando_buffer_append_char(out, '{');
    write_counts(out, "counts", form->counter, node->self, tree->states != NULL ? tree->states[at] : NULL);
    if (form->is_extended && node->share_count != 0)
        write_shares(out, tree, node, form->counter);
    pando_json_member_text(out, "file", node->file);
    if (node->line_min != 0) {
        pando_json_key(out, "line");
        pando_buffer_append_char(out, '[');
        pando_json_write_uint(out, node->line_min);
        if (node->line_max > node->line_min) {
            pando_buffer_append_char(out, ',');
            pando_json_write_uint(out, node->line_max);
        }
        pando_buffer_append_char(out, ']');
    }
}

static void write_callgraph(struct pando_buffer *out, const struct pando_codeguru_tree *tree, const struct form *form)
{
    pando_json_key(out, "callgraph");
    uint32_t at = 0;
    write_node_head(out, tree, 0, form);
    while (out->failed == 0) {
        if (tree->nodes[at].first_child != PANDO_CODEGURU_NO_NODE) {
            pando_json_open(out, "children");
            at = tree->nodes[at].first_child;
        } else {
            pando_json_close(out);
            while (at != 0 && tree->nodes[at].next_sibling == PANDO_CODEGURU_NO_NODE) {
                at = tree->nodes[at].parent;
                pando_json_close(out); /* its children */
                pando_json_close(out); /* itself */
            }
            if (at == 0)
                return;
            at = tree->nodes[at].next_sibling;
        }
        pando_json_key(out, tree->nodes[at].key);
        write_node_head(out, tree, at, form);
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
    pando_json_open(out, "errorsCount");
    for (int i = 0; i < ERROR_COUNTERS; i++)
        pando_json_member_uint(out, error_counters[i], errors[i]);
    pando_json_close(out);
    if (others == 0)
        return;
    pando_json_open(out, "genericMetrics");
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        const char *name = profile->strings[profile->counters[i].name];
        if (error_counter(name) < 0)
            pando_json_member_double(out, name, (double)profile->counters[i].value);
    }
    pando_json_close(out);
}

static void write_debug_info(struct pando_buffer *out, const struct pando_profile *profile)
{
    const struct pando_profile_meta *meta = &profile->meta;
    pando_json_open(out, "debugInfo");
    char stamp[64];
    time_t seconds = (time_t)(meta->agent_start_wall_ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) != NULL && strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc) != 0) {
        pando_json_key(out, "agentStartTime");
        pando_buffer_append_format(out, "\"%s.%03uZ\"", stamp, (unsigned)(meta->agent_start_wall_ms % 1000));
    }
    pando_json_member_uint(out, "processId", meta->pid);
    write_counters(out, profile);
    /* The form has no room for these two elsewhere; the service is not known to read them, Pando's receiver does. */
    pando_json_member_text(out, "processName", profile->strings[meta->process_name]);
    pando_json_member_text(out, "hostName", profile->strings[meta->host_name]);
    pando_json_close(out);
}

static int encode(const struct pando_profile *profile, const struct form *form, struct pando_buffer *out)
{
    struct pando_codeguru_tree tree;
    int error = pando_codeguru_tree_make(profile, &tree);
    if (error != 0)
        return error;
    uint64_t start = profile->meta.start_wall_ms;
    uint64_t end = profile->meta.end_wall_ms;
    pando_buffer_append_char(out, '{');
    pando_json_member_uint(out, "start", start);
    /* The wall clock may have been set back meanwhile: better a short interval than one that is refused. */
    pando_json_member_uint(out, "end", end > start ? end : start + 1);
    write_metadata(out, profile, &tree);
    write_callgraph(out, &tree, form);
    write_debug_info(out, profile);
    if (form->is_extended)
        pando_codeguru_write_extension(out, profile, &tree);
    pando_json_close(out);
    pando_codeguru_tree_release(&tree);
    return out->failed;
}

int pando_codeguru_json_encode(const struct pando_profile *profile, struct pando_buffer *out)
{
    return encode(profile, &(struct form){.counter = counter_name(profile)}, out);
}

int pando_codeguru_json_encode_extended(const struct pando_profile *profile, struct pando_buffer *out)
{
    return encode(profile, &(struct form){.counter = counter_name(profile), .is_extended = true}, out);
}
