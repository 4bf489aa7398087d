/* Why: when an interval ends, and what of the service's orders (ConfigureAgent) reaches the user's program: what the user has set
 * himself stays, and the rest can only get cheaper.
 * Context: the agent's thread; `weigh` is pure. Private to worker/. */
#ifndef PANDO_WORKER_CYCLE_H
#define PANDO_WORKER_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange/door.h"
#include "uploader/uploader.h"

struct pando_cycle {
    const struct pando_door_settings *settings;
    uint32_t interval_s;
    uint32_t sampling_interval_ms; /* 0: as the user's rate has it */
    uint32_t depth_max;
    uint32_t minimum_ms;           /* an interval shorter than this is not sent */
    uint32_t answers_seen;
    bool is_paused;
};

void pando_cycle_init(struct pando_cycle *cycle, const struct pando_door_settings *settings);
/* True when something may have changed. */
bool pando_cycle_weigh(struct pando_cycle *cycle, const struct pando_uploader_orders *orders);

#endif
