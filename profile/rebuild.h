/* Why: what every view of a profile does: copy it, with some nodes folded into their parents and some weights left out.
 * Context: worker and own processes; one thread. Private to profile/. */
#ifndef PANDO_PROFILE_REBUILD_H
#define PANDO_PROFILE_REBUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/profile.h"

enum pando_fate {
    PANDO_FATE_FRAME = 1,   /* the node stays one; else what it has goes to its parent. The root always stays */
    PANDO_FATE_WEIGHT = 2,  /* its self is counted */
};

/* A copy in which each node meets its fate, and twins (profile/twins.h) are one frame: `fates` has one of each, enum pando_fate
 * or'ed. `prune`: nodes with nothing in them or
 * below them are left out. The profile is the caller's to free. PANDO_ERR_NO_MEMORY. */
int pando_profile_rebuild(const struct pando_profile *from, uint8_t *fates, bool prune, struct pando_profile **ret_profile);

#endif
