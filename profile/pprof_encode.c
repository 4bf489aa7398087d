/* Why: a profile as pprof's message (https://github.com/google/pprof/blob/main/proto/profile.proto), which go tool pprof, Pyroscope,
 * Parca, Perfetto and others read. Functions are locations without an address: a profile has none any more. Threads, labels and
 * states become labels. Not packed: whoever stores it does that.
 * Context: own processes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "profile/export.h"
#include "profile/intern.h"
#include "profile/protobuf.h"
#include "profile/slices.h"
#include "profile/stacks.h"

/* Field numbers. */
enum {
    PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE = 2, PROFILE_MAPPING = 3, PROFILE_LOCATION = 4, PROFILE_FUNCTION = 5, PROFILE_STRING = 6,
    PROFILE_TIME = 9, PROFILE_DURATION = 10, PROFILE_PERIOD_TYPE = 11, PROFILE_PERIOD = 12, PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_TYPE = 14,
    VALUE_TYPE = 1, VALUE_UNIT = 2,
    SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3,
    LABEL_KEY = 1, LABEL_TEXT = 2, LABEL_NUMBER = 3,
    MAPPING_ID = 1, MAPPING_FILE = 5, MAPPING_BUILD_ID = 6, MAPPING_HAS = 7, MAPPING_HAS_LAST = 10,
    LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4,
    LINE_FUNCTION = 1, LINE_LINE = 2,
    FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_SYSTEM_NAME = 3, FUNCTION_FILE = 4,
};

struct encoder {
    const struct pando_profile *profile;
    const struct pando_export_about *about;
    struct pando_buffer *out, message, inner; /* a field of the profile, and a field of that */
    struct pando_budget budget;
    struct pando_strings strings;
    uint64_t secret[2];
    uint32_t *mappings;     /* by string: mapping of the object of that name; 0 none yet */
    uint32_t mapping_count;
    int failed;
};

/* The number of a text in the string table. */
static uint64_t text(struct encoder *encoder, const char *bytes)
{
    int64_t number = pando_strings_put(&encoder->budget, &encoder->strings, encoder->secret, bytes, strlen(bytes));
    if (number < 0)
        encoder->failed = (int)number;
    return number < 0 ? 0 : (uint64_t)number;
}

static void end_message(struct encoder *encoder, uint32_t field)
{
    pando_proto_field_bytes(encoder->out, field, encoder->message.bytes, encoder->message.len_bytes);
    pando_buffer_clear(&encoder->message);
}

static void end_inner(struct encoder *encoder, uint32_t field)
{
    pando_proto_field_bytes(&encoder->message, field, encoder->inner.bytes, encoder->inner.len_bytes);
    pando_buffer_clear(&encoder->inner);
}

static void write_value_type(struct encoder *encoder, uint32_t field, const char *type, const char *unit)
{
    pando_proto_field_number(&encoder->message, VALUE_TYPE, text(encoder, type));
    pando_proto_field_number(&encoder->message, VALUE_UNIT, text(encoder, unit));
    end_message(encoder, field);
}

static void write_label(struct encoder *encoder, const char *key, const char *value, uint64_t number)
{
    pando_proto_field_number(&encoder->inner, LABEL_KEY, text(encoder, key));
    if (value != NULL)
        pando_proto_field_number(&encoder->inner, LABEL_TEXT, text(encoder, value));
    pando_proto_field_number(&encoder->inner, LABEL_NUMBER, number);
    end_inner(encoder, SAMPLE_LABEL);
}

static void write_slice(struct encoder *encoder, uint32_t frame)
{
    struct pando_slice slice;
    pando_slice_parse(encoder->profile->strings[encoder->profile->frames[frame].name], &slice);
    if (slice.thread[0] != '\0')
        write_label(encoder, "thread_name", slice.thread, 0);
    if (slice.tid != 0)
        write_label(encoder, "thread_id", NULL, slice.tid);
    for (uint32_t i = 0; i < slice.label_count; i++) {
        const char *key = slice.labels[i].key;
        /* These would be there twice. */
        if (strcmp(key, "thread_name") != 0 && strcmp(key, "thread_id") != 0 && strcmp(key, "state") != 0)
            write_label(encoder, key, slice.labels[i].value, 0);
    }
}

static uint64_t whole(double value)
{
    return value < 9e18 ? (uint64_t)(value + 0.5) : INT64_MAX;
}

