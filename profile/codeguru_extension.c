/* Why: profile/codeguru_extension.h. Context: as there. What is read comes from the network: every member is checked. */
#include "profile/codeguru_extension.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/slices.h"

enum { BUILD_ID_DIGITS_MAX = 128, KEY_MAX_BYTES = 16 * 1024, LINE_NUMBERS = 5, LINES_OF_FUNCTION_MAX = 8192 };

static void write_slice(struct pando_value_writer *out, const struct pando_profile *profile, uint32_t frame)
{
    struct pando_slice slice;
    pando_slice_parse(profile->strings[profile->frames[frame].name], &slice);
    pando_value_begin_object(out, NULL);
    pando_value_text_if(out, "thread", slice.thread);
    if (slice.tid != 0)
        pando_value_uint(out, "tid", slice.tid);
    if (slice.label_count != 0) {
        pando_value_begin_object(out, "labels");
        for (uint32_t i = 0; i < slice.label_count; i++)
            pando_value_text(out, slice.labels[i].key, slice.labels[i].value);
        pando_value_end_object(out);
    }
    pando_value_end_object(out);
}

static void write_object(struct pando_value_writer *out, const struct pando_profile *profile, const struct pando_profile_object *object)
{
    pando_value_begin_object(out, NULL);
    pando_value_text_if(out, "name", profile->strings[object->name]);
    pando_value_text_if(out, "path", profile->strings[object->path]);
    pando_value_text_if(out, "buildId", profile->strings[object->build_id]);
    pando_value_end_object(out);
}

