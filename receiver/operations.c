/* Why: the two operations that agents call: ConfigureAgent and PostAgentProfile. Context: own process; the connection's thread. */
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "profile/codeguru_ion.h"
#include "receiver/gzip_body.h"
#include "receiver/parameters.h"
#include "receiver/routes.h"
#include "receiver/store_groups.h"

enum {
    FLEET_ID_MAX = 255,
    DEPTH_MAX_FRAMES = 10000,
    PROFILE_MEMORY_BYTES = 1 << 27,
    MINIMUM_REPORT_MS = 1000,
    AGENT_DEPTH_FRAMES = 1000,
    ANSWER_MAX_BYTES = 4096,
};
/* Longer than any interval that could be true (a day of 1157 processors), and 90 of them still fit a signed 64-bit count of
 * nanoseconds. */
static const double CPU_S_MAX = 1e8;

static int check_metadata(struct pando_request *request, const json_t *metadata)
{
    const char *name;
    json_t *value;
    if (metadata != NULL && !json_is_object(metadata))
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "metadata must be an object of strings.");
    json_object_foreach((json_t *)metadata, name, value) {
        if (!json_is_string(value))
            return pando_request_refuse(request, 400, PANDO_VALIDATION, "metadata must be an object of strings.");
    }
    return 0;
}

static int check_configure(struct pando_request *request, const json_t *root)
{
    const json_t *fleet = json_object_get(root, "fleetInstanceId");
    if (fleet != NULL && (!json_is_string(fleet) || json_string_length(fleet) < 1 || json_string_length(fleet) > FLEET_ID_MAX))
        return pando_request_refuse(request, 400, PANDO_VALIDATION,
                                    "fleetInstanceId must be a string of 1 to %d characters.", (int)FLEET_ID_MAX);
    return check_metadata(request, json_object_get(root, "metadata"));
}

/* Whether the agents of the group shall profile. Unless groups must exist, whoever names one has it. */
static int find_switch(struct pando_request *request, bool *ret_is_enabled)
{
    *ret_is_enabled = true;
    int error = pando_store_group_asked(request->service->store, request->group, ret_is_enabled);
    if (error == PANDO_ERR_NOT_FOUND && request->service->groups_must_exist)
        return pando_request_refuse(request, 404, PANDO_NOT_FOUND,
                                    "There is no profiling group of this name; make it with CreateProfilingGroup.");
    if (error != 0 && error != PANDO_ERR_NOT_FOUND)
        return pando_request_refuse(request, 500, PANDO_INTERNAL, "The store cannot be read.");
    return 0;
}

/* What is sent back leaves the agent's rate alone; it must not make one of another kind (the public Python agent, at one sample a
 * second) dearer than it was meant to be. */
void pando_serve_configure_agent(struct pando_request *request)
{
    json_t *root;
    bool is_enabled;
    if (pando_take_object(request, &root) != 0)
        return;
    int error = check_configure(request, root);
    json_decref(root);
    if (error != 0 || find_switch(request, &is_enabled) != 0)
        return;
    struct pando_answer *answer = &request->answer;
    pando_buffer_init(&answer->body, ANSWER_MAX_BYTES);
    pando_buffer_append_format(&answer->body,
                               "{\"agentParameters\":{\"MinimumTimeForReportingInMilliseconds\":\"%d\",\"MaxStackDepth\":\"%d\"},"
                               "\"periodInSeconds\":%u,\"shouldProfile\":%s}",
                               (int)MINIMUM_REPORT_MS, (int)AGENT_DEPTH_FRAMES, (unsigned)request->service->period_s,
                               is_enabled ? "true" : "false");
    answer->status = 200;
    answer->content_type = PANDO_TYPE_JSON;
}

