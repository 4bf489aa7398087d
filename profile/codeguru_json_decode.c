/* Why: a body that PostAgentProfile was sent, checked and turned into a profile. Takes what the public Python agent sends.
 * Strict where a wrong value would make a wrong picture (start, end, agentMetadata, callgraph), lenient in debugInfo, which
 * is for reading only. Unknown members are passed over; a known one given twice is refused.
 * Context: worker and own processes; one thread. The first pass checks the whole body's syntax and reads the metadata, the
 * second what depends on it: the weights of counts, the form of keys. */
#include "profile/codeguru_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/codeguru_decode.h"
#include "profile/codeguru_extension.h"
#include "profile/codeguru_ion.h"
#include "profile/ion_reader.h"

#define TIME_MAX_MS 253402300799999u /* the end of the year 9999: above it somebody sent microseconds */

int pando_codeguru_refuse(struct pando_codeguru_decode *decode, int error, const char *format, ...)
{
    if (decode->message_bytes != 0 && decode->message[0] == '\0') {
        va_list args;
        va_start(args, format);
        vsnprintf(decode->message, decode->message_bytes, format, args);
        va_end(args);
    }
    return error;
}

int pando_codeguru_refuse_syntax(struct pando_codeguru_decode *decode)
{
    const struct pando_json_reader *reader = &decode->reader;
    size_t offset = pando_json_offset(reader);
    if (reader->error == PANDO_ERR_NO_MEMORY)
        return pando_codeguru_refuse_memory(decode, PANDO_ERR_NO_MEMORY);
    if (reader->error == PANDO_ERR_LIMIT && reader->depth == PANDO_JSON_DEPTH_MAX)
        return pando_codeguru_refuse(decode, PANDO_ERR_LIMIT, "The body is nested deeper than %d levels.",
                                     (int)PANDO_JSON_DEPTH_MAX);
    if (reader->error == PANDO_ERR_LIMIT)
        return pando_codeguru_refuse(decode, PANDO_ERR_LIMIT, "The body has %s.", reader->problem);
    return pando_codeguru_refuse(decode, PANDO_ERR_SYNTAX, "The body is no %s: %s at byte %zu.",
                                 reader->ion != NULL ? "Ion" : "JSON", reader->problem, offset);
}

int pando_codeguru_refuse_member(struct pando_codeguru_decode *decode, const char *member, const char *what)
{
    if (decode->reader.error != 0)
        return pando_codeguru_refuse_syntax(decode);
    return pando_codeguru_refuse(decode, PANDO_ERR_INVALID, "%s %s.", member, what);
}

int pando_codeguru_refuse_memory(struct pando_codeguru_decode *decode, int64_t error)
{
    return pando_codeguru_refuse(decode, (int)error, error == PANDO_ERR_LIMIT ? "The profile's strings are too many."
                                                                              : "There is no memory for this profile.");
}

static int read_time(struct pando_codeguru_decode *decode, const char *member, uint64_t *ret_wall_ms)
{
    const struct pando_json_number *number = &decode->reader.number;
    enum pando_json_token token = pando_json_next(&decode->reader);
    if ((token != PANDO_JSON_NUMBER && token != PANDO_JSON_TIME) || !number->is_whole || number->is_negative ||
        number->whole > TIME_MAX_MS)
        return pando_codeguru_refuse_member(decode, member,
                                            "must be a whole number, in milliseconds since 1970 and before the year 10000");
    *ret_wall_ms = number->whole;
    return 0;
}

/* Remembers where a member's value begins, for the second pass. */
static int pass_over(struct pando_codeguru_decode *decode, const char **ret_value)
{
    struct pando_json_reader *reader = &decode->reader;
    const char *value = reader->at;
    if (!pando_json_skip(reader, pando_json_next(reader)))
        return pando_codeguru_refuse_syntax(decode);
    *ret_value = value;
    return 0;
}

enum { SEEN_START = 1, SEEN_END = 2, SEEN_METADATA = 4, SEEN_CALLGRAPH = 8, SEEN_DEBUG_INFO = 16, SEEN_EXTENSION = 32,
       OPTIONAL = SEEN_DEBUG_INFO | SEEN_EXTENSION };
static const char *const top_members[] = {"start", "end", "agentMetadata", "callgraph", "debugInfo", "pando"};
enum { TOP_MEMBERS = sizeof top_members / sizeof top_members[0] };

