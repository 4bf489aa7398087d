/* Why: the service, through the worker, and the user, through `pando ctl`, may order that profiling pauses or gets coarser. Here the
 * guest obeys.
 * Context: the agent's thread, after each turn of the worker's. */
#ifndef PANDO_AGENT_ORDERS_H
#define PANDO_AGENT_ORDERS_H

#include <stdbool.h>

#include "exchange/door.h"

/* Where the worker puts its orders; of this process. */
struct pando_door_orders *pando_orders(void);
/* The user's order; what the service wants is something else: either is enough for a pause. */
void pando_orders_set_user_pause(bool is_wanted);
bool pando_orders_has_user_pause(void);
/* Obeys what has changed. True: the pause is over, and the threads are to be looked for at once. A pause takes away the timers and
 * the wall clock's thread: the process pays nothing until its end. */
bool pando_orders_obey(void);
/* Nobody is sampled now, and new threads are not to be either. Any thread. */
bool pando_orders_are_to_pause(void);
/* Before a start: nothing is ordered. */
void pando_orders_forget(void);
/* In the child of fork: nothing is ordered but what the user did. */
void pando_orders_after_fork(void);

#endif
