/* Why: the library must have a path under which the process can open it: its root may be another (a container, chroot), or its user may
 * not be allowed to go where the library is.
 * Context: own process. */
#ifndef PANDO_CLI_ATTACH_LIBRARY_H
#define PANDO_CLI_ATTACH_LIBRARY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/process_facts.h"

struct pando_attach_library {
    char path[PATH_MAX];       /* as the process knows it */
    char copies[PATH_MAX];     /* as we know it: the folder of copies that were made for it; "" none */
};

/* Where `own_path` is for the process; copies it and the worker beside it when need be. False: `message` has one sentence. */
bool pando_attach_library_place(const struct pando_process_facts *facts, const char *own_path, struct pando_attach_library *library,
                                char *message, size_t message_bytes);
/* Deletes the copies. What the process has opened stays open. */
void pando_attach_library_remove(const struct pando_attach_library *library);

#endif
