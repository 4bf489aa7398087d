/* Why: a profile as the body of PostAgentProfile: the members, their order and their types are those that the public
 * Python agent sends, since the service publishes no schema. docs/delivery.md has the form.
 * Context: worker and own processes. Streams into a buffer; a stack of a thousand frames costs no C stack. */
#include "profile/codeguru_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "profile/codeguru_extension.h"
#include "profile/codeguru_ion.h"
#include "profile/codeguru_tree.h"
#include "profile/ion_writer.h"
#include "profile/value_writer.h"

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
static void write_weights(struct pando_value_writer *out, const struct pando_profile *profile, const struct pando_codeguru_tree *tree)
{
    double weight_per_second = profile->meta.weight_per_second > 0 ? profile->meta.weight_per_second : 1.0;
    pando_value_begin_object(out, "sampleWeights");
    if (tree->states == NULL || (tree->seen & 1u << PANDO_PROFILE_NO_STATE) != 0)
        pando_value_double(out, counter_name(profile), weight_per_second);
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; state < PANDO_PROFILE_STATES; state++)
        if ((tree->seen & 1u << state) != 0)
            pando_value_double(out, pando_profile_state_name((enum pando_profile_state)state), weight_per_second);
    pando_value_end_object(out);
}

static void write_fleet(struct pando_value_writer *out, const struct pando_profile *profile)
{
    const struct pando_profile_meta *meta = &profile->meta;
    if (meta->fleet_info != 0) {
        pando_value_json(out, "fleetInfo", profile->strings[meta->fleet_info]);
        return;
    }
    pando_value_begin_object(out, "fleetInfo");
    pando_value_text_if(out, "id", meta->fleet_id);
    pando_value_text_if(out, "type", "UNKNOWN");
    if (meta->vcpus != 0)
        pando_value_uint(out, "vCPUs", meta->vcpus);
    pando_value_end_object(out);
}

static void write_agent(struct pando_value_writer *out, const struct pando_profile *profile)
{
    pando_value_begin_object(out, "agentInfo");
    pando_value_text_if(out, "type", profile->strings[profile->meta.agent_type]);
    pando_value_text_if(out, "version", profile->strings[profile->meta.agent_version]);
    pando_value_end_object(out);
}

static void write_times(struct pando_value_writer *out, const struct pando_profile *profile)
{
    uint64_t start = profile->meta.start_wall_ms;
    uint64_t end = profile->meta.end_wall_ms;
    pando_value_uint(out, "start", start);
    /* The wall clock may have been set back meanwhile: better a short interval than one that is refused. */
    pando_value_uint(out, "end", end > start ? end : start + 1);
}

static void write_metadata(struct pando_value_writer *out, const struct pando_profile *profile, const struct pando_codeguru_tree *tree)
{
    const struct pando_profile_meta *meta = &profile->meta;
    pando_value_begin_object(out, "agentMetadata");
    write_weights(out, profile, tree);
    pando_value_uint(out, "durationInMs", meta->active_ms);
    write_fleet(out, profile);
    write_agent(out, profile);
    pando_value_begin_object(out, "agentOverhead");
    pando_value_uint(out, "memoryInMB", meta->overhead_memory_mib);
    if (meta->overhead_cpu_ms != 0)
        pando_value_uint(out, "timeInMs", meta->overhead_cpu_ms);
    pando_value_end_object(out);
    pando_value_text_if(out, "runtimeVersion", profile->strings[meta->runtime_version]);
    pando_value_double(out, "cpuTimeInSeconds", meta->cpu_time_s);
    pando_value_begin_object(out, "metrics");
    pando_value_double(out, "numThreads", meta->mean_threads);
    pando_value_end_object(out);
    pando_value_uint(out, "numTimesSampled", meta->samples);
    pando_value_end_object(out);
}

/* `states`: by state, [0] is not used; NULL: none. Nothing is written of nothing. */
static void write_counts(struct pando_value_writer *out, const char *name, const char *counter, uint64_t self, const uint64_t *states)
{
    bool any = self != 0;
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; states != NULL && state < PANDO_PROFILE_STATES; state++)
        any = any || states[state] != 0;
    if (!any)
        return;
    pando_value_begin_object(out, name);
    if (self != 0)
        pando_value_uint(out, counter, self);
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; states != NULL && state < PANDO_PROFILE_STATES; state++)
        if (states[state] != 0)
            pando_value_uint(out, pando_profile_state_name((enum pando_profile_state)state), states[state]);
    pando_value_end_object(out);
}

static void write_shares(struct pando_value_writer *out, const struct pando_codeguru_tree *tree, const struct pando_codeguru_node *node,
                         const char *counter)
{
    pando_value_begin_object(out, "slices");
    for (uint32_t i = node->first_share; i < node->first_share + node->share_count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", tree->shares[i].slice);
        write_counts(out, number, counter, tree->shares[i].weights[PANDO_PROFILE_NO_STATE], tree->shares[i].weights);
    }
    pando_value_end_object(out);
}

/* How to write: in which form, and the counter that self is told in. */
struct manner {
    const struct pando_codeguru_form *form;
    const char *counter;
};

/* A node up to its children; `key` is its name among its siblings. */
static void write_node_head(struct pando_value_writer *out, const struct pando_codeguru_tree *tree, uint32_t at,
                            const char *key, const struct manner *manner)
{
    const struct pando_codeguru_node *node = &tree->nodes[at];
    pando_value_begin_object(out, key);
    write_counts(out, "counts", manner->counter, node->self, tree->states != NULL ? tree->states[at] : NULL);
    if (manner->form->is_extended && node->share_count != 0)
        write_shares(out, tree, node, manner->counter);
    pando_value_text_if(out, "file", node->file);
    if (node->line_min != 0) {
        pando_value_begin_list(out, "line");
        pando_value_uint(out, NULL, node->line_min);
        if (node->line_max > node->line_min)
            pando_value_uint(out, NULL, node->line_max);
        pando_value_end_list(out);
    }
}

