/* Why: a profile as OpenTelemetry's collectors take it: the request of the profiles signal, as of opentelemetry-proto 1.10 and 1.11
 * (v1development: still alpha, it may change). All tables begin with an entry that means "not set".
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/profiles/v1development/profiles.proto
 * Context: own processes. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/export.h"
#include "profile/intern.h"
#include "profile/protobuf.h"
#include "profile/slices.h"
#include "profile/stacks.h"

/* Field numbers. */
enum {
    REQUEST_RESOURCE = 1, REQUEST_DICTIONARY = 2,
    TABLE_MAPPING = 1, TABLE_LOCATION = 2, TABLE_FUNCTION = 3, TABLE_LINK = 4, TABLE_STRING = 5, TABLE_ATTRIBUTE = 6, TABLE_STACK = 7,
    RESOURCE_RESOURCE = 1, RESOURCE_SCOPE = 2, SCOPE_SCOPE = 1, SCOPE_PROFILE = 2,
    PROFILE_TYPE = 1, PROFILE_SAMPLE = 2, PROFILE_TIME = 3, PROFILE_DURATION = 4, PROFILE_PERIOD_TYPE = 5, PROFILE_PERIOD = 6,
    SAMPLE_STACK = 1, SAMPLE_ATTRIBUTES = 2, SAMPLE_VALUES = 4,
    LINK_BYTES_TRACE = 16, LINK_BYTES_SPAN = 8,
};

struct encoder {
    const struct pando_profile *profile;
    const struct pando_export_about *about;
    struct pando_buffer dictionary, samples, message, inner;
    struct pando_budget budget;
    struct pando_strings strings, attributes; /* attributes: encoded, each once */
    uint64_t secret[2];
    uint32_t *stacks;    /* by node: its stack; 0 none yet */
    uint32_t *mappings;  /* by string: the mapping of the object of that name; 0 none yet */
    uint32_t stack_count, mapping_count;
    int failed;
};

static uint64_t put(struct encoder *encoder, struct pando_strings *table, const char *bytes, size_t len_bytes)
{
    int64_t number = pando_strings_put(&encoder->budget, table, encoder->secret, bytes, len_bytes);
    if (number < 0)
        encoder->failed = (int)number;
    return number < 0 ? 0 : (uint64_t)number;
}

static uint64_t text(struct encoder *encoder, const char *bytes)
{
    return put(encoder, &encoder->strings, bytes, strlen(bytes));
}

/* Moves what `from` holds into a field of `to`. */
static void end_message(struct pando_buffer *to, uint32_t field, struct pando_buffer *from)
{
    pando_proto_field_bytes(to, field, from->bytes, from->len_bytes);
    pando_buffer_clear(from);
}

/* The number of an attribute: a text, or (NULL) a number. Uses `inner` and `message`. */
static uint64_t attribute(struct encoder *encoder, const char *key, const char *value, uint64_t number)
{
    pando_buffer_clear(&encoder->inner);
    pando_buffer_clear(&encoder->message);
    if (value != NULL)
        pando_proto_field_bytes(&encoder->inner, 1, value, strlen(value));
    else
        pando_proto_field_number(&encoder->inner, 3, number);
    pando_proto_field_number(&encoder->message, 1, text(encoder, key));
    end_message(&encoder->message, 2, &encoder->inner);
    uint64_t place = encoder->message.len_bytes != 0 ? put(encoder, &encoder->attributes, encoder->message.bytes, encoder->message.len_bytes)
                                                     : 0;
    pando_buffer_clear(&encoder->message);
    return place;
}

static uint32_t stack_of(struct encoder *encoder, uint32_t node)
{
    const struct pando_profile *profile = encoder->profile;
    if (node == 0 || encoder->stacks[node] != 0)
        return node == 0 ? 0 : encoder->stacks[node];
    encoder->stacks[node] = ++encoder->stack_count;
    for (uint32_t at = node; at != 0; at = profile->nodes[at].parent)
        pando_proto_write_number(&encoder->inner, profile->nodes[at].frame);
    end_message(&encoder->message, 1, &encoder->inner);
    end_message(&encoder->dictionary, TABLE_STACK, &encoder->message);
    return encoder->stacks[node];
}

/* Who was sampled, as numbers of attributes in `numbers`. */
static uint32_t slice_attributes(struct encoder *encoder, uint32_t frame, uint64_t numbers[PANDO_SLICE_LABELS_MAX + 2])
{
    struct pando_slice slice;
    uint32_t count = 0;
    pando_slice_parse(encoder->profile->strings[encoder->profile->frames[frame].name], &slice);
    if (slice.thread[0] != '\0')
        numbers[count++] = attribute(encoder, "thread.name", slice.thread, 0);
    if (slice.tid != 0)
        numbers[count++] = attribute(encoder, "thread.id", NULL, slice.tid);
    for (uint32_t i = 0; i < slice.label_count; i++)
        numbers[count++] = attribute(encoder, slice.labels[i].key, slice.labels[i].value, 0);
    return count;
}

