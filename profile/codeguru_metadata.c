/* Why: agentMetadata of a received body: which agent, which fleet, and above all how much time a count is.
 * Context: worker and own processes; one thread. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "profile/codeguru_decode.h"

/* What a known member is, and where its value goes. */
enum kind { KIND_WHOLE, KIND_WHOLE32, KIND_REAL, KIND_TEXT };
struct member {
    const char *object, *name; /* "agentInfo", "type"; object "" for agentMetadata's own */
    enum kind kind;
    size_t offset;             /* in struct pando_profile_meta */
};
#define MEMBER(object, name, kind, field) {object, name, kind, offsetof(struct pando_profile_meta, field)}
static const struct member metadata_members[] = {
    MEMBER("", "durationInMs", KIND_WHOLE, active_ms),
    MEMBER("", "runtimeVersion", KIND_TEXT, runtime_version),
    MEMBER("", "cpuTimeInSeconds", KIND_REAL, cpu_time_s),
    MEMBER("", "numTimesSampled", KIND_WHOLE, samples),
    MEMBER("fleetInfo", "vCPUs", KIND_WHOLE32, vcpus),
    MEMBER("fleetInfo", "hostName", KIND_TEXT, host_name),
    MEMBER("agentInfo", "type", KIND_TEXT, agent_type),
    MEMBER("agentInfo", "version", KIND_TEXT, agent_version),
    MEMBER("agentOverhead", "memoryInMB", KIND_WHOLE, overhead_memory_mib),
    MEMBER("agentOverhead", "timeInMs", KIND_WHOLE, overhead_cpu_ms),
    MEMBER("metrics", "numThreads", KIND_REAL, mean_threads),
};
enum { METADATA_MEMBERS = sizeof metadata_members / sizeof metadata_members[0] };

static int store(struct pando_codeguru_decode *decode, const struct member *member, enum pando_json_token token)
{
    char full[96];
    const struct pando_json_number *number = &decode->reader.number;
    char *field = (char *)pando_profile_builder_meta(decode->builder) + member->offset;
    snprintf(full, sizeof full, "agentMetadata.%s%s%s", member->object, member->object[0] != '\0' ? "." : "", member->name);
    if (member->kind == KIND_TEXT) {
        if (token != PANDO_JSON_STRING)
            return pando_codeguru_refuse_member(decode, full, "must be a string");
        int64_t string = pando_profile_builder_string(decode->builder, decode->reader.text, decode->reader.text_bytes);
        if (string < 0)
            return pando_codeguru_refuse_memory(decode, string);
        memcpy(field, &(uint32_t){(uint32_t)string}, sizeof(uint32_t));
    } else if (member->kind == KIND_REAL) {
        if (token != PANDO_JSON_NUMBER || !isfinite(number->value) || number->value < 0)
            return pando_codeguru_refuse_member(decode, full, "must be a number that is not negative");
        memcpy(field, &number->value, sizeof number->value);
    } else {
        uint64_t max = member->kind == KIND_WHOLE32 ? UINT32_MAX : INT64_MAX;
        if (token != PANDO_JSON_NUMBER || !number->is_whole || number->whole > max ||
            (number->is_negative && number->whole != 0))
            return pando_codeguru_refuse_member(decode, full, "must be a whole number that is not negative");
        if (member->kind == KIND_WHOLE32)
            memcpy(field, &(uint32_t){(uint32_t)number->whole}, sizeof(uint32_t));
        else
            memcpy(field, &number->whole, sizeof number->whole);
    }
    return 0;
}

static const struct member *find_member(const char *object, const char *name)
{
    for (size_t i = 0; i < METADATA_MEMBERS; i++)
        if (strcmp(metadata_members[i].object, object) == 0 && strcmp(metadata_members[i].name, name) == 0)
            return &metadata_members[i];
    return NULL;
}

/* Only UUIDs are kept: other kinds of fleets name themselves by ARN, of which the model has no use. */
static void keep_fleet_id(struct pando_codeguru_decode *decode)
{
    const struct pando_json_reader *reader = &decode->reader;
    struct pando_profile_meta *meta = pando_profile_builder_meta(decode->builder);
    if (reader->text_bytes == PANDO_PROFILE_ID_SIZE - 1 &&
        strspn(reader->text, "0123456789abcdefABCDEF-") == PANDO_PROFILE_ID_SIZE - 1)
        memcpy(meta->fleet_id, reader->text, PANDO_PROFILE_ID_SIZE);
}

