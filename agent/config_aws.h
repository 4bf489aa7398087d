/* Why: the variables that AWS's own agents and clients know, for who has them set already: the profiling group, its region, and
 * whether requests must be signed. What PANDO_* says comes before all of them.
 * Context: setup. Allocates nothing, asks neither files nor network. */
#ifndef PANDO_AGENT_CONFIG_AWS_H
#define PANDO_AGENT_CONFIG_AWS_H

#include <stdbool.h>

#include "exchange/door.h"

/* Whether the environment names a profiling group of Amazon's, and does not switch its agents off. */
bool pando_config_aws_asks(void);
/* Whether the URL is of Amazon's own service. */
bool pando_config_is_aws(const char *url);
/* Fills group (unless it has one), region, whether to sign. `url` in door is the user's, or "": then it stays so, and the service
 * in the region is meant. 0, or PANDO_ERR_INVALID with one sentence in `problem` (PANDO_CONFIG_SENTENCE_BYTES). */
int pando_config_aws_read(struct pando_door_settings *door, char *problem);

/* The value of a variable, or NULL when it is not set or empty, or none is to be looked at. Setup. */
const char *pando_config_variable(const char *name);
void pando_config_ignore_environment(bool is_to);
bool pando_config_ignores_environment(void);

#endif