static void write_sample(struct encoder *encoder, const struct pando_stack *stack, uint64_t value)
{
    uint64_t numbers[PANDO_SLICE_LABELS_MAX + 3];
    uint32_t count = stack->slice != PANDO_STACK_NO_SLICE ? slice_attributes(encoder, stack->slice, numbers) : 0;
    if (stack->state != PANDO_PROFILE_NO_STATE)
        numbers[count++] = attribute(encoder, "thread.state", pando_profile_state_name(stack->state), 0);
    uint32_t number = stack_of(encoder, stack->node);
    pando_proto_field_number(&encoder->message, SAMPLE_STACK, number);
    for (uint32_t i = 0; i < count; i++)
        pando_proto_write_number(&encoder->inner, numbers[i]);
    if (count != 0)
        end_message(&encoder->message, SAMPLE_ATTRIBUTES, &encoder->inner);
    pando_proto_write_number(&encoder->inner, value);
    end_message(&encoder->message, SAMPLE_VALUES, &encoder->inner);
    end_message(&encoder->samples, PROFILE_SAMPLE, &encoder->message);
}

/* Counts, which readers multiply by the period. Rounded so that the sum is right; a stack for which nothing is left is left out. */
static void write_samples(struct encoder *encoder, const struct pando_stacks *stacks, double period_ns)
{
    double sum_ns = 0;
    uint64_t counted = 0;
    struct pando_stack stack;
    for (uint32_t cursor = 0; pando_stacks_next(stacks, &cursor, &stack) && encoder->failed == 0;) {
        sum_ns += (double)stack.weight;
        double until_here = sum_ns / period_ns + 0.5;
        uint64_t whole = until_here < 9e18 ? (uint64_t)until_here : INT64_MAX;
        if (whole != counted)
            write_sample(encoder, &stack, whole - counted);
        counted = whole;
    }
}

static uint32_t mapping_of(struct encoder *encoder, uint32_t object_name)
{
    const struct pando_profile *profile = encoder->profile;
    if (object_name == 0 || encoder->mappings[object_name] != 0)
        return object_name == 0 ? 0 : encoder->mappings[object_name];
    uint32_t path = object_name;
    uint64_t build_id = 0;
    for (uint32_t i = 0; i < profile->object_count; i++) {
        const struct pando_profile_object *object = &profile->objects[i];
        if (object->name != object_name)
            continue;
        path = object->path != 0 ? object->path : path;
        if (object->build_id != 0)
            build_id = attribute(encoder, "process.executable.build_id.gnu", profile->strings[object->build_id], 0);
        break;
    }
    pando_proto_field_number(&encoder->message, 4, text(encoder, profile->strings[path]));
    if (build_id != 0) {
        pando_proto_write_number(&encoder->inner, build_id);
        end_message(&encoder->message, 5, &encoder->inner);
    }
    end_message(&encoder->dictionary, TABLE_MAPPING, &encoder->message);
    return encoder->mappings[object_name] = ++encoder->mapping_count;
}

/* Functions and locations have the frames' numbers; the root's are the ones that mean "not set". */
static void write_frames(struct encoder *encoder, const struct pando_stacks *stacks)
{
    const struct pando_profile *profile = encoder->profile;
    for (uint32_t i = 1; i < profile->frame_count && encoder->failed == 0; i++) {
        const struct pando_profile_frame *frame = &profile->frames[i];
        bool is_function = stacks->kinds[i] == PANDO_PROFILE_NO_STATE;
        uint32_t mapping = is_function ? mapping_of(encoder, frame->object) : 0;
        if (is_function) {
            const char *name = profile->strings[frame->name];
            uint64_t shown = text(encoder, name[0] != '\0' ? name : "[unknown]");
            pando_proto_field_number(&encoder->message, 1, shown);
            pando_proto_field_number(&encoder->message, 2, shown);
            pando_proto_field_number(&encoder->message, 3, text(encoder, profile->strings[frame->file]));
        }
        end_message(&encoder->dictionary, TABLE_FUNCTION, &encoder->message);
        if (is_function) {
            pando_proto_field_number(&encoder->message, 1, mapping);
            pando_proto_field_number(&encoder->inner, 1, i);
            pando_proto_field_number(&encoder->inner, 2, frame->line_min);
            end_message(&encoder->message, 3, &encoder->inner);
        }
        end_message(&encoder->dictionary, TABLE_LOCATION, &encoder->message);
    }
}

static void write_value_type(struct encoder *encoder, struct pando_buffer *out, uint32_t field, const char *type, const char *unit)
{
    pando_proto_field_number(&encoder->message, 1, text(encoder, type));
    pando_proto_field_number(&encoder->message, 2, text(encoder, unit));
    end_message(out, field, &encoder->message);
}

