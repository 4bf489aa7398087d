/* Why: cli/diff_print.h. Context: own process. */
#include "cli/diff_print.h"

#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/terminal_text.h"
#include "profile/json_writer.h"
#include "profile/markdown.h"

enum { NAME_BYTES = 1024, OUTPUT_MAX_BYTES = 1 << 30 };

/* "+1.2", or "=" for what may be chance. */
static void print_share(char text[64], const struct pando_compare_share *share)
{
    if (share->is_change)
        snprintf(text, 64, "%6.2f %6.2f %+7.2f", share->a, share->b, share->b - share->a);
    else
        snprintf(text, 64, "%6.2f %6.2f       =", share->a, share->b);
}

static void print_row(FILE *out, const struct pando_compare_row *row)
{
    char self[64], total[64], name[NAME_BYTES];
    print_share(self, &row->self);
    print_share(total, &row->total);
    pando_terminal_text(row->name, name, sizeof name);
    fprintf(out, "  %s  %s  %s\n", self, total, name);
}

/* How a condition came out over all functions; *ret_row: the one with the worst verdict. */
static enum pando_verdict judge(const struct pando_diff *diff, const struct pando_condition *condition,
                                const struct pando_compare_row **ret_row, uint32_t *ret_about, uint32_t *ret_met)
{
    enum pando_verdict worst = PANDO_VERDICT_FINE;
    *ret_row = NULL;
    *ret_about = *ret_met = 0;
    for (uint32_t i = 0; i < diff->compare.count; i++) {
        const struct pando_compare_row *row = &diff->compare.rows[i];
        if (!pando_condition_is_about(condition, row->name))
            continue;
        enum pando_verdict verdict = pando_condition_judge(condition, &diff->compare, row);
        ++*ret_about;
        *ret_met += verdict == PANDO_VERDICT_MET;
        if (*ret_row == NULL || verdict > worst) {
            *ret_row = row;
            worst = verdict;
        }
    }
    return worst;
}

static const char *const verdict_words[] = {
    [PANDO_VERDICT_FINE] = "fine", [PANDO_VERDICT_NOISE] = "within the noise", [PANDO_VERDICT_MET] = "FAILED"};

/* "FAILED: parse: 12.0 % -> 20.1 % (noise 3.1)", of one condition. */
static void describe(const struct pando_diff *diff, const struct pando_condition *condition, bool *is_met, char *text, size_t text_bytes)
{
    const struct pando_compare_row *row;
    uint32_t about, met;
    enum pando_verdict verdict = judge(diff, condition, &row, &about, &met);
    *is_met = *is_met || verdict == PANDO_VERDICT_MET;
    if (row == NULL) {
        snprintf(text, text_bytes, "fine: no such function in either");
        return;
    }
    const struct pando_compare_share *share = condition->is_self ? &row->self : &row->total;
    double noise = condition->kind == PANDO_CONDITION_LEVEL ? pando_compare_noise_of(share->b, diff->compare.samples_b) : share->noise;
    size_t len = (size_t)snprintf(text, text_bytes, "%s: %.200s has %.2f %%, had %.2f %% (noise: %.2f points)", verdict_words[verdict],
                                  row->name, share->b, share->a, noise);
    if (met > 1 && len < text_bytes)
        snprintf(text + len, text_bytes - len, ", and %u more", met - 1);
}