static int read_weights(struct pando_codeguru_decode *decode)
{
    struct pando_json_reader *reader = &decode->reader;
    static const char member[] = "agentMetadata.sampleWeights";
    if (decode->weight_count != 0)
        return pando_codeguru_refuse_member(decode, member, "is given twice");
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return pando_codeguru_refuse_member(decode, member, "must be an object");
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END)
            return 0;
        if (token != PANDO_JSON_KEY)
            return pando_codeguru_refuse_member(decode, member, "");
        if (decode->weight_count == PANDO_CODEGURU_COUNTERS_MAX)
            return pando_codeguru_refuse(decode, PANDO_ERR_LIMIT, "%s names more than %d counters.", member,
                                         (int)PANDO_CODEGURU_COUNTERS_MAX);
        int64_t name = pando_profile_builder_string(decode->builder, reader->text, reader->text_bytes);
        if (name < 0)
            return pando_codeguru_refuse_memory(decode, name);
        for (uint32_t i = 0; i < decode->weight_count; i++)
            if (decode->weight_names[i] == (uint32_t)name)
                return pando_codeguru_refuse_member(decode, member, "names a counter twice");
        token = pando_json_next(reader);
        /* Between these a count and its neighbours convert without overflow; no clock samples outside them. */
        if (token != PANDO_JSON_NUMBER || !(reader->number.value >= 1e-12 && reader->number.value <= 1e12))
            return pando_codeguru_refuse_member(decode, member, "must give each counter a number of samples per second above 0");
        decode->weight_names[decode->weight_count] = (uint32_t)name;
        decode->weights[decode->weight_count++] = reader->number.value;
    }
}

/* The members of one of agentMetadata's objects. */
static int read_group(struct pando_codeguru_decode *decode, const char *object)
{
    struct pando_json_reader *reader = &decode->reader;
    if (pando_json_next(reader) != PANDO_JSON_OBJECT) {
        char full[64];
        snprintf(full, sizeof full, "agentMetadata.%s", object);
        return pando_codeguru_refuse_member(decode, full, "must be an object");
    }
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END)
            return 0;
        if (token != PANDO_JSON_KEY)
            return pando_codeguru_refuse_member(decode, object, "");
        const struct member *member = find_member(object, reader->text);
        bool is_id = strcmp(object, "fleetInfo") == 0 && strcmp(reader->text, "id") == 0;
        token = pando_json_next(reader);
        int error = 0;
        if (member != NULL)
            error = store(decode, member, token);
        else if (is_id && token == PANDO_JSON_STRING)
            keep_fleet_id(decode);
        else if (!pando_json_skip(reader, token))
            error = pando_codeguru_refuse_member(decode, object, "");
        if (error != 0)
            return error;
    }
}

int pando_codeguru_decode_metadata(struct pando_codeguru_decode *decode)
{
    static const char *const groups[] = {"fleetInfo", "agentInfo", "agentOverhead", "metrics"};
    struct pando_json_reader *reader = &decode->reader;
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return pando_codeguru_refuse_member(decode, "agentMetadata", "must be an object");
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END)
            return 0;
        if (token != PANDO_JSON_KEY)
            return pando_codeguru_refuse_member(decode, "agentMetadata", "");
        const char *group = NULL;
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
            if (strcmp(reader->text, groups[i]) == 0)
                group = groups[i];
        const struct member *member = find_member("", reader->text);
        int error = 0;
        if (group != NULL)
            error = read_group(decode, group);
        else if (member != NULL)
            error = store(decode, member, pando_json_next(reader));
        else if (strcmp(reader->text, "sampleWeights") == 0)
            error = read_weights(decode);
        else if (!pando_json_skip(reader, pando_json_next(reader)))
            error = pando_codeguru_refuse_member(decode, "agentMetadata", "");
        if (error != 0)
            return error;
    }
}
