/* Why: profiles that Go, Pyroscope, Parca, gperftools and others write, in pprof's message. Context: own processes.
 * Tables may come behind what refers to them: a first pass notes where all entries are, by their numbers; the second takes the
 * samples. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/import.h"
#include "profile/pprof_tables.h"
#include "profile/slices.h"
#include "profile/states.h"

struct decoder {
    const struct pando_import *import;
    struct pando_pprof_tables tables;
    struct pando_profile_builder *builder;
    size_t value_at, count_at;  /* which of a sample's values; SIZE_MAX: none */
    double ns_per_value;
    uint32_t *frames;           /* by a location's place: its frame + 1, if it is one function and was met; else 0 */
    uint64_t count_sum, sample_count;
};

static int refuse_memory(struct decoder *decoder, int64_t error)
{
    return pando_import_refuse(decoder->import, (int)error, error == PANDO_ERR_LIMIT ? "it is too large." : "there is no memory for it.");
}

static int wrong(struct decoder *decoder, const char *what)
{
    return pando_import_refuse(decoder->import, PANDO_ERR_INVALID, "it is no pprof profile: %s.", what);
}

static double unit_ns(const char *unit)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"nanoseconds", 1}, {"microseconds", 1e3}, {"milliseconds", 1e6}, {"seconds", 1e9}, {"ns", 1}, {"us", 1e3},
                 {"ms", 1e6}, {"s", 1e9}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].ns;
    return 0;
}

/* Which value of a sample is its time. */
static int choose_value(struct decoder *decoder)
{
    const struct pando_pprof_tables *tables = &decoder->tables;
    char type[64], unit[32], wanted[64];
    bool is_default_time = false;
    decoder->value_at = decoder->count_at = SIZE_MAX;
    pando_pprof_text(tables, tables->default_type, wanted, sizeof wanted);
    for (uint32_t i = 0; i < tables->type_count && !is_default_time; i++) {
        pando_pprof_text(tables, tables->types[i].type, type, sizeof type);
        pando_pprof_text(tables, tables->types[i].unit, unit, sizeof unit);
        if (unit_ns(unit) > 0) {
            decoder->value_at = i;
            decoder->ns_per_value = unit_ns(unit);
            is_default_time = wanted[0] != '\0' && strcmp(type, wanted) == 0;
        }
    }
    for (uint32_t i = 0; i < tables->type_count; i++) {
        pando_pprof_text(tables, tables->types[i].type, type, sizeof type);
        pando_pprof_text(tables, tables->types[i].unit, unit, sizeof unit);
        if (strcmp(unit, "count") == 0 && (strcmp(type, "samples") == 0 || decoder->count_at == SIZE_MAX))
            decoder->count_at = i;
    }
    pando_pprof_text(tables, tables->period_type.unit, unit, sizeof unit);
    if (decoder->value_at == SIZE_MAX && decoder->count_at != SIZE_MAX && unit_ns(unit) > 0 && tables->period > 0) {
        decoder->value_at = decoder->count_at;
        decoder->ns_per_value = unit_ns(unit) * (double)tables->period;
    }
    if (decoder->value_at != SIZE_MAX)
        return 0;
    if (tables->type_count == 0)
        return wrong(decoder, "it does not say what its values are");
    return pando_import_refuse(decoder->import, PANDO_ERR_UNSUPPORTED, "it measures %s in %s; only time can be shown here.", type, unit);
}

/* The number of a string of the message in the builder. */
static int64_t string_of(struct decoder *decoder, uint64_t number)
{
    const char *bytes = "";
    size_t len = 0;
    if (!pando_pprof_string(&decoder->tables, number, &bytes, &len))
        return wrong(decoder, "a string that it refers to is not in its table");
    int64_t string = pando_profile_builder_string(decoder->builder, bytes, len);
    return string < 0 ? refuse_memory(decoder, string) : string;
}

