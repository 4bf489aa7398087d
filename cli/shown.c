/* Why: cli/shown.h. Context: own process. */
#include "cli/shown.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/terminal_text.h"

enum { VALUES_SHOWN = 6 };

static int make(struct pando_profile *profile, const struct pando_slice_wish *wish, unsigned view, struct pando_shown *shown)
{
    struct pando_profile *selected;
    int error = pando_profile_slice_list(profile, &shown->slices);
    if (error == 0)
        error = pando_profile_slice_sums(&shown->slices, &shown->slice_sums);
    if (error == 0)
        error = pando_profile_select(profile, wish, &selected);
    if (error != 0)
        return error;
    shown->has_states = pando_profile_state_totals(selected, shown->totals);
    shown->view = pando_profile_view_settle(view, shown->totals);
    struct pando_profile *seen = NULL;
    error = pando_profile_view(selected, view, &seen);
    if (error == 0)
        shown->profile = seen;
    if (selected != profile && selected != shown->profile)
        pando_profile_free(selected);
    return error;
}

int pando_shown_make(struct pando_profile *profile, const struct pando_slice_wish *wish, unsigned view, struct pando_shown *shown)
{
    *shown = (struct pando_shown){0};
    int error = make(profile, wish, view, shown);
    if (shown->profile != profile)
        pando_profile_free(profile);
    if (error != 0)
        pando_shown_release(shown);
    return error;
}

void pando_shown_release(struct pando_shown *shown)
{
    pando_profile_free(shown->profile);
    shown->profile = NULL;
    pando_profile_slice_sums_release(&shown->slice_sums);
    pando_profile_slice_list_release(&shown->slices);
}

const char *pando_shown_clock(const struct pando_shown *shown)
{
    return shown->view == PANDO_VIEW_CPU ? "CPU time" : "wall time";
}

void pando_shown_print_states(FILE *out, const struct pando_shown *shown)
{
    const char *before = "States: ";
    if (!shown->has_states)
        return;
    for (unsigned state = 0; state < PANDO_PROFILE_STATES; state++) {
        if (shown->totals[state] == 0)
            continue;
        fprintf(out, "%s%s %.2f s", before, pando_profile_state_name((enum pando_profile_state)state),
                (double)shown->totals[state] / 1e9);
        before = ", ";
    }
    fputs(".\n", out);
}

static void print_value(FILE *out, const struct pando_slice_sum *sum, uint64_t weight)
{
    char text[4 * PANDO_SLICE_VALUE_BYTES];
    pando_terminal_text(sum->value[0] != '\0' ? sum->value : "(nameless)", text, sizeof text);
    fprintf(out, "%s %.2f s", text, (double)weight / 1e9);
}

void pando_shown_print_slices(FILE *out, const struct pando_shown *shown)
{
    uint32_t of_key = 0, unshown = 0;
    for (uint32_t i = 0; i < shown->slice_sums.count; i++) {
        const struct pando_slice_sum *sum = &shown->slice_sums.sums[i], *next = sum + 1;
        bool is_first = i == 0 || strcmp(sum->key, sum[-1].key) != 0;
        bool is_last = i + 1 == shown->slice_sums.count || strcmp(sum->key, next->key) != 0;
        uint64_t weight = shown->view == PANDO_VIEW_CPU ? sum->cpu : sum->wall;
        if (is_first) {
            char key[4 * PANDO_SLICE_KEY_BYTES];
            pando_terminal_text(sum->key, key, sizeof key);
            fprintf(out, sum->key[0] == '\0' ? "Threads: %s" : "Label %s: ", key);
            of_key = unshown = 0;
        }
        if (weight == 0 || of_key == VALUES_SHOWN) {
            unshown++;
        } else {
            fputs(of_key++ == 0 ? "" : ", ", out);
            print_value(out, sum, weight);
        }
        if (is_last && unshown != 0)
            fprintf(out, "%sand %u more", of_key == 0 ? "" : " ", unshown);
        if (is_last)
            fputs(".\n", out);
    }
}

static bool take_thread(void *wish, const char *name, const char *text)
{
    if (pando_slice_wish_thread(wish, text))
        return true;
    pando_cli_complain("%s can be given %d times at most.", name, (int)PANDO_SLICE_WISHES_MAX);
    return false;
}

static bool take_label(void *wish, const char *name, const char *text)
{
    if (pando_slice_wish_label(wish, text))
        return true;
    pando_cli_complain("%s takes KEY:VALUE, %d times at most, not \"%s\".", name, (int)PANDO_SLICE_WISHES_MAX, text);
    return false;
}

bool pando_shown_read_options(const struct pando_cli_values *values, size_t state, size_t thread, size_t label, unsigned *ret_view,
                              struct pando_slice_wish *wish)
{
    const char *view = values->text[state];
    if (view != NULL && !pando_profile_view_parse(view, ret_view)) {
        pando_cli_complain("%s is CPU, all, or states such as RUNNABLE or WAITING, with commas between, not \"%s\".",
                           pando_cli_name_of(values, state), view);
        return false;
    }
    return pando_cli_each(values, thread, take_thread, wish) && pando_cli_each(values, label, take_label, wish);
}
