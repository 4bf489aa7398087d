/* Why: joins the collector, the profile's encoder and the uploader: the one part that knows all three.
 * Context: the agent's thread. Private to worker/; the guest calls it through exchange/door.h. */
#ifndef PANDO_WORKER_WORKER_H
#define PANDO_WORKER_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "exchange/door.h"

/* As the members of struct pando_door say. */
int pando_worker_open(const struct pando_door_host *host, struct pando_worker **ret_worker, char *message,
                      size_t message_bytes);
uint64_t pando_worker_turn(struct pando_worker *worker);
int pando_worker_flush(struct pando_worker *worker, uint64_t deadline_mono_ns);
void pando_worker_close(struct pando_worker *worker);
void pando_worker_rest(struct pando_worker *worker);
void pando_worker_go_on(struct pando_worker *worker);
void pando_worker_describe(const struct pando_worker *worker, pando_door_say *say, struct pando_log_problem *problem);
void pando_worker_visit_counters(const struct pando_worker *worker,
                                 void (*visit)(void *context, const char *name, uint64_t value), void *context);

#endif
