/* Why: the settings that say who is told apart: PANDO_SLICES, and PANDO_LABELS, which all threads of a process have.
 * Context: setup. Private to agent/. */
#ifndef PANDO_AGENT_CONFIG_LABELS_H
#define PANDO_AGENT_CONFIG_LABELS_H

#include "exchange/door.h"

/* Fills in door->slices and door->labels; url and signs must be there already: Amazon's form has no room for slices, so that none are
 * made for it. 0, or PANDO_ERR_INVALID with a sentence. `sentence` has room for PANDO_CONFIG_SENTENCE_BYTES. */
int pando_config_labels_read(struct pando_door_settings *door, char *sentence);

#endif
