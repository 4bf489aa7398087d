/* Why: wall time is told by what a thread was doing, in the names that CodeGuru's counters have. In a call tree the state is a
 * leaf: a frame of its own under the function (or its slice: profile/slices.h) in which the thread ran or waited, so that merging, storing and adding up know
 * nothing of states; only the encoders (which write counters), the decoder and views look at them.
 * Context: worker and own processes. Pure. */
#ifndef PANDO_PROFILE_STATES_H
#define PANDO_PROFILE_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/profile.h"

enum pando_profile_state {
    PANDO_PROFILE_NO_STATE = 0, /* weight in the node itself: CPU time, or a sender's one counter */
    PANDO_PROFILE_RUNNABLE,
    PANDO_PROFILE_BLOCKED,
    PANDO_PROFILE_NATIVE,
    PANDO_PROFILE_WAITING,
    PANDO_PROFILE_TIMED_WAITING,
    PANDO_PROFILE_IDLE,
    PANDO_PROFILE_STATES,
};

/* The object of a state's frame. No key of a received body and no file's name comes out as this. */
#define PANDO_PROFILE_STATE_OBJECT "<state>"

/* "RUNNABLE"; "CPU" for NO_STATE. */
const char *pando_profile_state_name(enum pando_profile_state state);
/* The state whose counter this is; NO_STATE for any other counter. */
enum pando_profile_state pando_profile_state_of_counter(const char *name);
/* The state that a frame of the profile stands for; NO_STATE: a function. */
enum pando_profile_state pando_profile_frame_state(const struct pando_profile *profile, uint32_t frame);
/* The number of the state's frame in a builder, or its errors. */
int64_t pando_profile_builder_state(struct pando_profile_builder *builder, enum pando_profile_state state);
/* The weights of each state. True: some node has a state. */
bool pando_profile_state_totals(const struct pando_profile *profile, uint64_t totals[PANDO_PROFILE_STATES]);

/* A view: a set of states, bit PANDO_PROFILE_NO_STATE is CPU time. */
enum {
    PANDO_VIEW_CPU = 1 << PANDO_PROFILE_NO_STATE,
    PANDO_VIEW_WALL = ((1 << PANDO_PROFILE_STATES) - 1) & ~PANDO_VIEW_CPU,
    PANDO_VIEW_DEFAULT = 0, /* CPU time where there is any, else wall time: the two must not be added up */
};

/* "all" (wall time), "CPU", a state's name, or several names with commas; NULL or "": the default. False: none of these. */
bool pando_profile_view_parse(const char *text, unsigned *ret_view);
/* What the default shows of a profile with these totals; any other view is itself. */
unsigned pando_profile_view_settle(unsigned view, const uint64_t totals[PANDO_PROFILE_STATES]);
/* The profile as the view shows it: no state and no slice is a frame any more, the chosen states' weight is in the function's node.
 * *ret_shown is `profile` itself when it has neither and the default is asked for, else a new one; the caller frees both (once).
 * PANDO_ERR_NO_MEMORY. */
int pando_profile_view(struct pando_profile *profile, unsigned view, struct pando_profile **ret_shown);

#endif
