/* Why: opens the worker's object, late and only when there is something to do: it brings libcurl, OpenSSL and libelf.
 * Context: the agent's thread, except where it says otherwise. */
#ifndef PANDO_AGENT_WORKER_DOOR_H
#define PANDO_AGENT_WORKER_DOOR_H

#include <stddef.h>

#include "exchange/door.h"

/* Remembers where this libpando.so is, before the host may change its working folder. Setup. */
void pando_worker_door_setup(void);

/* libpando-worker.so from the folder of this libpando.so (or of a build). Stays open for the process's life. On failure NULL,
 * and `message` has one sentence. */
const struct pando_door *pando_worker_door_open(char *message, size_t message_bytes);

/* The loader ends the process when it finds no memory for a library's thread-local storage: so there must be plenty before it is
 * asked for some. */
bool pando_worker_door_has_room(void);

#endif
