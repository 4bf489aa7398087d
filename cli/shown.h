/* Why: what `run` and `report` show of a profile: CPU time, or wall time, all of it or in some states, and how to call it.
 * Context: own process. */
#ifndef PANDO_CLI_SHOWN_H
#define PANDO_CLI_SHOWN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/syntax.h"
#include "profile/slices.h"
#include "profile/states.h"

struct pando_shown {
    struct pando_profile *profile;            /* with the view's weights only */
    unsigned view;                            /* settled */
    bool has_states;                          /* there is wall time in the wished slices */
    uint64_t totals[PANDO_PROFILE_STATES];    /* of the wished slices, in nanoseconds */
    struct pando_slice_list slices;           /* of the whole profile */
    struct pando_slice_sums slice_sums;
};

/* Takes the profile over, also on an error: PANDO_ERR_NO_MEMORY. `wish` may be NULL: all slices. */
int pando_shown_make(struct pando_profile *profile, const struct pando_slice_wish *wish, unsigned view, struct pando_shown *shown);
void pando_shown_release(struct pando_shown *shown);

/* The rows of the options that choose what of a profile is looked at, and what they say. Complains and returns false when it is no good. */
#define PANDO_SHOWN_STATE_ROW(variable) {"state", 0, "STATE", variable, NULL, "CPU (where there is any, if not given), all (wall time), or only threads\n" \
    "that were RUNNABLE, BLOCKED, NATIVE, WAITING, TIMED_WAITING, or several\nof these, with commas between", false}
#define PANDO_SHOWN_THREAD_ROW(variable) {"thread", 0, "NAME", variable, NULL, "only threads of this name, or of another one that is given", true}
#define PANDO_SHOWN_LABEL_ROW(variable) {"label", 0, "KEY:VALUE", variable, NULL, "only what had this label; one with the same key: or that value; with\n" \
    "another key: and that one", true}
bool pando_shown_read_options(const struct pando_cli_values *values, size_t state, size_t thread, size_t label, unsigned *ret_view,
                              struct pando_slice_wish *wish);

/* "CPU time" or "wall time". */
const char *pando_shown_clock(const struct pando_shown *shown);
/* One line with the totals of all states, if the profile has any: "States: RUNNABLE 1.23 s, ...". */
void pando_shown_print_states(FILE *out, const struct pando_shown *shown);
/* A line each for the threads' names and for each label, with what the heaviest weigh in the view's clock: "Threads: worker 1.23 s, ...". */
void pando_shown_print_slices(FILE *out, const struct pando_shown *shown);

#endif
