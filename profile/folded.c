/* Why: folded stacks, one a line, "root;caller;function NUMBER": what flamegraph.pl and its kin read and write
 * (https://github.com/brendangregg/FlameGraph). Ours count nanoseconds.
 * Context: own processes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "profile/export.h"
#include "profile/folded.h"
#include "profile/import.h"
#include "profile/json_writer.h"
#include "profile/stacks.h"

int pando_import_refuse(const struct pando_import *import, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(import->message, import->message_bytes, format, args);
    va_end(args);
    return error;
}

/* What ends a frame or a line (for readers in JavaScript also U+2028 and U+2029) is another character in a name. */
static void write_name(struct pando_buffer *out, const char *name)
{
    if (name[0] == '\0')
        name = "[unknown]";
    for (;;) {
        size_t plain = strcspn(name, ";\n\r\t\xe2");
        pando_buffer_append(out, name, plain);
        name += plain;
        if (*name == '\0')
            return;
        bool is_separator = strncmp(name, "\xe2\x80\xa8", 3) == 0 || strncmp(name, "\xe2\x80\xa9", 3) == 0;
        char replaced = *name == ';' ? ':' : (unsigned char)*name == 0xe2 && !is_separator ? *name : ' ';
        pando_buffer_append_char(out, replaced);
        name += is_separator ? 3 : 1;
    }
}

int pando_folded_write_stack(const struct pando_profile *profile, uint32_t node, uint32_t *path, struct pando_buffer *out)
{
    uint32_t depth = 0;
    for (; node != 0; node = profile->nodes[node].parent)
        path[depth++] = profile->nodes[node].frame;
    if (depth == 0)
        pando_buffer_append_text(out, "[no stack]");
    while (depth > 0) {
        write_name(out, profile->strings[profile->frames[path[--depth]].name]);
        if (depth != 0)
            pando_buffer_append_char(out, ';');
    }
    return out->failed;
}

int pando_folded_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out)
{
    struct pando_stacks stacks;
    struct pando_stack stack;
    int error = pando_stacks_make(profile, about->view, &stacks);
    uint64_t *weights = calloc((size_t)profile->node_count + 1, sizeof *weights);
    uint32_t *path = malloc(((size_t)profile->node_count + 1) * sizeof *path);
    if (weights == NULL || path == NULL)
        error = PANDO_ERR_NO_MEMORY;
    for (uint32_t cursor = 0; error == 0 && pando_stacks_next(&stacks, &cursor, &stack);)
        weights[stack.node] += stack.weight;
    for (uint32_t node = 0; node < profile->node_count && error == 0; node++) {
        if (weights[node] == 0)
            continue;
        error = pando_folded_write_stack(profile, node, path, out);
        pando_buffer_append_char(out, ' ');
        pando_json_write_uint(out, weights[node]);
        pando_buffer_append_char(out, '\n');
    }
    free(weights);
    free(path);
    pando_stacks_release(&stacks);
    return error != 0 ? error : out->failed;
}

/* Adds the stack of a line, whose number is in `count`. */
static int64_t add_stack(struct pando_profile_builder *builder, const char *at, const char *end)
{
    int64_t node = 0;
    for (uint32_t depth = 0; at <= end && node >= 0; depth++) {
        const char *semicolon = memchr(at, ';', (size_t)(end - at));
        const char *frame_end = semicolon != NULL ? semicolon : end;
        int64_t string = pando_profile_builder_string(builder, at, (size_t)(frame_end - at));
        int64_t frame = string < 0 ? string
                                   : pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = (uint32_t)string});
        if (depth == PANDO_IMPORT_DEPTH_MAX)
            return PANDO_ERR_LIMIT;
        node = frame < 0 ? frame : pando_profile_builder_child(builder, (uint32_t)node, (uint32_t)frame);
        at = frame_end + 1;
    }
    return node;
}

/* One line without its end. 0, or an error; lines that say nothing are passed over. */
static int read_line(struct pando_profile_builder *builder, const char *line, const char *end, const struct pando_import *import,
                     size_t *stack_count)
{
    while (end > line && (end[-1] == '\r' || end[-1] == ' '))
        end--;
    if (line == end || line[0] == '#')
        return 0;
    const char *digits = end;
    while (digits > line && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    struct pando_cursor cursor = pando_cursor_of(digits, (size_t)(end - digits));
    uint64_t count;
    if (digits - line < 2 || digits[-1] != ' ' || pando_cursor_decimal(&cursor, UINT64_MAX, &count) != 0)
        return PANDO_ERR_SYNTAX;
    int64_t node = add_stack(builder, line, digits - 1);
    if (node < 0)
        return (int)node;
    if (count > UINT64_MAX / import->ns_per_count)
        return PANDO_ERR_INVALID;
    ++*stack_count;
    if (import->counts_are_samples)
        pando_profile_builder_meta(builder)->samples += count;
    return pando_profile_builder_add_self(builder, (uint32_t)node, count * import->ns_per_count);
}

int pando_folded_decode(const char *bytes, size_t len_bytes, const struct pando_import *import, struct pando_profile **ret_profile)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(import->memory_bytes);
    if (builder == NULL)
        return pando_import_refuse(import, PANDO_ERR_NO_MEMORY, "there is no memory for it.");
    pando_profile_builder_meta(builder)->weight_per_second = 1e9;
    int error = 0;
    size_t number = 0, stack_count = 0;
    const char *end = bytes + len_bytes;
    for (const char *line = bytes; line < end && error == 0; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = newline != NULL ? newline : end;
        error = read_line(builder, line, line_end, import, &stack_count);
        line = line_end + 1;
    }
    if (error == 0 && stack_count == 0)
        error = pando_import_refuse(import, PANDO_ERR_INVALID, "no stack is in it.");
    else if (error == PANDO_ERR_SYNTAX)
        pando_import_refuse(import, error, "line %zu is no folded stack (names with ; between, a blank, a whole number).", number);
    else if (error == PANDO_ERR_INVALID)
        pando_import_refuse(import, error, "the number in line %zu is too large.", number);
    else if (error != 0)
        pando_import_refuse(import, error, "it is too large, or line %zu is too deep: %s.", number, pando_error_text(error));
    if (error != 0) {
        pando_profile_builder_free(builder);
        return error;
    }
    *ret_profile = pando_profile_builder_finish(builder);
    return *ret_profile != NULL ? 0 : pando_import_refuse(import, PANDO_ERR_NO_MEMORY, "there is no memory for it.");
}
