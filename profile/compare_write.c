/* Why: profile/compare_write.h. Context: as there. */
#include "profile/compare_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/folded.h"
#include "profile/json_writer.h"
#include "profile/markdown.h"

uint32_t pando_compare_changed(const struct pando_compare *compare)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < compare->count; i++)
        count += compare->rows[i].self.is_change || compare->rows[i].total.is_change;
    return count;
}

static void markdown_share(struct pando_buffer *out, const struct pando_compare_share *share)
{
    pando_buffer_append_format(out, "| %.2f | %.2f | ", share->a, share->b);
    if (share->is_change)
        pando_buffer_append_format(out, "**%+.2f** ", share->b - share->a);
    else
        pando_buffer_append_text(out, "= ");
}

void pando_compare_write_markdown(struct pando_buffer *out, const struct pando_compare *compare, const struct pando_compare_about *about)
{
    uint32_t changed = pando_compare_changed(compare), shown = changed < about->top ? changed : about->top;
    pando_buffer_append_text(out, "A ");
    pando_markdown_code(out, about->title_a);
    pando_buffer_append_format(out, ": %.2f s of %s, B ", (double)compare->total_a / 1e9, about->clock);
    pando_markdown_code(out, about->title_b);
    pando_buffer_append_format(out, ": %.2f s. In percent of each; `=` is within the noise (3 sigma). %u of %u functions changed.\n",
                               (double)compare->total_b / 1e9, changed, compare->count);
    if (shown != 0)
        pando_buffer_append_text(out, "\n| self A | B | change | total A | B | change | function |\n|--:|--:|--:|--:|--:|--:|:--|\n");
    for (uint32_t i = 0; i < shown; i++) {
        markdown_share(out, &compare->rows[i].self);
        markdown_share(out, &compare->rows[i].total);
        pando_buffer_append_text(out, "| ");
        pando_markdown_code(out, compare->rows[i].name);
        pando_buffer_append_text(out, " |\n");
    }
}

static void json_share(struct pando_buffer *out, const char *name, const struct pando_compare_share *share)
{
    pando_json_open(out, name);
    pando_json_member_double(out, "a", share->a);
    pando_json_member_double(out, "b", share->b);
    pando_json_member_double(out, "noise", share->noise);
    pando_json_key(out, "changed");
    pando_buffer_append_text(out, share->is_change ? "true" : "false");
    pando_json_close(out);
}

static void json_side(struct pando_buffer *out, const char *name, const char *title, uint64_t total, double samples)
{
    pando_json_open(out, name);
    pando_json_member_text(out, "title", title);
    pando_json_member_uint(out, "totalNs", total);
    pando_json_member_double(out, "samples", samples);
    pando_json_close(out);
}

void pando_compare_write_json(struct pando_buffer *out, const struct pando_compare *compare, const struct pando_compare_about *about)
{
    pando_json_member_text(out, "clock", about->clock);
    pando_json_member_double(out, "sigmas", PANDO_COMPARE_SIGMAS);
    json_side(out, "a", about->title_a, compare->total_a, compare->samples_a);
    json_side(out, "b", about->title_b, compare->total_b, compare->samples_b);
    pando_json_key(out, "functions");
    for (uint32_t i = 0; i < compare->count; i++) {
        pando_buffer_append_text(out, i == 0 ? "[{" : ",{");
        pando_json_member_text(out, "name", compare->rows[i].name);
        json_share(out, "self", &compare->rows[i].self);
        json_share(out, "total", &compare->rows[i].total);
        pando_json_close(out);
    }
    pando_buffer_append_text(out, compare->count == 0 ? "[]" : "]");
}

/* Weights of one side on the nodes of both: what each of its nodes has, by the number in `numbers`. */
static int lay(struct pando_profile_builder *builder, const struct pando_profile *side, uint32_t *numbers)
{
    uint32_t *frames = malloc(((size_t)side->frame_count + 1) * sizeof *frames);
    int error = frames == NULL ? PANDO_ERR_NO_MEMORY : 0;
    for (uint32_t i = 0; i < side->frame_count && error == 0; i++) {
        const char *name = side->strings[side->frames[i].name];
        int64_t frame = pando_profile_builder_string(builder, name, strlen(name));
        if (frame >= 0)
            frame = pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = (uint32_t)frame});
        error = frame < 0 ? (int)frame : 0;
        frames[i] = (uint32_t)frame;
    }
    for (uint32_t i = 0; i < side->node_count && error == 0; i++) {
        const struct pando_profile_node *node = &side->nodes[i];
        int64_t number = i == 0 ? 0 : pando_profile_builder_child(builder, numbers[node->parent], frames[node->frame]);
        error = number < 0 ? (int)number : 0;
        numbers[i] = (uint32_t)number;
    }
    free(frames);
    return error;
}

static double total_of(const struct pando_profile *profile)
{
    double total = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        total += (double)profile->nodes[i].self;
    return total;
}

static int write_both(struct pando_buffer *out, const struct pando_profile *both, const double *weights, uint32_t *path)
{
    const double *of_a = weights, *of_b = weights + both->node_count;
    for (uint32_t i = 0; i < both->node_count && out->failed == 0; i++) {
        if (of_a[i] + of_b[i] <= 0)
            continue;
        pando_folded_write_stack(both, i, path, out);
        pando_buffer_append_format(out, " %.0f %.0f\n", of_a[i], of_b[i]);
    }
    return out->failed;
}

int pando_compare_write_folded(struct pando_buffer *out, const struct pando_profile *a, const struct pando_profile *b)
{
    double total_a = total_of(a), total_b = total_of(b), scale = total_a > 0 && total_b > 0 ? total_b / total_a : 1;
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    size_t count = (size_t)a->node_count + b->node_count; /* nodes of both at most */
    uint32_t *numbers = malloc((2 * count + 1) * sizeof *numbers);
    double *weights = calloc(2 * count + 1, sizeof *weights);
    struct pando_profile *both = NULL;
    int error = builder == NULL || numbers == NULL || weights == NULL ? PANDO_ERR_NO_MEMORY : lay(builder, a, numbers);
    if (error == 0)
        error = lay(builder, b, numbers + a->node_count);
    if (error != 0)
        pando_profile_builder_free(builder);
    else if ((both = pando_profile_builder_finish(builder)) == NULL)
        error = PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 0; error == 0 && i < a->node_count; i++)
        weights[numbers[i]] += (double)a->nodes[i].self * scale;
    for (uint32_t i = 0; error == 0 && i < b->node_count; i++)
        weights[both->node_count + numbers[a->node_count + i]] += (double)b->nodes[i].self;
    if (error == 0)
        error = write_both(out, both, weights, numbers + count);
    pando_profile_free(both);
    free(numbers);
    free(weights);
    return error;
}