static int by_frame(const void *a, const void *b)
{
    const struct pando_profile_line *x = a, *y = b;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* Of each function that has some: its key, its file, and for each line five numbers. */
static void write_lines(struct pando_value_writer *out, const struct pando_profile *profile)
{
    struct pando_profile_line *lines = malloc(profile->line_count * sizeof *lines);
    if (lines == NULL)
        return; /* the profile is worth more than they are */
    memcpy(lines, profile->lines, profile->line_count * sizeof *lines);
    qsort(lines, profile->line_count, sizeof *lines, by_frame);
    struct pando_buffer key;
    pando_buffer_init(&key, KEY_MAX_BYTES);
    pando_value_begin_list(out, "lines");
    for (uint32_t i = 0; i < profile->line_count;) {
        const struct pando_profile_frame *frame = &profile->frames[lines[i].frame];
        pando_buffer_clear(&key);
        pando_codeguru_key(profile, frame, &key);
        pando_value_begin_object(out, NULL);
        pando_value_text(out, "function", key.failed == 0 ? key.bytes : "");
        pando_value_text_if(out, "file", profile->strings[frame->file]);
        pando_value_begin_list(out, "weights");
        for (uint32_t of = lines[i].frame; i < profile->line_count && lines[i].frame == of; i++) {
            const uint64_t numbers[LINE_NUMBERS] = {lines[i].line, lines[i].self, lines[i].total, lines[i].wall_self, lines[i].wall_total};
            for (size_t k = 0; k < LINE_NUMBERS; k++)
                pando_value_uint(out, NULL, numbers[k]);
        }
        pando_value_end_list(out);
        pando_value_end_object(out);
    }
    pando_value_end_list(out);
    pando_buffer_release(&key);
    free(lines);
}

void pando_codeguru_write_extension(struct pando_value_writer *out, const struct pando_profile *profile,
                                    const struct pando_codeguru_tree *tree)
{
    if (tree->slice_count == 0 && profile->object_count == 0 && profile->line_count == 0)
        return;
    pando_value_begin_object(out, "pando");
    if (tree->slice_count != 0) {
        pando_value_begin_list(out, "slices");
        for (uint32_t i = 0; i < tree->slice_count; i++)
            write_slice(out, profile, tree->slices[i]);
        pando_value_end_list(out);
    }
    if (profile->object_count != 0) {
        pando_value_begin_list(out, "objects");
        for (uint32_t i = 0; i < profile->object_count; i++)
            write_object(out, profile, &profile->objects[i]);
        pando_value_end_list(out);
    }
    if (profile->line_count != 0)
        write_lines(out, profile);
    pando_value_end_object(out);
}

/* Steps to the next key of an object. 1: it is in the reader's text; 0: the object ends; or an error. */
static int next_key(struct pando_codeguru_decode *decode, const char *member)
{
    enum pando_json_token token = pando_json_next(&decode->reader);
    if (token == PANDO_JSON_OBJECT_END)
        return 0;
    return token == PANDO_JSON_KEY ? 1 : pando_codeguru_refuse_member(decode, member, "");
}

static int read_labels(struct pando_codeguru_decode *decode, struct pando_slice *slice)
{
    struct pando_json_reader *reader = &decode->reader;
    if (slice->label_count != 0)
        return pando_codeguru_refuse_member(decode, "pando.slices", "has a slice with \"labels\" twice");
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return pando_codeguru_refuse_member(decode, "pando.slices", "has \"labels\" that are no object");
    for (;;) {
        int more = next_key(decode, "pando.slices");
        if (more <= 0)
            return more;
        char key[PANDO_SLICE_KEY_BYTES + 1];
        size_t key_bytes = reader->text_bytes;
        if (key_bytes == 0 || key_bytes > PANDO_SLICE_KEY_BYTES)
            return pando_codeguru_refuse_member(decode, "pando.slices", "has a label whose key is empty or longer than 32 bytes");
        memcpy(key, reader->text, key_bytes);
        if (pando_json_next(reader) != PANDO_JSON_STRING || reader->text_bytes > PANDO_SLICE_VALUE_BYTES)
            return pando_codeguru_refuse_member(decode, "pando.slices",
                                                "has a label whose value is not a string of at most 64 bytes");
        uint32_t before = slice->label_count;
        if (!pando_slice_set_label(slice, key, key_bytes, reader->text, reader->text_bytes) || slice->label_count == before)
            return pando_codeguru_refuse_member(decode, "pando.slices", "has a slice with more than 20 labels, or one label twice");
    }
}

static int read_slice(struct pando_codeguru_decode *decode, struct pando_slice *slice)
{
    struct pando_json_reader *reader = &decode->reader;
    for (;;) {
        int more = next_key(decode, "pando.slices");
        if (more <= 0)
            return more;
        int error = 0;
        if (strcmp(reader->text, "thread") == 0) {
            if (pando_json_next(reader) != PANDO_JSON_STRING || reader->text_bytes > PANDO_SLICE_THREAD_BYTES)
                return pando_codeguru_refuse_member(decode, "pando.slices",
                                                    "has a \"thread\" that is not a string of at most 64 bytes");
            pando_slice_set_thread(slice, reader->text, reader->text_bytes);
        } else if (strcmp(reader->text, "tid") == 0) {
            const struct pando_json_number *number = &reader->number;
            if (pando_json_next(reader) != PANDO_JSON_NUMBER || !number->is_whole || number->is_negative ||
                number->whole > UINT32_MAX)
                return pando_codeguru_refuse_member(decode, "pando.slices", "has a \"tid\" that is no whole number");
            slice->tid = (uint32_t)number->whole;
        } else if (strcmp(reader->text, "labels") == 0) {
            error = read_labels(decode, slice);
        } else if (!pando_json_skip(reader, pando_json_next(reader))) {
            error = pando_codeguru_refuse_member(decode, "pando.slices", "");
        }
        if (error != 0)
            return error;
    }
}

static int add_slice(struct pando_codeguru_decode *decode)
{
    struct pando_slice slice = {0};
    int error = read_slice(decode, &slice);
    if (error != 0)
        return error;
    if (decode->slice_count == PANDO_SLICES_MAX)
        return pando_codeguru_refuse(decode, PANDO_ERR_LIMIT, "pando.slices has more than %d slices.", (int)PANDO_SLICES_MAX);
    if (decode->slices == NULL)
        decode->slices = malloc(PANDO_SLICES_MAX * sizeof *decode->slices);
    if (decode->slices == NULL)
        return pando_codeguru_refuse_memory(decode, PANDO_ERR_NO_MEMORY);
    int64_t frame = pando_profile_builder_slice(decode->builder, &slice);
    if (frame < 0)
        return pando_codeguru_refuse_memory(decode, frame);
    decode->slices[decode->slice_count++] = (uint32_t)frame;
    return 0;
}

static bool is_build_id(const struct pando_json_reader *reader)
{
    return reader->text_bytes <= BUILD_ID_DIGITS_MAX && reader->text_bytes % 2 == 0 &&
           strspn(reader->text, "0123456789abcdef") == reader->text_bytes;
}

static int add_object(struct pando_codeguru_decode *decode)
{
    struct pando_json_reader *reader = &decode->reader;
    struct pando_profile_object object = {0};
    for (;;) {
        int more = next_key(decode, "pando.objects");
        if (more < 0)
            return more;
        if (more == 0)
            break;
        bool is_id = strcmp(reader->text, "buildId") == 0;
        uint32_t *field = is_id                                 ? &object.build_id
                          : strcmp(reader->text, "name") == 0 ? &object.name
                          : strcmp(reader->text, "path") == 0 ? &object.path
                                                              : NULL;
        enum pando_json_token token = pando_json_next(reader);
        if (field == NULL && pando_json_skip(reader, token))
            continue;
        if (field == NULL || token != PANDO_JSON_STRING)
            return pando_codeguru_refuse_member(decode, "pando.objects", "has a \"name\", \"path\" or \"buildId\" that is no string");
        if (is_id && !is_build_id(reader))
            return pando_codeguru_refuse_member(decode, "pando.objects",
                                                "has a \"buildId\" that is not at most 64 bytes in lower-case hexadecimal digits");
        int64_t string = pando_profile_builder_string(decode->builder, reader->text, reader->text_bytes);
        if (string < 0)
            return pando_codeguru_refuse_memory(decode, string);
        *field = (uint32_t)string;
    }
    int64_t number = pando_profile_builder_object(decode->builder, object);
    if (number == PANDO_ERR_LIMIT)
        return pando_codeguru_refuse(decode, PANDO_ERR_LIMIT, "pando.objects has more than %d objects.",
                                     (int)PANDO_PROFILE_OBJECTS_MAX);
    return number < 0 ? pando_codeguru_refuse_memory(decode, number) : 0;
}

/* The weights of one function's lines, five numbers each. Lines for which there is no room are left out. */
static int read_weights(struct pando_codeguru_decode *decode, struct pando_profile_line *lines, size_t *ret_count)
{
    struct pando_json_reader *reader = &decode->reader;
    uint64_t numbers[LINE_NUMBERS];
    size_t at = 0;
    *ret_count = 0;
    if (pando_json_next(reader) != PANDO_JSON_ARRAY)
        return pando_codeguru_refuse_member(decode, "pando.lines", "has \"weights\" that are no array");
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_ARRAY_END && at == 0)
            return 0;
        if (token != PANDO_JSON_NUMBER || !reader->number.is_whole || reader->number.is_negative)
            return pando_codeguru_refuse_member(decode, "pando.lines", "must have whole numbers in \"weights\", five for each line");
        numbers[at++] = reader->number.whole;
        if (at < LINE_NUMBERS)
            continue;
        at = 0;
        if (numbers[0] == 0 || numbers[0] > UINT32_MAX)
            return pando_codeguru_refuse_member(decode, "pando.lines", "has a line whose number is not from 1 to 4294967295");
        if (*ret_count < LINES_OF_FUNCTION_MAX)
            lines[(*ret_count)++] = (struct pando_profile_line){.line = (uint32_t)numbers[0], .self = numbers[1], .total = numbers[2],
                                                                .wall_self = numbers[3], .wall_total = numbers[4]};
    }
}

