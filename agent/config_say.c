/* Why: the user wants to know which settings are in force in a process, and where each came from: `pando ctl PID config`. Part of
 * agent/config.h. Context: the agent's thread. Variables are looked up in the copy that was made at the start. */
#include <stdio.h>

#include "agent/config.h"

static void say(const struct pando_config *config, pando_door_say *line, const char *name, bool is_option, const char *value)
{
    char whole[64];
    const char *from = is_option ? "option" : pando_environment_get(config->environment, name) != NULL ? "variable" : "default";
    snprintf(whole, sizeof whole, "config.%s", name);
    line(whole, "%s %s", from, value);
}

static void say_number(const struct pando_config *config, pando_door_say *line, const char *name, bool is_option, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    say(config, line, name, is_option, text);
}

void pando_config_say(const struct pando_config *config, pando_door_say *line)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"}, *const unwinders[] = {"rows", "libunwind", "compare"};
    static const char *const booleans[] = {"false", "true"};
    const struct pando_door_settings *door = &config->door;
    const struct pando_config_origin *given = &config->given;
    say(config, line, "PANDO_URL", given->url, door->url);
    say(config, line, "PANDO_GROUP", given->group, door->group);
    say_number(config, line, "PANDO_RATE_HZ", given->rate_hz, door->rate_hz);
    say(config, line, "PANDO_MODE", given->mode, config->wall_rate_hz == 0 ? "cpu" : config->has_cpu_time ? "both" : "wall");
    say_number(config, line, "PANDO_WALL_RATE_HZ", given->wall_rate_hz, config->wall_rate_hz);
    say_number(config, line, "PANDO_INTERVAL_S", given->interval_s, door->interval_s);
    say_number(config, line, "PANDO_BUDGET_PERCENT", false, config->door.budget_percent);
    say_number(config, line, "PANDO_DEPTH", false, door->depth_max);
    say_number(config, line, "PANDO_TREE_MIB", false, door->tree_limit_mib);
    say(config, line, "PANDO_LINES", false, door->lines_limit_mib != 0 ? "agent" : "off");
    say_number(config, line, "PANDO_LINES_MIB", false, door->lines_limit_mib);
    say_number(config, line, "PANDO_RING_KIB", false, config->ring_kib);
    say_number(config, line, "PANDO_EXIT_TIMEOUT_MS", false, config->exit_timeout_ms);
    say(config, line, "PANDO_UNWIND", false, unwinders[config->unwinder]);
    say(config, line, "PANDO_FOLLOW", given->follow, booleans[config->follow_forks]);
    say(config, line, "PANDO_LOG", given->log, door->log_path);
    say(config, line, "PANDO_LOG_LEVEL", false, levels[door->log_level]);
    say(config, line, "PANDO_SPOOL", false, door->spool);
    say_number(config, line, "PANDO_SPOOL_MIB", false, door->spool_limit_mib);
    say(config, line, "PANDO_SIGN", false, booleans[door->signs]);
    say(config, line, "PANDO_BODY", false, door->body_is_ion ? "ion" : "json");
    say(config, line, "PANDO_ORCHESTRATE", false, booleans[door->is_orchestrated]);
    say_number(config, line, "PANDO_END_MS", false, config->end_wall_ms);
}
