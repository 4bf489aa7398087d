/* Why: agent/config.h. Context: setup. */
#include "agent/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/config_aws.h"
#include "agent/config_labels.h"
#include "base/command_variables.h"
#include "base/cursor.h"
#include "base/error.h"

enum {
    RATE_DEFAULT_HZ = 100,
    BUDGET_DEFAULT_PERCENT = 2,
    WALL_RATE_DEFAULT_HZ = 20,
    MILLISECONDS_A_S = 1000,
    INTERVAL_DEFAULT_S = 60,
    INTERVAL_AWS_S = 300,
    INTERVAL_MAX_S = 3600,
    RING_DEFAULT_KIB = 2048,
    RING_MIN_KIB = 64,
    RING_MAX_KIB = 65536,
    TREE_DEFAULT_MIB = 10,
    TREE_MAX_MIB = 1024,
    LINES_DEFAULT_MIB = 96,
    LINES_MAX_MIB = 65536,
    DEPTH_DEFAULT = 1000,
    SPOOL_DEFAULT_MIB = 64,
    SPOOL_MAX_MIB = 65536,
    EXIT_TIMEOUT_DEFAULT_MS = 2000,
    EXIT_TIMEOUT_MAX_MS = 60000,
};

/* Every variable that the agent knows: others that begin with PANDO_, and are not the command's, are likely misspelt. */
static const char *const known_variables[] = {
    "PANDO_URL",     "PANDO_GROUP",    "PANDO_RATE_HZ",  "PANDO_INTERVAL_S", "PANDO_LOG",      "PANDO_LOG_LEVEL",
    "PANDO_UNWIND",  "PANDO_FOLLOW",   "PANDO_RING_KIB", "PANDO_TREE_MIB",   "PANDO_DEPTH",    "PANDO_EXIT_TIMEOUT_MS",
    "PANDO_ENABLED", "PANDO_BUDGET_PERCENT", "PANDO_MODE", "PANDO_WALL_RATE_HZ",
    "PANDO_SIGN",    "PANDO_ORCHESTRATE", "PANDO_SPOOL", "PANDO_SPOOL_MIB",  "PANDO_TOKEN",    "PANDO_TOKEN_FILE", "PANDO_BODY",
    "PANDO_LINES",   "PANDO_LINES_MIB", "PANDO_END_MS",  "PANDO_SLICES",  "PANDO_LABELS",
};

/* A value as it may stand in a sentence: cut, so that the sentence stays one. */
#define SHOWN "%.80s"

struct reading {
    char *problem;
    int error;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct reading *reading, const char *format, ...)
{
    if (reading->error != 0)
        return; /* the first one stays */
    va_list args;
    va_start(args, format);
    vsnprintf(reading->problem, PANDO_CONFIG_SENTENCE_BYTES, format, args);
    va_end(args);
    reading->error = PANDO_ERR_INVALID;
}

static uint32_t read_number(struct reading *reading, const char *name, uint32_t given, uint32_t min, uint32_t max,
                            uint32_t fallback)
{
    if (given != 0) {
        if (given < min || given > max)
            refuse(reading, "the option for %s is from %u to %u, not %u.", name, min, max, given);
        return given;
    }
    const char *text = pando_config_variable(name);
    if (text == NULL)
        return fallback;
    struct pando_cursor cursor = pando_cursor_of_text(text);
    uint64_t value = 0;
    if (pando_cursor_decimal(&cursor, max, &value) != 0 || !pando_cursor_at_end(&cursor) || value < min)
        refuse(reading, "%s is a whole number from %u to %u, not \"" SHOWN "\".", name, min, max, text);
    return (uint32_t)value;
}

/* One of `count` words; the number of the one that it is. */
static unsigned read_given_word(struct reading *reading, const char *name, const char *given, const char *const *words,
                                unsigned count, unsigned fallback)
{
    const char *text = given != NULL ? given : pando_config_variable(name);
    if (text == NULL)
        return fallback;
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
    }
    char list[128] = "";
    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", words[i]);
    }
    refuse(reading, "%s is %s, not \"" SHOWN "\".", name, list, text);
    return fallback;
}