static int read_function(struct pando_codeguru_decode *decode, struct pando_profile_line *lines)
{
    struct pando_json_reader *reader = &decode->reader;
    struct pando_profile_frame frame = {0};
    size_t count = 0;
    for (;;) {
        int more = next_key(decode, "pando.lines");
        if (more < 0)
            return more;
        if (more == 0)
            break;
        bool is_function = strcmp(reader->text, "function") == 0, is_file = strcmp(reader->text, "file") == 0;
        int error = 0;
        if (is_function || is_file) {
            if (pando_json_next(reader) != PANDO_JSON_STRING)
                return pando_codeguru_refuse_member(decode, "pando.lines", "has a \"function\" or \"file\" that is no string");
            int64_t file = is_file ? pando_profile_builder_string(decode->builder, reader->text, reader->text_bytes) : 0;
            if (file < 0)
                return pando_codeguru_refuse_memory(decode, file);
            if (is_file)
                frame.file = (uint32_t)file;
            else
                error = pando_codeguru_split_key(decode, &frame.object, &frame.name);
        } else if (strcmp(reader->text, "weights") == 0) {
            error = read_weights(decode, lines, &count);
        } else if (!pando_json_skip(reader, pando_json_next(reader))) {
            error = pando_codeguru_refuse_member(decode, "pando.lines", "");
        }
        if (error != 0)
            return error;
    }
    int64_t number = pando_profile_builder_frame(decode->builder, frame);
    for (size_t i = 0; i < count && number >= 0; i++) {
        lines[i].frame = (uint32_t)number;
        int64_t line = pando_profile_builder_line(decode->builder, lines[i]);
        if (line < 0 && line != PANDO_ERR_LIMIT)
            return pando_codeguru_refuse_memory(decode, line);
    }
    return number < 0 ? pando_codeguru_refuse_memory(decode, number) : 0;
}

