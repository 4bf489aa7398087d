/* Why: cli/doctor.h: which settings libpando.so would take from an environment, and which of them it would refuse.
 * Context: own process; the environment is a copy, of this process or another. The rules are agent/config.c's, which is a library's that
 * goes into other programs; tests/integration/doctor_test.py holds the two against each other. Secrets are never told. */
#include <stdlib.h>
#include <string.h>

#include "base/command_variables.h"
#include "base/cursor.h"
#include "base/environment.h"
#include "cli/doctor.h"

enum kind { TEXT, NUMBER, POWER_OF_TWO, WORD, GROUP, URL, ABSOLUTE_PATH, SECRET };

static const struct setting {
    const char *name;
    enum kind kind;
    const char *fallback;  /* the first word; in brackets, where profiles go to Amazon. NULL: none */
    uint64_t min, max;     /* of a number */
    const char *words;     /* with a blank behind each */
} settings[] = {
    {"PANDO_URL", URL, NULL, 0, 0, NULL},
    {"PANDO_GROUP", GROUP, NULL, 0, 0, NULL},
    {"PANDO_RATE_HZ", NUMBER, "100", 1, 4000, NULL},
    {"PANDO_MODE", WORD, "cpu", 0, 0, "cpu wall both "},
    {"PANDO_WALL_RATE_HZ", NUMBER, "20", 1, 1000, NULL},
    {"PANDO_INTERVAL_S", NUMBER, "60 (AWS: 300)", 1, 3600, NULL},
    {"PANDO_LOG", TEXT, NULL, 0, 0, NULL},
    {"PANDO_LOG_LEVEL", WORD, "warning", 0, 0, "error warning info debug "},
    {"PANDO_ENABLED", WORD, "true", 0, 0, "true false "},
    {"PANDO_SIGN", WORD, "false (AWS: true)", 0, 0, "true false "},
    {"PANDO_ORCHESTRATE", WORD, "false (AWS: true)", 0, 0, "true false "},
    {"PANDO_BODY", WORD, "json", 0, 0, "json ion "},
    {"PANDO_TOKEN", SECRET, NULL, 0, 0, NULL},
    {"PANDO_TOKEN_FILE", ABSOLUTE_PATH, NULL, 0, 0, NULL},
    {"PANDO_SPOOL", ABSOLUTE_PATH, NULL, 0, 0, NULL},
    {"PANDO_SPOOL_MIB", NUMBER, "64", 1, 65536, NULL},
    {"PANDO_FOLLOW", WORD, "true", 0, 0, "true false "},
    {"PANDO_LABELS", TEXT, NULL, 0, 0, NULL},
    {"PANDO_SLICES", WORD, "names (AWS: off)", 0, 0, "names threads off "},
    {"PANDO_BUDGET_PERCENT", NUMBER, "2", 1, 100, NULL},
    {"PANDO_DEPTH", NUMBER, "1000", 2, 1000, NULL},
    {"PANDO_TREE_MIB", NUMBER, "10", 1, 1024, NULL},
    {"PANDO_LINES", WORD, "agent", 0, 0, "agent off "},
    {"PANDO_LINES_MIB", NUMBER, "96", 1, 65536, NULL},
    {"PANDO_RING_KIB", POWER_OF_TWO, "2048", 64, 65536, NULL},
    {"PANDO_EXIT_TIMEOUT_MS", NUMBER, "2000", 1, 60000, NULL},
    {"PANDO_UNWIND", WORD, "rows", 0, 0, "rows libunwind compare "},
    {"PANDO_END_MS", NUMBER, "0", 0, UINT64_MAX / 1000000, NULL},
};

void pando_doctor_mask_url(const char *url, char *shown, size_t shown_bytes)
{
    const char *scheme = strstr(url, "://");
    const char *authority = scheme != NULL ? scheme + 3 : url;
    size_t len = strcspn(authority, "/?#"), user = 0;
    for (size_t i = 0; i < len; i++)
        user = authority[i] == '@' ? i + 1 : user;
    snprintf(shown, shown_bytes, "%.*s%s%.*s%s", (int)(authority - url), url, user != 0 ? "***@" : "",
             (int)strcspn(authority + user, "?#"), authority + user, strpbrk(authority + user, "?#") != NULL ? "?***" : "");
}