static int read_top_member(struct pando_codeguru_decode *decode, unsigned *seen)
{
    struct pando_json_reader *reader = &decode->reader;
    struct pando_profile_meta *meta = pando_profile_builder_meta(decode->builder);
    unsigned member = 0;
    const char *name = "";
    for (unsigned i = 0; i < TOP_MEMBERS; i++) {
        if (strcmp(reader->text, top_members[i]) == 0) {
            member = 1u << i;
            name = top_members[i];
        }
    }
    if ((*seen & member) != 0)
        return pando_codeguru_refuse_member(decode, name, "is given twice");
    *seen |= member;
    const char *unused;
    switch (member) {
    case SEEN_START:
        return read_time(decode, name, &meta->start_wall_ms);
    case SEEN_END:
        return read_time(decode, name, &meta->end_wall_ms);
    case SEEN_METADATA:
        return pando_codeguru_decode_metadata(decode);
    case SEEN_CALLGRAPH:
        return pass_over(decode, &decode->callgraph);
    case SEEN_DEBUG_INFO:
        return pass_over(decode, &decode->debug_info);
    case SEEN_EXTENSION:
        return pass_over(decode, &decode->extension);
    default:
        return pass_over(decode, &unused);
    }
}

static int first_pass(struct pando_codeguru_decode *decode)
{
    struct pando_json_reader *reader = &decode->reader;
    unsigned seen = 0;
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return pando_codeguru_refuse_member(decode, "The body",
                                            reader->ion != NULL ? "must be a struct" : "must be a JSON object");
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END)
            break;
        int error = token == PANDO_JSON_KEY ? read_top_member(decode, &seen) : pando_codeguru_refuse_syntax(decode);
        if (error != 0)
            return error;
    }
    if (pando_json_next(reader) != PANDO_JSON_END)
        return pando_codeguru_refuse_syntax(decode);
    for (unsigned i = 0; i < TOP_MEMBERS; i++)
        if (((seen | OPTIONAL) & 1u << i) == 0)
            return pando_codeguru_refuse_member(decode, top_members[i], "is missing");
    return 0;
}

static int check_metadata(struct pando_codeguru_decode *decode)
{
    struct pando_profile_meta *meta = pando_profile_builder_meta(decode->builder);
    if (meta->end_wall_ms <= meta->start_wall_ms)
        return pando_codeguru_refuse_member(decode, "end", "must be after start");
    if (decode->weight_count == 0)
        return pando_codeguru_refuse_member(decode, "agentMetadata.sampleWeights", "is missing or empty");
    meta->counter_name = decode->weight_names[0];
    meta->weight_per_second = decode->weights[0];
    int64_t pando = pando_profile_builder_string(decode->builder, "Pando", 5);
    if (pando < 0)
        return pando_codeguru_refuse_memory(decode, pando);
    decode->from_pando = meta->agent_type == (uint32_t)pando;
    return 0;
}

static int decode_body(struct pando_codeguru_decode *decode)
{
    int error = first_pass(decode);
    if (error == 0)
        error = check_metadata(decode);
    if (error == 0 && decode->extension != NULL)
        error = pando_codeguru_decode_extension(decode);
    if (error == 0)
        error = pando_codeguru_decode_callgraph(decode);
    if (error == 0 && decode->debug_info != NULL)
        error = pando_codeguru_decode_debug_info(decode);
    return error;
}

static int decode(const char *body, size_t body_bytes, bool is_ion, const struct pando_codeguru_json_limits *limits,
                  struct pando_profile **ret_profile, char *message, size_t message_bytes)
{
    struct pando_codeguru_decode decode = {.limits = limits, .message = message, .message_bytes = message_bytes};
    struct pando_ion_reader ion = {0};
    if (message_bytes != 0)
        message[0] = '\0';
    if (body_bytes > limits->body_bytes)
        return pando_codeguru_refuse(&decode, PANDO_ERR_LIMIT, "The body is larger than %zu bytes.", limits->body_bytes);
    decode.builder = pando_profile_builder_new(limits->memory_bytes);
    if (decode.builder == NULL)
        return pando_codeguru_refuse_memory(&decode, PANDO_ERR_NO_MEMORY);
    if (is_ion)
        pando_ion_reader_init(&decode.reader, &ion, body, body_bytes, limits->memory_bytes, limits->body_bytes);
    else
        pando_json_reader_init(&decode.reader, body, body_bytes);
    int error = decode_body(&decode);
    free(decode.slices);
    pando_ion_reader_release(&ion);
    if (error != 0) {
        pando_profile_builder_free(decode.builder);
        return error;
    }
    struct pando_profile *profile = pando_profile_builder_finish(decode.builder);
    if (profile == NULL)
        return pando_codeguru_refuse_memory(&decode, PANDO_ERR_NO_MEMORY);
    *ret_profile = profile;
    return 0;
}

int pando_codeguru_json_decode(const char *body, size_t body_bytes, const struct pando_codeguru_json_limits *limits,
                               struct pando_profile **ret_profile, char *message, size_t message_bytes)
{
    return decode(body, body_bytes, false, limits, ret_profile, message, message_bytes);
}

int pando_codeguru_ion_decode(const char *body, size_t body_bytes, const struct pando_codeguru_json_limits *limits,
                              struct pando_profile **ret_profile, char *message, size_t message_bytes)
{
    return decode(body, body_bytes, true, limits, ret_profile, message, message_bytes);
}
