/* Why: the one symbol of libpando-worker.so. Context: read by the agent's thread after it has opened the object. */
#include "worker/worker.h"

__attribute__((visibility("default"))) extern const struct pando_door pando_worker_door;

const struct pando_door pando_worker_door = {
    .version = PANDO_DOOR_VERSION,
    .open = pando_worker_open,
    .turn = pando_worker_turn,
    .flush = pando_worker_flush,
    .close = pando_worker_close,
    .rest = pando_worker_rest,
    .go_on = pando_worker_go_on,
    .describe = pando_worker_describe,
    .visit_counters = pando_worker_visit_counters,
};
