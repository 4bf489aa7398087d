/* Why: which of the functions that stand in front of libc's for the worker's libraries is the guest's (host_functions.c).
 * Context: the agent's thread. */
#ifndef PANDO_WORKER_HOST_FUNCTIONS_H
#define PANDO_WORKER_HOST_FUNCTIONS_H

#include "exchange/door.h"

/* What makes threads from now on; NULL: what the whole process uses. */
void pando_host_functions_set(pando_create_thread *create);

#endif
