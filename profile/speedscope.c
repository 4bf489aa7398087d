/* Why: a profile for speedscope (https://github.com/jlfwong/speedscope), in its own JSON: of pprof it reads less. One profile of all
 * threads, and one of each thread, which its thread menu offers. Context: own processes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/export.h"
#include "profile/json_writer.h"
#include "profile/slices.h"
#include "profile/stacks.h"

enum { THREADS_MAX = 200, THREAD_NAME_BYTES = 96, ALL_THREADS = UINT16_MAX };

struct thread {
    char name[THREAD_NAME_BYTES];
    uint64_t weight;
};

struct encoder {
    const struct pando_profile *profile;
    struct pando_stacks stacks;
    struct pando_buffer *out;
    struct thread *threads;     /* THREADS_MAX */
    uint16_t *thread_of_frame;  /* of a slice's frame: number + 1; 0: in none of its own */
    uint32_t *path;             /* frames of one stack */
    uint32_t thread_count;
};

static void name_thread(const struct pando_profile *profile, uint32_t frame, char name[THREAD_NAME_BYTES])
{
    struct pando_slice slice;
    pando_slice_parse(profile->strings[profile->frames[frame].name], &slice);
    if (slice.tid != 0)
        snprintf(name, THREAD_NAME_BYTES, "%s (%u)", slice.thread[0] != '\0' ? slice.thread : "thread", slice.tid);
    else
        snprintf(name, THREAD_NAME_BYTES, "%s", slice.thread[0] != '\0' ? slice.thread : "thread without a name");
}

/* Slices of one thread are one profile, whatever their labels. */
static void find_threads(struct encoder *encoder)
{
    for (uint32_t frame = 0; frame < encoder->profile->frame_count; frame++) {
        char name[THREAD_NAME_BYTES];
        uint32_t thread = 0;
        if (!pando_profile_frame_is_slice(encoder->profile, frame))
            continue;
        name_thread(encoder->profile, frame, name);
        while (thread < encoder->thread_count && strcmp(encoder->threads[thread].name, name) != 0)
            thread++;
        if (thread == THREADS_MAX)
            continue; /* in the profile of all threads only */
        if (thread == encoder->thread_count)
            snprintf(encoder->threads[encoder->thread_count++].name, THREAD_NAME_BYTES, "%s", name);
        encoder->thread_of_frame[frame] = (uint16_t)(thread + 1);
    }
    struct pando_stack stack;
    for (uint32_t cursor = 0; pando_stacks_next(&encoder->stacks, &cursor, &stack);)
        if (encoder->thread_of_frame[stack.slice] != 0)
            encoder->threads[encoder->thread_of_frame[stack.slice] - 1].weight += stack.weight;
}

static void write_frames(struct encoder *encoder)
{
    const struct pando_profile *profile = encoder->profile;
    struct pando_buffer *out = encoder->out;
    pando_buffer_append_text(out, "\"shared\":{\"frames\":[");
    for (uint32_t i = 0; i < profile->frame_count; i++) {
        const struct pando_profile_frame *frame = &profile->frames[i];
        const char *name = i == 0 ? "[no stack]" : profile->strings[frame->name];
        pando_buffer_append_text(out, i == 0 ? "{" : ",{");
        pando_json_key(out, "name");
        pando_json_write_string(out, name[0] != '\0' ? name : "[unknown]");
        pando_json_member_text(out, "file", profile->strings[frame->file != 0 ? frame->file : frame->object]);
        if (frame->line_min != 0)
            pando_json_member_uint(out, "line", frame->line_min);
        pando_json_close(out);
    }
    pando_buffer_append_text(out, "]}");
}

static void write_stack(struct encoder *encoder, uint32_t node)
{
    const struct pando_profile *profile = encoder->profile;
    uint32_t depth = 0;
    for (; node != 0; node = profile->nodes[node].parent)
        encoder->path[depth++] = profile->nodes[node].frame;
    if (depth == 0)
        encoder->path[depth++] = 0;
    for (char before = '['; depth > 0; before = ',') {
        pando_buffer_append_char(encoder->out, before);
        pando_json_write_uint(encoder->out, encoder->path[--depth]);
    }
    pando_buffer_append_char(encoder->out, ']');
}

/* One of speedscope's profiles: of a thread, or of all. */
static void write_profile(struct encoder *encoder, uint32_t thread, const char *name, uint64_t total)
{
    struct pando_buffer *out = encoder->out;
    struct pando_stack stack;
    pando_buffer_append_char(out, '{');
    pando_json_member_text(out, "type", "sampled");
    pando_json_member_text(out, "name", name);
    pando_json_member_text(out, "unit", "nanoseconds");
    pando_json_member_uint(out, "startValue", 0);
    pando_json_member_uint(out, "endValue", total);
    for (int is_weights = 0; is_weights < 2; is_weights++) {
        bool is_first = true;
        pando_json_key(out, is_weights ? "weights" : "samples");
        pando_buffer_append_char(out, '[');
        for (uint32_t cursor = 0; pando_stacks_next(&encoder->stacks, &cursor, &stack);) {
            if (thread != ALL_THREADS && encoder->thread_of_frame[stack.slice] != thread + 1)
                continue;
            if (!is_first)
                pando_buffer_append_char(out, ',');
            is_first = false;
            if (is_weights)
                pando_json_write_uint(out, stack.weight);
            else
                write_stack(encoder, stack.node);
        }
        pando_buffer_append_char(out, ']');
    }
    pando_buffer_append_char(out, '}');
}

static void write_file(struct encoder *encoder, const struct pando_export_about *about)
{
    struct pando_buffer *out = encoder->out;
    pando_buffer_append_char(out, '{');
    pando_json_member_text(out, "$schema", "https://www.speedscope.app/file-format-schema.json");
    pando_json_member_text(out, "name", about->title);
    pando_json_member_text(out, "exporter", "pando@" PANDO_VERSION);
    pando_json_member_uint(out, "activeProfileIndex", 0);
    pando_buffer_append_char(out, ',');
    write_frames(encoder);
    pando_buffer_append_text(out, ",\"profiles\":[");
    write_profile(encoder, ALL_THREADS, about->title, encoder->stacks.total);
    for (uint32_t i = 0; i < encoder->thread_count && out->failed == 0; i++) {
        if (encoder->threads[i].weight == 0)
            continue;
        pando_buffer_append_char(out, ',');
        write_profile(encoder, i, encoder->threads[i].name, encoder->threads[i].weight);
    }
    pando_buffer_append_text(out, "]}\n");
}

int pando_speedscope_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out)
{
    struct encoder encoder = {.profile = profile, .out = out};
    int error = pando_stacks_make(profile, about->view, &encoder.stacks);
    encoder.threads = calloc(THREADS_MAX, sizeof *encoder.threads);
    encoder.thread_of_frame = calloc((size_t)profile->frame_count + 1, sizeof *encoder.thread_of_frame);
    encoder.path = malloc(((size_t)profile->node_count + 1) * sizeof *encoder.path);
    if (encoder.threads == NULL || encoder.thread_of_frame == NULL || encoder.path == NULL)
        error = PANDO_ERR_NO_MEMORY;
    if (error == 0) {
        find_threads(&encoder);
        write_file(&encoder, about);
        error = out->failed;
    }
    free(encoder.threads);
    free(encoder.thread_of_frame);
    free(encoder.path);
    pando_stacks_release(&encoder.stacks);
    return error;
}