static void write_samples(struct encoder *encoder, const struct pando_stacks *stacks)
{
    const struct pando_profile *profile = encoder->profile;
    double per_sample = encoder->about->ns_per_sample, sum_ns = 0;
    uint64_t counted = 0;
    struct pando_stack stack;
    for (uint32_t cursor = 0; pando_stacks_next(stacks, &cursor, &stack) && encoder->failed == 0;) {
        for (uint32_t node = stack.node; node != 0; node = profile->nodes[node].parent)
            pando_proto_write_number(&encoder->inner, profile->nodes[node].frame + 1u);
        end_inner(encoder, SAMPLE_LOCATION);
        if (per_sample > 0) {
            /* Rounded so that the sum is right, not each. */
            sum_ns += (double)stack.weight;
            uint64_t until_here = whole(sum_ns / per_sample);
            pando_proto_write_number(&encoder->inner, until_here - counted);
            counted = until_here;
        }
        pando_proto_write_number(&encoder->inner, stack.weight < INT64_MAX ? stack.weight : INT64_MAX); /* they are signed */
        end_inner(encoder, SAMPLE_VALUE);
        if (stack.slice != PANDO_STACK_NO_SLICE)
            write_slice(encoder, stack.slice);
        if (stack.state != PANDO_PROFILE_NO_STATE)
            write_label(encoder, "state", pando_profile_state_name(stack.state), 0);
        end_message(encoder, PROFILE_SAMPLE);
    }
}

static const struct pando_profile_object *find_object(const struct pando_profile *profile, uint32_t name)
{
    for (uint32_t i = 0; i < profile->object_count; i++)
        if (profile->objects[i].name == name)
            return &profile->objects[i];
    return NULL;
}

/* The mapping of an object, written when it is first asked for. Everything is said to be named: readers would look up address 0. */
static uint32_t mapping_of(struct encoder *encoder, uint32_t object_name)
{
    const struct pando_profile *profile = encoder->profile;
    if (object_name == 0 || encoder->mappings[object_name] != 0)
        return object_name == 0 ? 0 : encoder->mappings[object_name];
    const struct pando_profile_object *object = find_object(profile, object_name);
    uint32_t id = encoder->mappings[object_name] = ++encoder->mapping_count;
    pando_proto_field_number(&encoder->inner, MAPPING_ID, id);
    pando_proto_field_number(&encoder->inner, MAPPING_FILE,
                             text(encoder, profile->strings[object != NULL && object->path != 0 ? object->path : object_name]));
    if (object != NULL)
        pando_proto_field_number(&encoder->inner, MAPPING_BUILD_ID, text(encoder, profile->strings[object->build_id]));
    for (uint32_t field = MAPPING_HAS; field <= MAPPING_HAS_LAST; field++)
        pando_proto_field_number(&encoder->inner, field, 1);
    pando_proto_field_bytes(encoder->out, PROFILE_MAPPING, encoder->inner.bytes, encoder->inner.len_bytes);
    pando_buffer_clear(&encoder->inner);
    return id;
}

/* The offset of "[object+0xoffset]"; 0: the function has a name. */
static uint64_t offset_of(const char *name)
{
    const char *plus = name[0] == '[' ? strrchr(name, '+') : NULL;
    struct pando_cursor cursor = pando_cursor_of_text(plus != NULL ? plus + 1 : "");
    uint64_t offset;
    return pando_cursor_skip_char(&cursor, '0') == 0 && pando_cursor_skip_char(&cursor, 'x') == 0 &&
           pando_cursor_hex(&cursor, INT64_MAX, &offset) == 0 ? offset : 0;
}

/* Readers take the first mapping for the program: that of the process's name, else the first that is no library. */
static void write_main_mapping(struct encoder *encoder)
{
    const struct pando_profile *profile = encoder->profile;
    const char *process = profile->strings[profile->meta.process_name];
    uint32_t best = 0;
    for (uint32_t i = 0; i < profile->frame_count; i++) {
        const char *object = profile->strings[profile->frames[i].object];
        if (process[0] != '\0' && strcmp(object, process) == 0) {
            best = profile->frames[i].object;
            break;
        }
        if (best == 0 && object[0] != '\0' && object[0] != '[' && object[0] != '<' && strstr(object, ".so") == NULL)
            best = profile->frames[i].object;
    }
    mapping_of(encoder, best);
}