int pando_diff_print_text(FILE *out, const struct pando_diff *diff, bool *ret_is_met)
{
    const struct pando_compare *compare = &diff->compare;
    uint32_t changed = pando_compare_changed(compare), shown = changed < diff->about.top ? changed : diff->about.top;
    char name[NAME_BYTES];
    pando_terminal_text(diff->about.title_a, name, sizeof name);
    fprintf(out, "A: %.2f s of %s in about %.0f samples (%s)\n", (double)compare->total_a / 1e9, diff->about.clock, compare->samples_a, name);
    pando_terminal_text(diff->about.title_b, name, sizeof name);
    fprintf(out, "B: %.2f s of %s in about %.0f samples (%s)\n", (double)compare->total_b / 1e9, diff->about.clock, compare->samples_b, name);
    fprintf(out, "In percent of each side's whole; = is a change within the noise (%.0f sigma).\n\n", PANDO_COMPARE_SIGMAS);
    if (shown != 0)
        fputs("  self A      B  change  total A     B  change  function\n", out);
    for (uint32_t i = 0; i < shown; i++)
        print_row(out, &compare->rows[i]);
    fprintf(out, "%s%u of %u functions changed%s.\n", shown != 0 ? "\n" : "", changed, compare->count,
            changed > shown ? "; the others: --top" : "");
    for (uint32_t i = 0; i < diff->condition_count; i++) {
        char text[512], safe[2 * sizeof text], condition[NAME_BYTES];
        describe(diff, &diff->conditions[i], ret_is_met, text, sizeof text);
        pando_terminal_text(text, safe, sizeof safe);
        pando_terminal_text(diff->conditions[i].text, condition, sizeof condition);
        fprintf(out, "%s: %s\n", condition, safe);
    }
    return ferror(out) ? PANDO_ERR_IO : 0;
}

static int write_out(FILE *out, struct pando_buffer *buffer)
{
    int error = buffer->failed;
    if (error == 0 && fwrite(buffer->bytes, 1, buffer->len_bytes, out) != buffer->len_bytes)
        error = PANDO_ERR_IO;
    pando_buffer_release(buffer);
    return error;
}

int pando_diff_print_markdown(FILE *out, const struct pando_diff *diff, bool *ret_is_met)
{
    struct pando_buffer text;
    pando_buffer_init(&text, OUTPUT_MAX_BYTES);
    pando_compare_write_markdown(&text, &diff->compare, &diff->about);
    for (uint32_t i = 0; i < diff->condition_count; i++) {
        char found[512];
        describe(diff, &diff->conditions[i], ret_is_met, found, sizeof found);
        pando_buffer_append_text(&text, i == 0 ? "\n- " : "- ");
        pando_markdown_code(&text, diff->conditions[i].text);
        pando_buffer_append_text(&text, " ");
        pando_markdown_code(&text, found);
        pando_buffer_append_text(&text, "\n");
    }
    return write_out(out, &text);
}

static void json_condition(struct pando_buffer *out, const struct pando_diff *diff, const struct pando_condition *condition, bool *is_met)
{
    static const char *const words[] = {[PANDO_VERDICT_FINE] = "fine", [PANDO_VERDICT_NOISE] = "noise", [PANDO_VERDICT_MET] = "met"};
    const struct pando_compare_row *row;
    uint32_t about, met;
    enum pando_verdict verdict = judge(diff, condition, &row, &about, &met);
    *is_met = *is_met || verdict == PANDO_VERDICT_MET;
    pando_buffer_append_char(out, '{');
    pando_json_member_text(out, "condition", condition->text);
    pando_json_member_text(out, "verdict", words[verdict]);
    pando_json_member_uint(out, "functions", about);
    pando_json_member_uint(out, "met", met);
    if (row != NULL)
        pando_json_member_text(out, "function", row->name);
    pando_json_close(out);
}

int pando_diff_print_json(FILE *out, const struct pando_diff *diff, bool *ret_is_met)
{
    struct pando_buffer text;
    pando_buffer_init(&text, OUTPUT_MAX_BYTES);
    pando_buffer_append_char(&text, '{');
    pando_compare_write_json(&text, &diff->compare, &diff->about);
    pando_json_key(&text, "conditions");
    pando_buffer_append_char(&text, '[');
    for (uint32_t i = 0; i < diff->condition_count; i++) {
        if (i != 0)
            pando_buffer_append_char(&text, ',');
        json_condition(&text, diff, &diff->conditions[i], ret_is_met);
    }
    pando_buffer_append_text(&text, "]}\n");
    return write_out(out, &text);
}
