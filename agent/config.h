/* Why: what the user wants, from pando_options and PANDO_* variables, checked: each bad value gets one sentence and its default,
 * or, where Pando cannot go on without it, stops Pando and leaves the host alone.
 * Context: setup, and the child side of fork never (settings are inherited). Allocates nothing. */
#ifndef PANDO_AGENT_CONFIG_H
#define PANDO_AGENT_CONFIG_H

#include <pando.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/environment.h"
#include "exchange/door.h"

enum pando_unwinder { PANDO_UNWINDER_ROWS, PANDO_UNWINDER_LIBUNWIND, PANDO_UNWINDER_COMPARE };

/* Which settings came from pando_options (or an order) instead of a variable. */
struct pando_config_origin {
    bool url, group, rate_hz, wall_rate_hz, interval_s, mode, follow, log;
};

/* What pando_options has no room for; NULL and 0: as without. */
struct pando_config_more {
    const char *mode, *log;
    uint32_t wall_rate_hz;
    bool is_attached;             /* Pando was opened in a process that runs. Its environment is not looked at (a thread of the host's
                                   * may change it at any time), and children are not followed */
    uint32_t lease_s;             /* agent/remote.h */
};

struct pando_config {
    struct pando_config_origin given;
    struct pando_door_settings door;
    enum pando_unwinder unwinder;
    bool follow_forks;
    bool has_cpu_time;
    uint32_t wall_rate_hz;        /* looks at each thread; 0: no wall time */
    uint32_t ring_kib;            /* a power of two */
    uint32_t exit_timeout_ms;     /* that the last flush may take */
    bool is_attached;
    uint32_t lease_s;             /* at the start; 0: none */
    uint64_t end_wall_ms;         /* when profiling ends by itself; 0: never */
    _Alignas(4096) char environment[PANDO_ENVIRONMENT_BYTES]; /* as it was at the start; pages of its own, which no core dump has */
};

enum { PANDO_CONFIG_SENTENCE_BYTES = 512, PANDO_RATE_MAX_HZ = 4000, PANDO_WALL_RATE_MAX_HZ = 1000 };

/* Whether the environment asks for profiling: PANDO_URL is set, not empty, and PANDO_ENABLED is not "false"; or PANDO_ENABLED is
 * "true", and AWS's variables name a profiling group. Being preloaded alone is never enough. */
bool pando_config_environment_asks(void);

/* Reads it all. `options` and `more` may be NULL. Opens the log (base/log.h) with what was found, and logs what is odd. 0, or
 * PANDO_ERR_INVALID with one sentence in `problem` (PANDO_CONFIG_SENTENCE_BYTES): no or bad URL, bad group, bad number. */
int pando_config_read(const struct pando_options *options, const struct pando_config_more *more, struct pando_config *config,
                      char *problem);

/* Says each setting: "config.NAME", where it came from (default, variable, option) and its value. */
void pando_config_say(const struct pando_config *config, pando_door_say *line);

#endif