static unsigned read_word(struct reading *reading, const char *name, const char *const *words, unsigned count,
                          unsigned fallback)
{
    return read_given_word(reading, name, NULL, words, count, fallback);
}

static bool is_group(const char *text, size_t len)
{
    return len >= 1 && len < PANDO_DOOR_GROUP_BYTES &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static void read_group(struct reading *reading, const char *given, char *group)
{
    const char *text = given != NULL ? given : pando_config_variable("PANDO_GROUP");
    if (text != NULL) {
        if (is_group(text, strlen(text)))
            strcpy(group, text);
        else
            refuse(reading, "%s is 1 to 255 of the characters A-Z a-z 0-9 _ -, not \"" SHOWN "\".",
                   given != NULL ? "the group" : "PANDO_GROUP", text);
        return;
    }
    group[0] = '\0';
}

/* The program's own name, with '-' for what a group cannot have. */
static void name_group_after_program(char *group)
{
    const char *name = program_invocation_short_name;
    size_t len = 0;
    for (; name != NULL && name[len] != '\0' && len < PANDO_DOOR_GROUP_BYTES - 1; len++)
        group[len] = is_group((const char[]){name[len], '\0'}, 1) ? name[len] : '-';
    if (len == 0)
        group[len++] = '-';
    group[len] = '\0';
}

static void read_url(struct reading *reading, const char *given, char *url)
{
    const char *text = given != NULL ? given : pando_config_variable("PANDO_URL");
    if (text == NULL) {
        if (!pando_config_aws_asks())
            refuse(reading, "PANDO_URL is not set: it says where profiles go, for example http://127.0.0.1:8080.");
        return; /* the service of AWS's variables */
    }
    bool http = strncmp(text, "http://", 7) == 0, https = strncmp(text, "https://", 8) == 0;
    if ((!http && !https) || text[http ? 7 : 8] == '\0' || strlen(text) >= PANDO_DOOR_URL_BYTES) {
        refuse(reading, "%s is an http:// or https:// address of at most %d bytes, not \"" SHOWN "\".",
               given != NULL ? "the url" : "PANDO_URL", PANDO_DOOR_URL_BYTES - 1, text);
        return;
    }
    strcpy(url, text);
}

static void read_log(struct reading *reading, const char *given, struct pando_door_settings *door)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    const char *path = given != NULL ? given : pando_config_variable("PANDO_LOG");
    door->log_level = (enum pando_log_level)read_word(reading, "PANDO_LOG_LEVEL", levels, 4, PANDO_LOG_WARN);
    if (path == NULL)
        return;
    if (strlen(path) >= sizeof door->log_path)
        refuse(reading, "PANDO_LOG is a file name of at most %zu bytes, or \"stderr\".", sizeof door->log_path - 1);
    else
        strcpy(door->log_path, path);
}

static void read_mode(struct reading *reading, const struct pando_config_more *more, struct pando_config *config)
{
    static const char *const modes[] = {"cpu", "wall", "both"};
    enum { CPU, WALL, BOTH };
    unsigned mode = read_given_word(reading, "PANDO_MODE", more->mode, modes, 3, CPU);
    uint32_t rate_hz = read_number(reading, "PANDO_WALL_RATE_HZ", more->wall_rate_hz, 1, PANDO_WALL_RATE_MAX_HZ, WALL_RATE_DEFAULT_HZ);
    config->has_cpu_time = mode != WALL;
    config->wall_rate_hz = mode != CPU ? rate_hz : 0;
    config->door.has_wall_time = mode != CPU;
    config->door.units_per_s = mode == WALL ? MILLISECONDS_A_S : config->door.rate_hz;
}

