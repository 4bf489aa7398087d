/* Why: a summary to paste into a ticket or a chat: what was measured, how far it can be trusted, and the hottest functions.
 * Context: own processes. Names are other people's: they go into code spans, where nothing of them is markup. */
#include "profile/markdown.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "profile/export.h"
#include "profile/states.h"
#include "profile/weights.h"

enum { TOP = 15, NAME_BYTES = 120 };

/* A code span in a table's cell. Bars end a cell even there, unless escaped; grave accents need a longer fence. */
void pando_markdown_code(struct pando_buffer *out, const char *text)
{
    bool has_accent = strchr(text, '`') != NULL;
    size_t written = 0;
    pando_buffer_append_text(out, has_accent ? "`` " : "`");
    for (; *text != '\0' && written < NAME_BYTES; text++, written++) {
        unsigned char c = (unsigned char)*text;
        if (c == '|')
            pando_buffer_append_text(out, "\\|");
        else if (c == '`' && text[1] == '`')
            pando_buffer_append_char(out, '\''); /* would end the fence */
        else
            pando_buffer_append_char(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    /* Not in the middle of a character. */
    while (((unsigned char)*text & 0xc0) == 0x80)
        pando_buffer_append_char(out, *text++);
    if (*text != '\0')
        pando_buffer_append_text(out, "\xe2\x80\xa6");
    pando_buffer_append_text(out, has_accent ? " ``" : "`");
}

static void write_row(const struct pando_profile *profile, const struct pando_weights *weights, uint32_t number, struct pando_buffer *out)
{
    const struct pando_profile_frame *frame = &profile->frames[number];
    const char *name = profile->strings[frame->name];
    double whole = weights->total != 0 ? (double)weights->total : 1;
    pando_buffer_append_format(out, "| %.1f %% | %.1f %% | %.2f s | ", 100 * (double)weights->frame_self[number] / whole,
                               100 * (double)weights->frame_total[number] / whole, (double)weights->frame_self[number] / 1e9);
    pando_markdown_code(out, name[0] != '\0' ? name : "[unknown]");
    pando_buffer_append_text(out, " | ");
    if (frame->file != 0) {
        const char *slash = strrchr(profile->strings[frame->file], '/');
        char place[NAME_BYTES + 16];
        int len = snprintf(place, sizeof place, "%.100s", slash != NULL ? slash + 1 : profile->strings[frame->file]);
        if (frame->line_min != 0)
            snprintf(place + len, sizeof place - (size_t)len, ":%u", frame->line_min);
        pando_markdown_code(out, place);
    } else if (frame->object != 0) {
        pando_markdown_code(out, profile->strings[frame->object]);
    }
    pando_buffer_append_text(out, " |\n");
}

static void write_losses(const struct pando_profile *profile, struct pando_buffer *out)
{
    bool is_first = true;
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        if (profile->counters[i].value == 0)
            continue;
        pando_buffer_append_text(out, is_first ? "\nCounted besides: " : ", ");
        pando_markdown_code(out, profile->strings[profile->counters[i].name]);
        pando_buffer_append_format(out, " %" PRIu64, profile->counters[i].value);
        is_first = false;
    }
    pando_buffer_append_text(out, is_first ? "" : ".\n");
}

/* `shown` has neither states nor slices. */
static int write_summary(const struct pando_profile *shown, const struct pando_export_about *about, const char *clock,
                         struct pando_buffer *out)
{
    struct pando_weights weights;
    uint32_t frames[TOP];
    int error = pando_weights_make(shown, &weights);
    if (error == 0) {
        const struct pando_profile_meta *meta = &shown->meta;
        pando_buffer_append_text(out, "**");
        pando_markdown_code(out, about->title);
        pando_buffer_append_format(out, "**: %.2f s of %s, %" PRIu64 " samples, %" PRIu64 " profiles.\n\n", (double)weights.total / 1e9,
                                   clock, meta->samples, about->profile_count);
        pando_buffer_append_text(out, "| self | total | self time | function | where |\n|--:|--:|--:|:--|:--|\n");
        uint32_t count = pando_weights_top(shown, &weights, TOP, frames);
        for (uint32_t i = 0; i < count; i++)
            write_row(shown, &weights, frames[i], out);
        write_losses(shown, out);
        error = out->failed;
    }
    pando_weights_release(&weights);
    return error;
}

int pando_markdown_encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out)
{
    uint64_t totals[PANDO_PROFILE_STATES];
    struct pando_profile *shown;
    pando_profile_state_totals(profile, totals);
    unsigned view = pando_profile_view_settle(about->view, totals);
    /* A view that is not the default always makes a profile of its own. */
    int error = pando_profile_view((struct pando_profile *)profile, view, &shown);
    if (error != 0)
        return error;
    error = write_summary(shown, about, view == PANDO_VIEW_CPU ? "CPU time" : "wall time", out);
    if (shown != profile)
        pando_profile_free(shown);
    return error;
}