static int unpack_body(struct pando_request *request)
{
    if (!request->is_gzip)
        return 0;
    struct pando_buffer plain;
    pando_buffer_init(&plain, request->service->body_limit_bytes);
    int error = pando_gzip_unpack(request->body.bytes, request->body.len_bytes, &plain);
    if (error == 0) {
        pando_buffer_release(&request->body);
        request->body = plain;
        return 0;
    }
    pando_buffer_release(&plain);
    if (error == PANDO_ERR_LIMIT)
        return pando_request_refuse(request, 413, PANDO_VALIDATION, "The body unpacks to more than %zu bytes, or to more than "
                                    "%d times its size.", request->service->body_limit_bytes, (int)PANDO_GZIP_RATIO_MAX);
    if (error == PANDO_ERR_SYNTAX)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "The body is no gzip stream, or not a whole one.");
    return pando_request_refuse(request, 500, PANDO_INTERNAL, "There is no memory for this body.");
}

static int check_weights(struct pando_request *request, const struct pando_profile *profile)
{
    double cpu_s = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        cpu_s += (double)profile->nodes[i].self / profile->meta.weight_per_second;
    if (cpu_s <= CPU_S_MAX)
        return 0;
    return pando_request_refuse(request, 400, PANDO_VALIDATION, "callgraph: the counts add up to more than %.0f seconds.",
                                CPU_S_MAX);
}

static int decode(struct pando_request *request, struct pando_profile **ret_profile)
{
    const struct pando_codeguru_json_limits limits = {
        .body_bytes = request->service->body_limit_bytes, .depth_frames = DEPTH_MAX_FRAMES,
        .memory_bytes = PROFILE_MEMORY_BYTES};
    if (request->body.len_bytes == 0)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "The body is empty.");
    char message[PANDO_ANSWER_MESSAGE_BYTES];
    int (*decode_body)(const char *, size_t, const struct pando_codeguru_json_limits *, struct pando_profile **, char *, size_t) =
        request->is_ion ? pando_codeguru_ion_decode : pando_codeguru_json_decode;
    int error = decode_body(request->body.bytes, request->body.len_bytes, &limits, ret_profile, message, sizeof message);
    if (error == PANDO_ERR_NO_MEMORY)
        return pando_request_refuse(request, 500, PANDO_INTERNAL, "%s", message);
    if (error != 0)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "%s", message);
    error = check_weights(request, *ret_profile);
    if (error != 0)
        pando_profile_free(*ret_profile);
    return error;
}

static void store(struct pando_request *request, const char *token, const struct pando_store_parcel *parcel)
{
    char message[PANDO_ANSWER_MESSAGE_BYTES] = "";
    int error = pando_store_put_parcel(request->service->store, request->group, token, parcel, message, sizeof message);
    if (error == PANDO_ERR_NOT_FOUND) {
        pando_request_refuse(request, 404, PANDO_NOT_FOUND, "%s", message);
    } else if (error == PANDO_ERR_LIMIT) { /* room may be made: the sender keeps its interval, and tries again */
        request->answer.retry_later = true;
        pando_request_refuse(request, 503, PANDO_INTERNAL, "%s", message);
    } else if (error < 0) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "%s", message);
    } else {
        request->answer.status = 204; /* also when the token was known: for the sender it has arrived */
    }
}

/* From the body to what is stored; the memory that lies between is another's turn after it. */
static struct pando_store_parcel *pack(struct pando_request *request)
{
    char message[PANDO_ANSWER_MESSAGE_BYTES] = "";
    struct pando_store_parcel *parcel = NULL;
    struct pando_profile *profile;
    while (sem_wait(&request->service->decoding) != 0)
        continue;
    if (unpack_body(request) == 0 && decode(request, &profile) == 0) {
        if (pando_store_pack(profile, &parcel, message, sizeof message) != 0)
            pando_request_refuse(request, 500, PANDO_INTERNAL, "%s", message);
        pando_profile_free(profile);
    }
    sem_post(&request->service->decoding);
    return parcel;
}

void pando_serve_post_agent_profile(struct pando_request *request)
{
    const char *token = NULL;
    if (pando_take_token(request, "profileToken", &token) != 0)
        return;
    struct pando_store_parcel *parcel = pack(request);
    if (parcel != NULL)
        store(request, token, parcel);
    pando_store_parcel_free(parcel);
}