static int add_function(struct pando_codeguru_decode *decode)
{
    struct pando_profile_line *lines = malloc(LINES_OF_FUNCTION_MAX * sizeof *lines);
    if (lines == NULL)
        return pando_codeguru_refuse_memory(decode, PANDO_ERR_NO_MEMORY);
    int error = read_function(decode, lines);
    free(lines);
    return error;
}

static int read_list(struct pando_codeguru_decode *decode, const char *member, int (*add)(struct pando_codeguru_decode *decode))
{
    struct pando_json_reader *reader = &decode->reader;
    if (pando_json_next(reader) != PANDO_JSON_ARRAY)
        return pando_codeguru_refuse_member(decode, member, "must be an array");
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_ARRAY_END)
            return 0;
        if (token != PANDO_JSON_OBJECT)
            return pando_codeguru_refuse_member(decode, member, "must have objects only");
        int error = add(decode);
        if (error != 0)
            return error;
    }
}

int pando_codeguru_decode_extension(struct pando_codeguru_decode *decode)
{
    enum { SEEN_SLICES = 1, SEEN_OBJECTS = 2, SEEN_LINES = 4 };
    struct pando_json_reader *reader = &decode->reader;
    unsigned seen = 0;
    pando_json_reader_move(reader, decode->extension);
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return pando_codeguru_refuse_member(decode, "pando", "must be an object");
    for (;;) {
        int more = next_key(decode, "pando");
        if (more <= 0)
            return more;
        unsigned member = strcmp(reader->text, "slices") == 0    ? SEEN_SLICES
                          : strcmp(reader->text, "objects") == 0 ? SEEN_OBJECTS
                          : strcmp(reader->text, "lines") == 0   ? SEEN_LINES
                                                                 : 0;
        if ((seen & member) != 0)
            return pando_codeguru_refuse_member(decode, "pando", "has \"slices\", \"objects\" or \"lines\" twice");
        seen |= member;
        int error = 0;
        if (member == SEEN_SLICES)
            error = read_list(decode, "pando.slices", add_slice);
        else if (member == SEEN_OBJECTS)
            error = read_list(decode, "pando.objects", add_object);
        else if (member == SEEN_LINES)
            error = read_list(decode, "pando.lines", add_function);
        else if (!pando_json_skip(reader, pando_json_next(reader)))
            error = pando_codeguru_refuse_member(decode, "pando", "");
        if (error != 0)
            return error;
    }
}