/* A mapping's object: the file's name without folders. The table of objects gets the whole of it, as far as it has room. */
static int64_t object_of(struct decoder *decoder, uint64_t mapping_id)
{
    const char *file;
    size_t len;
    uint64_t name = 0, build_id = 0;
    if (mapping_id == 0 || !pando_pprof_mapping(&decoder->tables, mapping_id, &name, &build_id))
        return 0;
    int64_t path = string_of(decoder, name), build = string_of(decoder, build_id);
    if (path < 0 || build < 0)
        return path < 0 ? path : build;
    pando_pprof_string(&decoder->tables, name, &file, &len);
    const char *slash = memrchr(file, '/', len);
    size_t folders = slash != NULL ? (size_t)(slash + 1 - file) : 0;
    int64_t object = pando_profile_builder_string(decoder->builder, file + folders, len - folders);
    if (object < 0)
        return refuse_memory(decoder, object);
    if (object != 0)
        pando_profile_builder_object(decoder->builder, (struct pando_profile_object){
            .name = (uint32_t)object, .path = (uint32_t)path, .build_id = (uint32_t)build});
    return object;
}

/* A function's frame in the builder. */
static int64_t frame_of(struct decoder *decoder, const struct pando_pprof_line *line, uint64_t mapping_id)
{
    uint64_t name = 0, file = 0;
    if (!pando_pprof_function(&decoder->tables, line->function, &name, &file))
        return wrong(decoder, "a function that it refers to is not in its table");
    int64_t name_string = string_of(decoder, name), file_string = string_of(decoder, file), object = object_of(decoder, mapping_id);
    if (name_string < 0 || file_string < 0 || object < 0)
        return name_string < 0 ? name_string : file_string < 0 ? file_string : object;
    uint32_t number = line->line > 0 && line->line <= UINT32_MAX ? (uint32_t)line->line : 0;
    int64_t frame = pando_profile_builder_frame(decoder->builder, (struct pando_profile_frame){
        .name = (uint32_t)name_string, .object = (uint32_t)object, .file = (uint32_t)file_string, .line_min = number, .line_max = number});
    return frame < 0 ? refuse_memory(decoder, frame) : frame;
}

/* A location without functions is an address. */
static int64_t unnamed_frame(struct decoder *decoder, const struct pando_pprof_location *location)
{
    char name[160], object_text[96] = "unknown";
    uint64_t file = 0, unused;
    int64_t object = object_of(decoder, location->mapping);
    if (object < 0)
        return object;
    if (object != 0 && pando_pprof_mapping(&decoder->tables, location->mapping, &file, &unused)) {
        char path[512];
        pando_pprof_text(&decoder->tables, file, path, sizeof path);
        const char *slash = strrchr(path, '/');
        snprintf(object_text, sizeof object_text, "%.90s", slash != NULL ? slash + 1 : path);
    }
    int len = snprintf(name, sizeof name, "[%s+0x%llx]", object_text, (unsigned long long)location->address);
    int64_t string = pando_profile_builder_string(decoder->builder, name, (size_t)len);
    int64_t frame = string < 0 ? string
                               : pando_profile_builder_frame(decoder->builder, (struct pando_profile_frame){
                                     .name = (uint32_t)string, .object = (uint32_t)object});
    return frame < 0 ? refuse_memory(decoder, frame) : frame;
}

/* Goes down from `node` by the frames of a location: the outermost function is its last line. */
static int64_t add_location(struct decoder *decoder, int64_t node, uint64_t id)
{
    struct pando_pprof_location location;
    uint32_t place = pando_pprof_location_place(&decoder->tables, id);
    if (place != UINT32_MAX && decoder->frames[place] != 0) {
        node = pando_profile_builder_child(decoder->builder, (uint32_t)node, decoder->frames[place] - 1);
        return node < 0 ? refuse_memory(decoder, node) : node;
    }
    if (place == UINT32_MAX || !pando_pprof_location(&decoder->tables, id, &location))
        return wrong(decoder, "a location that a sample refers to is not in its table");
    for (uint32_t i = location.line_count; node >= 0 && (i > 0 || location.line_count == 0);) {
        int64_t frame = location.line_count == 0 ? unnamed_frame(decoder, &location)
                                                 : frame_of(decoder, &location.lines[--i], location.mapping);
        if (frame < 0)
            return frame;
        if (location.line_count <= 1)
            decoder->frames[place] = (uint32_t)frame + 1;
        node = pando_profile_builder_child(decoder->builder, (uint32_t)node, (uint32_t)frame);
        if (node < 0)
            return refuse_memory(decoder, node);
        if (location.line_count == 0)
            break;
    }
    return node;
}

