/* Why: agent/unloads.h. Context: as there. */
#include "agent/unloads.h"

#include <stdatomic.h>

static __thread int own_unloads __attribute__((tls_model("initial-exec")));

void pando_unloads_begin(struct pando_objects *objects)
{
    own_unloads++;
    pando_objects_unload_begins(objects);
}

void pando_unloads_end(struct pando_objects *objects)
{
    pando_objects_unload_ends(objects);
    own_unloads--;
}

void pando_unloads_after_fork(struct pando_objects *objects)
{
    atomic_store(&objects->unloading, own_unloads);
}
