/* Why: worker/cycle.h. Context: the agent's thread. */
#include "worker/cycle.h"

void pando_cycle_init(struct pando_cycle *cycle, const struct pando_door_settings *settings)
{
    *cycle = (struct pando_cycle){.settings = settings, .interval_s = settings->interval_s, .depth_max = settings->depth_max};
}

bool pando_cycle_weigh(struct pando_cycle *cycle, const struct pando_uploader_orders *orders)
{
    const struct pando_door_settings *settings = cycle->settings;
    if (!settings->is_orchestrated || orders->answers == cycle->answers_seen)
        return false;
    cycle->answers_seen = orders->answers;
    cycle->is_paused = orders->is_paused;
    if (!settings->has_own_interval && orders->period_s != 0) {
        cycle->interval_s = orders->period_s;
        cycle->minimum_ms = orders->minimum_ms;
    }
    uint32_t own_ms = 1000 / settings->rate_hz;
    if (!settings->has_own_rate && orders->sampling_interval_ms > own_ms)
        cycle->sampling_interval_ms = orders->sampling_interval_ms;
    else
        cycle->sampling_interval_ms = 0;
    if (!settings->has_own_depth && orders->depth_max != 0)
        cycle->depth_max = orders->depth_max < settings->depth_max ? orders->depth_max : settings->depth_max;
    return true;
}
