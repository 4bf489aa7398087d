/* Why: a function is met before its source file is known (lines are looked up ahead, within a budget) and after: two frames, but one
 * function to whoever reads a table. Views show the one without a file as the one with it.
 * Context: worker and own processes; any thread. Private to profile/. */
#ifndef PANDO_PROFILE_TWINS_H
#define PANDO_PROFILE_TWINS_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/profile.h"

/* map[i]: the frame that frame i is shown as, itself for most. A frame without a file is shown as the one of the same name and object
 * that has a file, if there is exactly one: functions of one name in several files stay apart. `map` has room for frame_count.
 * Returns whether any is shown as another; false and a plain map when there is no memory. */
bool pando_profile_twins(const struct pando_profile *profile, uint32_t *map);
bool pando_profile_has_twins(const struct pando_profile *profile);

#endif