/* AWS's variables, and what follows from where profiles go. */
static void read_aws(struct reading *reading, struct pando_config *config)
{
    static const char *const booleans[] = {"true", "false"}, *const bodies[] = {"json", "ion"};
    struct pando_door_settings *door = &config->door;
    char sentence[PANDO_CONFIG_SENTENCE_BYTES];
    if (pando_config_aws_read(door, sentence) != 0)
        refuse(reading, "%s", sentence);
    if (door->group[0] == '\0')
        name_group_after_program(door->group);
    bool is_derived = door->url[0] == '\0';
    door->signs = read_word(reading, "PANDO_SIGN", booleans, 2, door->signs ? 0 : 1) == 0 || is_derived;
    door->body_is_ion = read_word(reading, "PANDO_BODY", bodies, 2, 0) == 1;
    door->is_orchestrated = read_word(reading, "PANDO_ORCHESTRATE", booleans, 2, door->signs ? 0 : 1) == 0;
    _Static_assert(sizeof config->environment % 4096 == 0, "whole pages");
    madvise(config->environment, sizeof config->environment, MADV_DONTDUMP);
    if (!config->is_attached && pando_environment_capture(config->environment, sizeof config->environment) != 0)
        pando_log(PANDO_LOG_WARN, "the environment is too large: some of its variables are not seen.");
}

static void read_spool(struct reading *reading, struct pando_door_settings *door)
{
    const char *path = pando_config_variable("PANDO_SPOOL");
    door->spool_limit_mib = read_number(reading, "PANDO_SPOOL_MIB", 0, 1, SPOOL_MAX_MIB, SPOOL_DEFAULT_MIB);
    if (path == NULL)
        return;
    if (path[0] != '/' || strlen(path) >= sizeof door->spool)
        refuse(reading, "PANDO_SPOOL is a folder's path from the root of at most %zu bytes, not \"" SHOWN "\".",
               sizeof door->spool - 1, path);
    else
        strcpy(door->spool, path);
}

static void read_end(struct reading *reading, struct pando_config *config)
{
    const char *text = pando_config_variable("PANDO_END_MS");
    struct pando_cursor cursor = pando_cursor_of_text(text != NULL ? text : "0");
    if (pando_cursor_decimal(&cursor, UINT64_MAX / 1000000, &config->end_wall_ms) != 0 || !pando_cursor_at_end(&cursor))
        refuse(reading, "PANDO_END_MS is milliseconds since 1970, not \"" SHOWN "\".", text);
}

static void warn_of_unknown_variables(void)
{
    for (char *const *entry = pando_config_ignores_environment() ? NULL : environ; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, "PANDO_", 6) != 0)
            continue;
        size_t len = strcspn(*entry, "=");
        bool known = pando_command_variable_is(*entry);
        for (size_t i = 0; i < sizeof known_variables / sizeof known_variables[0] && !known; i++)
            known = strlen(known_variables[i]) == len && strncmp(*entry, known_variables[i], len) == 0;
        if (!known)
            pando_log(PANDO_LOG_WARN, "%.*s is no variable of Pando's; it is ignored. The README has the list.",
                      (int)(len < 80 ? len : 80), *entry);
    }
}

bool pando_config_environment_asks(void)
{
    const char *enabled = pando_config_variable("PANDO_ENABLED");
    if (pando_config_variable("PANDO_URL") != NULL)
        return enabled == NULL || strcmp(enabled, "false") != 0;
    return enabled != NULL && strcmp(enabled, "true") == 0 && pando_config_aws_asks();
}

static void read_lines(struct reading *reading, struct pando_door_settings *door)
{
    static const char *const words[] = {"agent", "off"};
    door->lines_limit_mib = read_number(reading, "PANDO_LINES_MIB", 0, 1, LINES_MAX_MIB, LINES_DEFAULT_MIB);
    if (read_word(reading, "PANDO_LINES", words, 2, 0) != 0)
        door->lines_limit_mib = 0;
}

