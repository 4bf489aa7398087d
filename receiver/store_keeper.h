/* Why: what a store needs now and then is done by a thread of its own, away from posts and readers: profiles are rolled up,
 * and old ones go.
 * Context: own process. */
#ifndef PANDO_RECEIVER_STORE_KEEPER_H
#define PANDO_RECEIVER_STORE_KEEPER_H

#include "receiver/store.h"

struct pando_store_keeper;

/* Starts the thread, with the caller's signal mask. NULL when there is no memory or no thread. */
struct pando_store_keeper *pando_store_keeper_start(struct pando_store *store, const struct pando_store_policy *policy);
/* Waits until it has ended what it is at. Before the store is closed. NULL is fine. */
void pando_store_keeper_stop(struct pando_store_keeper *keeper);

#endif
