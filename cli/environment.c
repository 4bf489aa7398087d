/* Why: cli/environment.h. Context: own process. */
#include "cli/environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct setting {
    const char *name;
    const char *value;   /* NULL: leave it */
    bool in_front;       /* of the old value, with a colon between */
};

enum { SETTING_COUNT = 9 };

static bool is_named(const char *entry, const char *name)
{
    size_t len = strlen(name);
    return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

static char *make_entry(const struct setting *setting, const char *old_value)
{
    char *entry;
    bool joined = setting->in_front && old_value != NULL && old_value[0] != '\0';
    if (asprintf(&entry, "%s=%s%s%s", setting->name, setting->value, joined ? ":" : "", joined ? old_value : "") < 0)
        return NULL;
    return entry;
}

void pando_environment_free(char **environment)
{
    for (char **entry = environment; environment != NULL && *entry != NULL; entry++)
        free(*entry);
    free(environment);
}

char **pando_environment_make(char *const *old, const struct pando_environment_settings *settings)
{
    const struct setting list[SETTING_COUNT] = {
        {"LD_PRELOAD", settings->library, true},           {"PANDO_URL", settings->url, false},
        {"PANDO_GROUP", settings->group, false},           {"PANDO_INTERVAL_S", settings->interval_s, false},
        {"PANDO_RATE_HZ", settings->rate_hz, false},       {"PANDO_LOG", settings->log, false},
        {"PANDO_MODE", settings->mode, false},             {"PANDO_END_MS", settings->end_ms, false},
        {"PANDO_WALL_RATE_HZ", settings->wall_rate_hz, false},
    };
    const char *old_values[SETTING_COUNT] = {0};
    size_t count = 0;
    while (old[count] != NULL)
        count++;
    char **made = calloc(count + SETTING_COUNT + 1, sizeof *made);
    if (made == NULL)
        return NULL;
    size_t out = 0;
    for (size_t i = 0; i < count; i++) {
        bool replaced = false;
        for (size_t k = 0; k < SETTING_COUNT; k++) {
            if (list[k].value != NULL && is_named(old[i], list[k].name)) {
                old_values[k] = old[i] + strlen(list[k].name) + 1;
                replaced = true;
            }
        }
        if (!replaced && (made[out++] = strdup(old[i])) == NULL)
            goto no_memory;
    }
    for (size_t k = 0; k < SETTING_COUNT; k++) {
        if (list[k].value != NULL && (made[out++] = make_entry(&list[k], old_values[k])) == NULL)
            goto no_memory;
    }
    return made;
no_memory:
    pando_environment_free(made);
    return NULL;
}