int pando_config_read(const struct pando_options *options, const struct pando_config_more *more, struct pando_config *config,
                      char *problem)
{
    static const struct pando_options none;
    static const struct pando_config_more no_more;
    struct reading reading = {.problem = problem};
    if (options == NULL)
        options = &none;
    else if (options->struct_bytes != sizeof *options)
        refuse(&reading, "pando_options.struct_bytes is %zu, this libpando knows %zu.", options->struct_bytes, sizeof *options);
    if (more == NULL)
        more = &no_more;
    *config = (struct pando_config){.is_attached = more->is_attached, .lease_s = more->lease_s};
    pando_config_ignore_environment(more->is_attached);
    config->given = (struct pando_config_origin){.wall_rate_hz = more->wall_rate_hz != 0, .mode = more->mode != NULL, .log = more->log != NULL, .follow = more->is_attached,
                                                 .url = options->url != NULL, .group = options->group != NULL,
                                                 .rate_hz = options->rate_hz != 0, .interval_s = options->interval_s != 0};
    read_log(&reading, more->log, &config->door);
    pando_log_open(config->door.log_path, config->door.log_level);
    read_url(&reading, options->url, config->door.url);
    read_group(&reading, options->group, config->door.group);
    read_aws(&reading, config);
    char sentence[PANDO_CONFIG_SENTENCE_BYTES];
    if (pando_config_labels_read(&config->door, sentence) != 0)
        refuse(&reading, "%s", sentence);
    read_spool(&reading, &config->door);
    config->door.has_own_rate = options->rate_hz != 0 || pando_config_variable("PANDO_RATE_HZ") != NULL;
    config->door.has_own_interval = options->interval_s != 0 || pando_config_variable("PANDO_INTERVAL_S") != NULL;
    config->door.has_own_depth = pando_config_variable("PANDO_DEPTH") != NULL;
    config->door.rate_hz = read_number(&reading, "PANDO_RATE_HZ", options->rate_hz, 1, PANDO_RATE_MAX_HZ, RATE_DEFAULT_HZ);
    read_mode(&reading, more, config);
    config->door.interval_s = read_number(&reading, "PANDO_INTERVAL_S", options->interval_s, 1, INTERVAL_MAX_S,
                                          config->door.signs ? INTERVAL_AWS_S : INTERVAL_DEFAULT_S);
    config->door.depth_max = read_number(&reading, "PANDO_DEPTH", 0, 2, DEPTH_DEFAULT, DEPTH_DEFAULT);
    config->door.tree_limit_mib = read_number(&reading, "PANDO_TREE_MIB", 0, 1, TREE_MAX_MIB, TREE_DEFAULT_MIB);
    read_lines(&reading, &config->door);
    config->door.budget_percent = read_number(&reading, "PANDO_BUDGET_PERCENT", 0, 1, 100, BUDGET_DEFAULT_PERCENT);
    config->ring_kib = read_number(&reading, "PANDO_RING_KIB", 0, RING_MIN_KIB, RING_MAX_KIB, RING_DEFAULT_KIB);
    if ((config->ring_kib & (config->ring_kib - 1)) != 0)
        refuse(&reading, "PANDO_RING_KIB is a power of two from %d to %d, not %u.", RING_MIN_KIB, RING_MAX_KIB,
               config->ring_kib);
    config->exit_timeout_ms = read_number(&reading, "PANDO_EXIT_TIMEOUT_MS", 0, 1, EXIT_TIMEOUT_MAX_MS,
                                          EXIT_TIMEOUT_DEFAULT_MS);
    read_end(&reading, config);
    static const char *const unwinders[] = {"rows", "libunwind", "compare"}, *const booleans[] = {"true", "false"};
    config->unwinder = (enum pando_unwinder)read_word(&reading, "PANDO_UNWIND", unwinders, 3, PANDO_UNWINDER_ROWS);
    config->follow_forks = read_word(&reading, "PANDO_FOLLOW", booleans, 2, 0) == 0 && !more->is_attached;
    read_word(&reading, "PANDO_ENABLED", booleans, 2, 0);
    if (reading.error != 0) {
        pando_log(PANDO_LOG_ERROR, "%s Pando stays off.", problem);
        return reading.error;
    }
    warn_of_unknown_variables();
    return 0;
}
