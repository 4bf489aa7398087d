/* Why: the service may order, through the worker, that profiling pauses or gets coarser. Here the guest obeys.
 * Context: the agent's thread, after each turn of the worker's. */
#ifndef PANDO_AGENT_ORDERS_H
#define PANDO_AGENT_ORDERS_H

#include <stdbool.h>

#include "exchange/door.h"

/* Where the worker puts its orders; of this process. */
struct pando_door_orders *pando_orders(void);
/* Obeys what has changed. True: the pause is over, and the threads are to be looked for at once. */
bool pando_orders_obey(void);
/* Nobody is sampled now, and new threads are not to be either. Any thread. */
bool pando_orders_are_to_pause(void);
/* In the child of fork, or before a start: nothing is ordered. */
void pando_orders_forget(void);

#endif
