/* Why: receiver/steady_time.h. Context: as there. */
#include "receiver/steady_time.h"

#include <stdbool.h>

uint64_t pando_steady_time_ms(struct pando_steady_time *time, uint64_t wall_ms, uint64_t boot_ms)
{
    uint64_t expected_ms = time->wall_ms + (boot_ms - time->boot_ms);
    bool is_ahead = time->wall_ms != 0 && wall_ms > expected_ms + PANDO_STEADY_JUMP_MS;
    if (is_ahead && time->jumped_boot_ms == 0)
        time->jumped_boot_ms = boot_ms;
    if (is_ahead && boot_ms - time->jumped_boot_ms < PANDO_STEADY_BELIEVED_AFTER_MS)
        return expected_ms;
    *time = (struct pando_steady_time){.wall_ms = wall_ms, .boot_ms = boot_ms};
    return wall_ms;
}