/* One label of a sample, into its slice or state. */
static void read_label(struct decoder *decoder, struct pando_proto label, struct pando_slice *slice, enum pando_profile_state *state)
{
    uint64_t key = 0, text_number = 0, number = 0;
    char name[PANDO_SLICE_KEY_BYTES + 1], value[512];
    while (pando_proto_next(&label)) {
        if (label.wire != PANDO_PROTO_NUMBER)
            continue;
        if (label.field == 1)
            key = label.number;
        else if (label.field == 2)
            text_number = label.number;
        else if (label.field == 3)
            number = label.number;
    }
    pando_pprof_text(&decoder->tables, key, name, sizeof name);
    pando_pprof_text(&decoder->tables, text_number, value, sizeof value);
    if (strcmp(name, "state") == 0 && pando_profile_state_of_counter(value) != PANDO_PROFILE_NO_STATE) {
        *state = pando_profile_state_of_counter(value);
    } else if (strcmp(name, "thread_name") == 0 || strcmp(name, "thread") == 0) {
        pando_slice_set_thread(slice, value, strlen(value));
    } else if ((strcmp(name, "thread_id") == 0 || strcmp(name, "tid") == 0) && number != 0 && number <= UINT32_MAX) {
        slice->tid = (uint32_t)number;
    } else if (name[0] != '\0') {
        if (text_number == 0)
            snprintf(value, sizeof value, "%llu", (unsigned long long)number);
        pando_slice_set_label(slice, name, strlen(name), value, strlen(value));
    }
}

/* Below the innermost function: who was sampled, and in which state. */
static int64_t add_leaves(struct decoder *decoder, int64_t node, const struct pando_slice *slice, enum pando_profile_state state)
{
    bool has_slice = slice->thread[0] != '\0' || slice->tid != 0 || slice->label_count != 0;
    if (has_slice) {
        int64_t frame = pando_profile_builder_slice(decoder->builder, slice);
        node = frame < 0 ? frame : pando_profile_builder_child(decoder->builder, (uint32_t)node, (uint32_t)frame);
    }
    if (node >= 0 && state != PANDO_PROFILE_NO_STATE) {
        int64_t frame = pando_profile_builder_state(decoder->builder, state);
        node = frame < 0 ? frame : pando_profile_builder_child(decoder->builder, (uint32_t)node, (uint32_t)frame);
    }
    return node < 0 ? refuse_memory(decoder, node) : node;
}

struct sample {
    uint64_t *locations;    /* of PANDO_IMPORT_DEPTH_MAX; leaf first */
    size_t location_count, value_count;
    uint64_t value, count;
    struct pando_slice slice;
    enum pando_profile_state state;
};

static int read_sample(struct decoder *decoder, struct pando_proto message, struct sample *sample)
{
    uint64_t number;
    while (pando_proto_next(&message)) {
        const char *cursor = NULL;
        if (message.field == 1) {
            while (pando_proto_numbers(&message, &cursor, &number)) {
                if (sample->location_count == PANDO_IMPORT_DEPTH_MAX)
                    return pando_import_refuse(decoder->import, PANDO_ERR_LIMIT, "a stack in it is deeper than %d frames.",
                                               (int)PANDO_IMPORT_DEPTH_MAX);
                sample->locations[sample->location_count++] = number;
            }
        } else if (message.field == 2) {
            for (; pando_proto_numbers(&message, &cursor, &number); sample->value_count++) {
                sample->value = sample->value_count == decoder->value_at ? number : sample->value;
                sample->count = sample->value_count == decoder->count_at ? number : sample->count;
            }
        } else if (message.field == 3 && message.wire == PANDO_PROTO_BYTES) {
            read_label(decoder, pando_proto_of(message.bytes, message.len_bytes), &sample->slice, &sample->state);
        }
    }
    if (message.failed)
        return wrong(decoder, "a sample is damaged");
    return sample->value_count == decoder->tables.type_count ? 0 : wrong(decoder, "a sample has more or fewer values than there are types");
}

