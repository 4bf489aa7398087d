/* Why: who is in a dlclose: handlers believe no list that was made meanwhile (docs/publication.md). A child of fork has to know whether
 * the thread that forked is in one itself (a library's destructor may fork): that one goes on in the child, the others are gone.
 * Context: each function says. */
#ifndef PANDO_AGENT_UNLOADS_H
#define PANDO_AGENT_UNLOADS_H

#include "exchange/objects.h"

/* Around each dlclose, in its thread; they may nest. */
void pando_unloads_begin(struct pando_objects *objects);
void pando_unloads_end(struct pando_objects *objects);
/* In the child of a fork, before it is profiled: of the dlcloses that were under way only the calling thread's are. */
void pando_unloads_after_fork(struct pando_objects *objects);

#endif
