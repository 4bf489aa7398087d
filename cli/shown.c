/* Why: cli/shown.h. Context: own process. */
#include "cli/shown.h"

int pando_shown_make(struct pando_profile *profile, unsigned view, struct pando_shown *shown)
{
    *shown = (struct pando_shown){0};
    shown->has_states = pando_profile_state_totals(profile, shown->totals);
    shown->view = pando_profile_view_settle(view, shown->totals);
    int error = pando_profile_view(profile, view, &shown->profile);
    if (error != 0)
        shown->profile = NULL;
    if (shown->profile != profile)
        pando_profile_free(profile);
    return error;
}

void pando_shown_release(struct pando_shown *shown)
{
    pando_profile_free(shown->profile);
    shown->profile = NULL;
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