static void write_callgraph(struct pando_value_writer *out, const struct pando_codeguru_tree *tree, const struct manner *manner)
{
    uint32_t at = 0;
    write_node_head(out, tree, 0, "callgraph", manner);
    while (pando_value_failed(out) == 0) {
        if (tree->nodes[at].first_child != PANDO_CODEGURU_NO_NODE) {
            pando_value_begin_object(out, "children");
            at = tree->nodes[at].first_child;
        } else {
            pando_value_end_object(out);
            while (at != 0 && tree->nodes[at].next_sibling == PANDO_CODEGURU_NO_NODE) {
                at = tree->nodes[at].parent;
                pando_value_end_object(out); /* its children */
                pando_value_end_object(out); /* itself */
            }
            if (at == 0)
                return;
            at = tree->nodes[at].next_sibling;
        }
        write_node_head(out, tree, at, tree->nodes[at].key, manner);
    }
}

static int error_counter(const char *name)
{
    for (int i = 0; i < ERROR_COUNTERS; i++)
        if (strcmp(name, error_counters[i]) == 0)
            return i;
    return -1;
}

static void write_counters(struct pando_value_writer *out, const struct pando_profile *profile)
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
    pando_value_begin_object(out, "errorsCount");
    for (int i = 0; i < ERROR_COUNTERS; i++)
        pando_value_uint(out, error_counters[i], errors[i]);
    pando_value_end_object(out);
    if (others == 0)
        return;
    pando_value_begin_object(out, "genericMetrics");
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        const char *name = profile->strings[profile->counters[i].name];
        if (error_counter(name) < 0)
            pando_value_double(out, name, (double)profile->counters[i].value);
    }
    pando_value_end_object(out);
}

static void write_debug_info(struct pando_value_writer *out, const struct pando_profile *profile)
{
    const struct pando_profile_meta *meta = &profile->meta;
    pando_value_begin_object(out, "debugInfo");
    char stamp[64];
    time_t seconds = (time_t)(meta->agent_start_wall_ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) != NULL && strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc) != 0) {
        char with_ms[sizeof stamp + 8];
        snprintf(with_ms, sizeof with_ms, "%s.%03uZ", stamp, (unsigned)(meta->agent_start_wall_ms % 1000));
        pando_value_text(out, "agentStartTime", with_ms);
    }
    pando_value_uint(out, "processId", meta->pid);
    write_counters(out, profile);
    /* The form has no room for these two elsewhere; the service is not known to read them, Pando's receiver does. */
    pando_value_text_if(out, "processName", profile->strings[meta->process_name]);
    pando_value_text_if(out, "hostName", profile->strings[meta->host_name]);
    pando_value_end_object(out);
}

/* What many agents sent, as one: without what is of one process. */
static void write_common_metadata(struct pando_value_writer *out, const struct pando_profile *profile,
                                  const struct pando_codeguru_tree *tree)
{
    pando_value_begin_object(out, "agentMetadata");
    write_weights(out, profile, tree);
    pando_value_uint(out, "durationInMs", profile->meta.active_ms);
    write_agent(out, profile);
    pando_value_uint(out, "numTimesSampled", profile->meta.samples);
    pando_value_end_object(out);
}

static void write_body(struct pando_value_writer *out, const struct pando_profile *profile,
                       const struct pando_codeguru_tree *tree, const struct pando_codeguru_form *form)
{
    pando_value_begin_object(out, NULL);
    write_times(out, profile);
    (form->is_aggregate ? write_common_metadata : write_metadata)(out, profile, tree);
    write_callgraph(out, tree, &(struct manner){.form = form, .counter = counter_name(profile)});
    if (!form->is_aggregate)
        write_debug_info(out, profile);
    if (form->is_extended)
        pando_codeguru_write_extension(out, profile, tree);
    pando_value_end_object(out);
}

int pando_codeguru_encode(const struct pando_profile *profile, const struct pando_codeguru_form *form,
                          struct pando_buffer *out)
{
    struct pando_codeguru_tree tree;
    int error = pando_codeguru_tree_make(profile, &tree);
    if (error != 0)
        return error;
    if (form->max_depth != 0)
        error = pando_codeguru_tree_cut(&tree, form->max_depth);
    struct pando_value_writer writer = {.out = out};
    if (error == 0 && form->is_ion && (writer.ion = pando_ion_writer_new(out->max_bytes)) == NULL)
        error = PANDO_ERR_NO_MEMORY;
    if (error == 0) {
        write_body(&writer, profile, &tree, form);
        error = form->is_ion ? pando_ion_writer_finish(writer.ion, out) : out->failed;
    }
    pando_ion_writer_free(writer.ion);
    pando_codeguru_tree_release(&tree);
    return error;
}

int pando_codeguru_json_encode(const struct pando_profile *profile, struct pando_buffer *out)
{
    return pando_codeguru_encode(profile, &(struct pando_codeguru_form){0}, out);
}

int pando_codeguru_json_encode_extended(const struct pando_profile *profile, struct pando_buffer *out)
{
    return pando_codeguru_encode(profile, &(struct pando_codeguru_form){.is_extended = true}, out);
}

int pando_codeguru_ion_encode(const struct pando_profile *profile, struct pando_buffer *out)
{
    return pando_codeguru_encode(profile, &(struct pando_codeguru_form){.is_ion = true}, out);
}
