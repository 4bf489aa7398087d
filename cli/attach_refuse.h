/* Why: a process in which Pando cannot or must not be opened is left alone, and the user is told why. docs/attach.md.
 * Context: own process, before anything is done to the other. */
#ifndef PANDO_CLI_ATTACH_REFUSE_H
#define PANDO_CLI_ATTACH_REFUSE_H

#include <stdbool.h>

#include "cli/process_facts.h"
#include "cli/target.h"

/* What can be told from outside. True: not this one; `message` has one sentence. */
bool pando_attach_refuses(const struct pando_process_facts *facts, bool has_own_receiver, char *message, size_t message_bytes);
/* What only a look at its objects tells. */
bool pando_attach_refuses_target(const struct pando_process_facts *facts, const struct pando_target *target, char *message,
                                 size_t message_bytes);

#endif
