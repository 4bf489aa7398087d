/* Why: cli/conditions.h. Context: own process. */
#include "cli/conditions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static bool wrong(const char *option, const char *text, const char *why)
{
    pando_cli_complain("%s \"%.300s\": %s. It takes FUNCTION:self or FUNCTION:total, then >+5%% (grew by more than 5 %% of what it "
                       "was), >+5pp (by 5 percentage points), >20%% (has more than 20 %%), or the like with <; FUNCTION is a name, "
                       "/REGEX/ or *.", option, text, why);
    return false;
}

/* The last ":self" or ":total" that a comparison follows: names may have colons. */
static const char *find_measure(const char *text, bool *ret_is_self, const char **ret_rest)
{
    const char *found = NULL;
    for (const char *at = strchr(text, ':'); at != NULL; at = strchr(at + 1, ':')) {
        bool is_self = strncmp(at, ":self", 5) == 0, is_total = strncmp(at, ":total", 6) == 0;
        const char *rest = at + (is_self ? 5 : 6);
        if ((!is_self && !is_total) || (rest += strspn(rest, " "), *rest != '<' && *rest != '>'))
            continue;
        found = at;
        *ret_is_self = is_self;
        *ret_rest = rest;
    }
    return found;
}

/* "+5%", "5%", "-2.5pp" */
static bool parse_limit(struct pando_condition *condition, const char *text)
{
    char *end;
    text += strspn(text, " ");
    bool is_change = *text == '+' || *text == '-';
    condition->limit = strtod(text, &end);
    bool is_points = strcmp(end, "pp") == 0;
    if (end == text || !isfinite(condition->limit) || (!is_points && strcmp(end, "%") != 0) || (is_points && !is_change))
        return false;
    condition->kind = is_points ? PANDO_CONDITION_POINTS : is_change ? PANDO_CONDITION_RELATIVE : PANDO_CONDITION_LEVEL;
    return true;
}

bool pando_condition_parse(const char *option, const char *text, struct pando_condition *condition)
{
    const char *rest = NULL;
    *condition = (struct pando_condition){.limit = 0};
    if ((size_t)snprintf(condition->text, sizeof condition->text, "%s", text) >= sizeof condition->text)
        return wrong(option, text, "it is too long");
    const char *measure = find_measure(text, &condition->is_self, &rest);
    if (measure == NULL)
        return wrong(option, text, "there is no comparison of self or total");
    size_t len = (size_t)(measure - text);
    if (len == 0 || len >= sizeof condition->name)
        return wrong(option, text, len == 0 ? "there is no function" : "the function's name is too long");
    condition->is_below = *rest == '<';
    if (!parse_limit(condition, rest + 1))
        return wrong(option, text, "the limit is not a number with % or pp");
    condition->is_regex = len > 2 && text[0] == '/' && text[len - 1] == '/';
    snprintf(condition->name, sizeof condition->name, "%.*s", (int)(condition->is_regex ? len - 2 : len), text + condition->is_regex);
    if (condition->is_regex) {
        int code = regcomp(&condition->regex, condition->name, REG_EXTENDED | REG_NOSUB);
        if (code != 0) {
            char reason[128];
            regerror(code, &condition->regex, reason, sizeof reason);
            condition->is_regex = false;
            return wrong(option, text, reason);
        }
    }
    return true;
}

void pando_condition_release(struct pando_condition *condition)
{
    if (condition->is_regex)
        regfree(&condition->regex);
    condition->is_regex = false;
}

bool pando_condition_is_about(const struct pando_condition *condition, const char *name)
{
    if (condition->is_regex)
        return regexec(&condition->regex, name, 0, NULL, 0) == 0;
    return strcmp(condition->name, "*") == 0 || strcmp(condition->name, name) == 0;
}

enum pando_verdict pando_condition_judge(const struct pando_condition *condition, const struct pando_compare *compare,
                                         const struct pando_compare_row *row)
{
    const struct pando_compare_share *share = condition->is_self ? &row->self : &row->total;
    double change = share->b - share->a, value = share->b, noise;
    bool is_sure = share->is_change;
    if (condition->kind == PANDO_CONDITION_POINTS)
        value = change;
    else if (condition->kind == PANDO_CONDITION_RELATIVE)
        value = share->a > 0 ? 100 * change / share->a : change > 0 ? HUGE_VAL : 0;
    if (condition->kind == PANDO_CONDITION_LEVEL) {
        noise = pando_compare_noise_of(share->b, compare->samples_b);
        is_sure = fabs(share->b - condition->limit) > noise;
    }
    bool is_past = condition->is_below ? value < condition->limit : value > condition->limit;
    return !is_past ? PANDO_VERDICT_FINE : is_sure ? PANDO_VERDICT_MET : PANDO_VERDICT_NOISE;
}