/* Each frame is a function and a location; the root's are written too, unused. */
static void write_frames(struct encoder *encoder, const struct pando_stacks *stacks)
{
    const struct pando_profile *profile = encoder->profile;
    write_main_mapping(encoder);
    for (uint32_t i = 0; i < profile->frame_count && encoder->failed == 0; i++) {
        const struct pando_profile_frame *frame = &profile->frames[i];
        if (stacks->kinds[i] != PANDO_PROFILE_NO_STATE)
            continue;
        const char *name = profile->strings[frame->name];
        uint64_t shown = text(encoder, name[0] != '\0' ? name : "[unknown]");
        uint32_t mapping = mapping_of(encoder, frame->object);
        pando_proto_field_number(&encoder->message, FUNCTION_ID, i + 1u);
        pando_proto_field_number(&encoder->message, FUNCTION_NAME, shown);
        pando_proto_field_number(&encoder->message, FUNCTION_SYSTEM_NAME, shown);
        pando_proto_field_number(&encoder->message, FUNCTION_FILE, text(encoder, profile->strings[frame->file]));
        end_message(encoder, PROFILE_FUNCTION);
        pando_proto_field_number(&encoder->message, LOCATION_ID, i + 1u);
        pando_proto_field_number(&encoder->message, LOCATION_MAPPING, mapping);
        pando_proto_field_number(&encoder->message, LOCATION_ADDRESS, offset_of(name));
        pando_proto_field_number(&encoder->inner, LINE_FUNCTION, i + 1u);
        pando_proto_field_number(&encoder->inner, LINE_LINE, frame->line_min);
        end_inner(encoder, LOCATION_LINE);
        end_message(encoder, PROFILE_LOCATION);
    }
}

/* Comments: where it is from, and what was lost. */
static void write_comments(struct encoder *encoder)
{
    const struct pando_profile *profile = encoder->profile;
    char line[256];
    snprintf(line, sizeof line, "pando: %" PRIu64 " samples in %" PRIu64 " profiles of %.120s; the profiler itself took %" PRIu64 " ms",
             profile->meta.samples, encoder->about->profile_count, encoder->about->title, profile->meta.overhead_cpu_ms);
    uint64_t number = text(encoder, line);
    pando_proto_field_number(encoder->out, PROFILE_COMMENT, number);
    if (encoder->about->ns_per_sample > 0)
        pando_proto_field_number(encoder->out, PROFILE_COMMENT, text(encoder, "pando: times are exact; counts are time over the mean "
                                                                              "time of a sample"));
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        if (profile->counters[i].value == 0)
            continue;
        snprintf(line, sizeof line, "pando: %.160s: %" PRIu64, profile->strings[profile->counters[i].name], profile->counters[i].value);
        pando_proto_field_number(encoder->out, PROFILE_COMMENT, text(encoder, line));
    }
}

static void write_profile(struct encoder *encoder, const struct pando_stacks *stacks)
{
    const struct pando_profile_meta *meta = &encoder->profile->meta;
    const char *clock = stacks->view == PANDO_VIEW_CPU ? "cpu" : "wall";
    text(encoder, ""); /* must be the first */
    if (encoder->about->ns_per_sample > 0)
        write_value_type(encoder, PROFILE_SAMPLE_TYPE, "samples", "count");
    write_value_type(encoder, PROFILE_SAMPLE_TYPE, clock, "nanoseconds");
    write_samples(encoder, stacks);
    write_frames(encoder, stacks);
    pando_proto_field_number(encoder->out, PROFILE_TIME, meta->start_wall_ms * 1000000);
    if (meta->end_wall_ms > meta->start_wall_ms)
        pando_proto_field_number(encoder->out, PROFILE_DURATION, (meta->end_wall_ms - meta->start_wall_ms) * 1000000);
    write_value_type(encoder, PROFILE_PERIOD_TYPE, clock, "nanoseconds");
    pando_proto_field_number(encoder->out, PROFILE_PERIOD, whole(encoder->about->ns_per_sample));
    write_comments(encoder);
    pando_proto_field_number(encoder->out, PROFILE_DEFAULT_TYPE, text(encoder, clock));
    for (uint32_t i = 0; i < encoder->strings.count; i++)
        pando_proto_field_bytes(encoder->out, PROFILE_STRING, encoder->strings.texts[i], encoder->strings.lens[i]);
}

int pando_pprof_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out)
{
    struct encoder encoder = {.profile = profile, .about = about, .out = out, .budget = {.limit_bytes = SIZE_MAX}};
    struct pando_stacks stacks;
    int error = pando_stacks_make(profile, about->view, &stacks);
    encoder.mappings = calloc((size_t)profile->string_count + 1, sizeof *encoder.mappings);
    if (error == 0 && encoder.mappings == NULL)
        error = PANDO_ERR_NO_MEMORY;
    pando_buffer_init(&encoder.message, out->max_bytes);
    pando_buffer_init(&encoder.inner, out->max_bytes);
    if (error == 0) {
        write_profile(&encoder, &stacks);
        const int errors[] = {encoder.failed, encoder.message.failed, encoder.inner.failed, out->failed};
        for (size_t i = 0; i < sizeof errors / sizeof errors[0] && error == 0; i++)
            error = errors[i];
    }
    pando_buffer_release(&encoder.message);
    pando_buffer_release(&encoder.inner);
    pando_strings_release(&encoder.strings);
    free(encoder.mappings);
    pando_stacks_release(&stacks);
    return error;
}