static int add_sample(struct decoder *decoder, const struct sample *sample)
{
    int64_t node = 0;
    if ((int64_t)sample->value < 0)
        return pando_import_refuse(decoder->import, PANDO_ERR_UNSUPPORTED, "a value in it is negative: it is a difference of profiles.");
    for (size_t i = sample->location_count; i > 0 && node >= 0; i--)
        node = add_location(decoder, node, sample->locations[i - 1]);
    if (node >= 0)
        node = add_leaves(decoder, node, &sample->slice, sample->state);
    if (node < 0)
        return (int)node;
    double ns = (double)sample->value * decoder->ns_per_value;
    uint64_t weight = decoder->ns_per_value == 1 ? sample->value : ns < 9e18 ? (uint64_t)(ns + 0.5) : UINT64_MAX / 2;
    decoder->sample_count++;
    decoder->count_sum += (int64_t)sample->count > 0 ? sample->count : 0;
    return pando_profile_builder_add_self(decoder->builder, (uint32_t)node, weight);
}

static int add_samples(struct decoder *decoder, const char *bytes, size_t len_bytes)
{
    struct pando_proto message = pando_proto_of(bytes, len_bytes);
    uint64_t *locations = malloc(PANDO_IMPORT_DEPTH_MAX * sizeof *locations);
    int error = locations != NULL ? 0 : refuse_memory(decoder, PANDO_ERR_NO_MEMORY);
    while (error == 0 && pando_proto_next(&message)) {
        if (message.field != 2 || message.wire != PANDO_PROTO_BYTES)
            continue;
        struct sample sample = {.locations = locations};
        error = read_sample(decoder, pando_proto_of(message.bytes, message.len_bytes), &sample);
        if (error == 0)
            error = add_sample(decoder, &sample);
    }
    free(locations);
    return error;
}

static int decode(struct decoder *decoder, const char *bytes, size_t len_bytes)
{
    int error = pando_pprof_tables_read(&decoder->tables, bytes, len_bytes, decoder->import->memory_bytes);
    if (error == PANDO_ERR_SYNTAX)
        return wrong(decoder, "its bytes are not of the form");
    if (error != 0)
        return refuse_memory(decoder, error);
    error = choose_value(decoder);
    if (error != 0)
        return error;
    decoder->frames = calloc((size_t)decoder->tables.locations.count + 1, sizeof *decoder->frames);
    if (decoder->frames == NULL)
        return refuse_memory(decoder, PANDO_ERR_NO_MEMORY);
    struct pando_profile_meta *meta = pando_profile_builder_meta(decoder->builder);
    meta->weight_per_second = 1e9;
    meta->start_wall_ms = decoder->tables.time_ns / 1000000;
    meta->end_wall_ms = meta->start_wall_ms + decoder->tables.duration_ns / 1000000;
    error = add_samples(decoder, bytes, len_bytes);
    meta->samples = decoder->count_at != SIZE_MAX ? decoder->count_sum : decoder->sample_count;
    return error;
}

int pando_pprof_decode(const char *bytes, size_t len_bytes, const struct pando_import *import, struct pando_profile **ret_profile)
{
    struct decoder decoder = {.import = import, .builder = pando_profile_builder_new(import->memory_bytes)};
    int error = decoder.builder != NULL ? decode(&decoder, bytes, len_bytes) : refuse_memory(&decoder, PANDO_ERR_NO_MEMORY);
    pando_pprof_tables_release(&decoder.tables);
    free(decoder.frames);
    if (error != 0) {
        pando_profile_builder_free(decoder.builder);
        return error;
    }
    *ret_profile = pando_profile_builder_finish(decoder.builder);
    return *ret_profile != NULL ? 0 : refuse_memory(&decoder, PANDO_ERR_NO_MEMORY);
}