/* The first entries of all tables. */
static void write_zeros(struct encoder *encoder)
{
    static const char zeros[LINK_BYTES_TRACE];
    static const uint32_t tables[] = {TABLE_MAPPING, TABLE_LOCATION, TABLE_FUNCTION, TABLE_STACK};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        pando_proto_field_bytes(&encoder->dictionary, tables[i], "", 0);
    pando_proto_field_bytes(&encoder->message, 1, zeros, LINK_BYTES_TRACE);
    pando_proto_field_bytes(&encoder->message, 2, zeros, LINK_BYTES_SPAN);
    end_message(&encoder->dictionary, TABLE_LINK, &encoder->message);
    put(encoder, &encoder->strings, "", 0);
    put(encoder, &encoder->attributes, "", 0);
}

/* service.name, as collectors group by it. */
static void write_resource(struct encoder *encoder, struct pando_buffer *out)
{
    static const char key[] = "service.name";
    const char *title = encoder->about->title;
    pando_proto_field_bytes(&encoder->inner, 1, title, strlen(title)); /* AnyValue */
    pando_proto_field_bytes(&encoder->message, 1, key, sizeof key - 1);
    end_message(&encoder->message, 2, &encoder->inner);
    end_message(&encoder->inner, 1, &encoder->message); /* of the resource: attributes */
    end_message(out, RESOURCE_RESOURCE, &encoder->inner);
}

static void write_request(struct encoder *encoder, const struct pando_stacks *stacks, struct pando_buffer *out)
{
    const struct pando_profile_meta *meta = &encoder->profile->meta;
    const char *clock = stacks->view == PANDO_VIEW_CPU ? "cpu" : "wall";
    double period_ns = encoder->about->ns_per_sample >= 1 ? encoder->about->ns_per_sample : 1;
    struct pando_buffer resource, scope;
    pando_buffer_init(&resource, out->max_bytes);
    pando_buffer_init(&scope, out->max_bytes);
    write_zeros(encoder);
    write_value_type(encoder, &encoder->samples, PROFILE_TYPE, "samples", "count");
    write_samples(encoder, stacks, period_ns);
    write_frames(encoder, stacks);
    pando_proto_field_fixed64(&encoder->samples, PROFILE_TIME, meta->start_wall_ms * 1000000);
    if (meta->end_wall_ms > meta->start_wall_ms)
        pando_proto_field_number(&encoder->samples, PROFILE_DURATION, (meta->end_wall_ms - meta->start_wall_ms) * 1000000);
    write_value_type(encoder, &encoder->samples, PROFILE_PERIOD_TYPE, clock, "nanoseconds");
    pando_proto_field_number(&encoder->samples, PROFILE_PERIOD, period_ns < 9e18 ? (uint64_t)(period_ns + 0.5) : INT64_MAX);
    pando_proto_field_bytes(&encoder->message, 1, "pando", 5);
    pando_proto_field_bytes(&encoder->message, 2, PANDO_VERSION, sizeof PANDO_VERSION - 1);
    end_message(&scope, SCOPE_SCOPE, &encoder->message);
    end_message(&scope, SCOPE_PROFILE, &encoder->samples);
    write_resource(encoder, &resource);
    end_message(&resource, RESOURCE_SCOPE, &scope);
    end_message(out, REQUEST_RESOURCE, &resource);
    for (uint32_t i = 0; i < encoder->strings.count; i++)
        pando_proto_field_bytes(&encoder->dictionary, TABLE_STRING, encoder->strings.texts[i], encoder->strings.lens[i]);
    for (uint32_t i = 0; i < encoder->attributes.count; i++)
        pando_proto_field_bytes(&encoder->dictionary, TABLE_ATTRIBUTE, encoder->attributes.texts[i], encoder->attributes.lens[i]);
    end_message(out, REQUEST_DICTIONARY, &encoder->dictionary);
    if (encoder->failed == 0)
        encoder->failed = resource.failed != 0 ? resource.failed : scope.failed;
    pando_buffer_release(&resource);
    pando_buffer_release(&scope);
}

int pando_otlp_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out)
{
    struct encoder encoder = {.profile = profile, .about = about, .budget = {.limit_bytes = SIZE_MAX}};
    struct pando_buffer *const buffers[] = {&encoder.dictionary, &encoder.samples, &encoder.message, &encoder.inner};
    struct pando_stacks stacks;
    int error = pando_stacks_make(profile, about->view, &stacks);
    encoder.stacks = calloc((size_t)profile->node_count + 1, sizeof *encoder.stacks);
    encoder.mappings = calloc((size_t)profile->string_count + 1, sizeof *encoder.mappings);
    if (encoder.stacks == NULL || encoder.mappings == NULL)
        error = PANDO_ERR_NO_MEMORY;
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        pando_buffer_init(buffers[i], out->max_bytes);
    if (error == 0) {
        write_request(&encoder, &stacks, out);
        error = encoder.failed != 0 ? encoder.failed : out->failed;
    }
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        if (error == 0)
            error = buffers[i]->failed;
        pando_buffer_release(buffers[i]);
    }
    pando_strings_release(&encoder.strings);
    pando_strings_release(&encoder.attributes);
    free(encoder.stacks);
    free(encoder.mappings);
    pando_stacks_release(&stacks);
    return error;
}