static bool is_word(const char *text, const char *words)
{
    for (size_t len; *words != '\0'; words += len + 1) {
        len = strcspn(words, " ");
        if (strlen(text) == len && strncmp(text, words, len) == 0)
            return true;
    }
    return false;
}

/* Whether libpando.so takes it; else `rule` gets what it should be. */
static bool is_good(const struct setting *setting, const char *text, char *rule, size_t rule_bytes)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    struct pando_cursor cursor = pando_cursor_of_text(text);
    uint64_t value = 0;
    switch (setting->kind) {
    case NUMBER:
    case POWER_OF_TWO:
        snprintf(rule, rule_bytes, "a %s from %llu to %llu", setting->kind == NUMBER ? "whole number" : "power of two",
                 (unsigned long long)setting->min, (unsigned long long)setting->max);
        return pando_cursor_decimal(&cursor, setting->max, &value) == 0 && pando_cursor_at_end(&cursor) && value >= setting->min &&
               (setting->kind == NUMBER || (value & (value - 1)) == 0);
    case WORD:
        snprintf(rule, rule_bytes, "one of %.*s", (int)strlen(setting->words) - 1, setting->words);
        return is_word(text, setting->words);
    case GROUP:
        snprintf(rule, rule_bytes, "1 to 255 of the characters A-Z a-z 0-9 _ -");
        return strlen(text) <= 255 && strspn(text, letters) == strlen(text);
    case URL:
        snprintf(rule, rule_bytes, "an http:// or https:// address");
        return (strncmp(text, "http://", 7) == 0 && text[7] != '\0') || (strncmp(text, "https://", 8) == 0 && text[8] != '\0');
    case ABSOLUTE_PATH:
        snprintf(rule, rule_bytes, "a path from the root");
        return text[0] == '/';
    default:
        return true;
    }
}

static void take(struct pando_doctor *doctor, const struct setting *setting, const char *environment, unsigned *defaults)
{
    char shown[512], rule[128];
    const char *text = pando_environment_get(environment, setting->name);
    bool is_taken = text == NULL || is_good(setting, text, rule, sizeof rule);
    if (text == NULL)
        snprintf(shown, sizeof shown, "%s", setting->fallback != NULL ? setting->fallback : "");
    else if (setting->kind == SECRET)
        snprintf(shown, sizeof shown, "***");
    else if (setting->kind == URL)
        pando_doctor_mask_url(text, shown, sizeof shown);
    else
        snprintf(shown, sizeof shown, "%s", text);
    pando_doctor_add(doctor, "settings", json_pack("{s:s, s:o, s:s, s:b}", "name", setting->name, "value", pando_doctor_text(shown), "from",
                                                   text != NULL ? "variable" : "default", "isTaken", is_taken));
    *defaults += text == NULL;
    if (!is_taken)
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "setting", "%s is %s, not \"%.80s\": Pando stays off.", setting->name, rule, shown);
    else if (text != NULL)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "setting", "%s is %s.", setting->name, shown);
}

static bool is_known(const char *name, size_t len)
{
    bool is_one = pando_command_variable_is(name);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        is_one |= strlen(settings[i].name) == len && strncmp(settings[i].name, name, len) == 0;
    return is_one;
}

static void say_unknown(struct pando_doctor *doctor, const char *environment)
{
    for (const char *entry = environment; *entry != '\0'; entry += strlen(entry) + 1) {
        size_t len = strcspn(entry, "=");
        if (strncmp(entry, "PANDO_", 6) == 0 && !is_known(entry, len))
            pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "setting", "%.*s is no variable of Pando's; it is ignored. The README has the list.",
                             (int)(len < 80 ? len : 80), entry);
    }
}

void pando_doctor_settings(struct pando_doctor *doctor, const char *environment)
{
    unsigned defaults = 0;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        take(doctor, &settings[i], environment, &defaults);
    say_unknown(doctor, environment);
    if (pando_environment_get(environment, "PANDO_TOKEN") != NULL && pando_environment_get(environment, "PANDO_TOKEN_FILE") != NULL)
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "setting", "PANDO_TOKEN and PANDO_TOKEN_FILE are both set: the receiver takes one token.");
    pando_doctor_say(doctor, PANDO_DOCTOR_OK, "settings", "%u settings of libpando.so are at their defaults (--json lists them).", defaults);
}
