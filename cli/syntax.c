/* Why: cli/syntax.h. Context: own process. */
#include "cli/syntax.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/progress.h"
#include "cli/syntax_print.h"

enum { FIRST_LONG = 256, HELP = 255, LETTERS_BYTES = 3 * PANDO_CLI_OPTIONS_MAX + 4, VARIABLE_BYTES = 16384 };

static void take_variables(struct pando_cli_values *values)
{
    for (size_t i = 0; i < values->syntax->option_count; i++) {
        const struct pando_cli_option *option = &values->syntax->options[i];
        const char *text = option->variable != NULL ? getenv(option->variable) : NULL;
        bool is_set = text != NULL && text[0] != '\0';
        values->text[i] = is_set ? text : option->fallback;
        values->origin[i] = is_set ? PANDO_CLI_VARIABLE : PANDO_CLI_DEFAULT;
    }
}

/* A variable for this command alone that it does not have is likely misspelt. */
static void warn_of_unknown_variables(const struct pando_cli_syntax *syntax)
{
    char start[32];
    size_t len = (size_t)snprintf(start, sizeof start, "PANDO_%s_", syntax->name);
    for (char *at = start; *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
    for (char *const *entry = environ; *entry != NULL; entry++) {
        size_t name_len = strcspn(*entry, "="), i = 0;
        if (strncmp(*entry, start, len) != 0)
            continue;
        while (i < syntax->option_count && (syntax->options[i].variable == NULL || strlen(syntax->options[i].variable) != name_len ||
                                            strncmp(*entry, syntax->options[i].variable, name_len) != 0))
            i++;
        if (i == syntax->option_count)
            pando_cli_complain("%.*s is no variable of pando %s; it is ignored. pando %s --show-config has the list.",
                               (int)(name_len < 80 ? name_len : 80), *entry, syntax->name, syntax->name);
    }
}

/* In getopt's form. */
static void make_forms(const struct pando_cli_syntax *syntax, struct option *long_forms, char *letters)
{
    *letters++ = syntax->options_first ? '+' : ':';
    if (syntax->options_first)
        *letters++ = ':';
    for (size_t i = 0; i < syntax->option_count; i++) {
        const struct pando_cli_option *option = &syntax->options[i];
        long_forms[i] = (struct option){option->name, option->value != NULL ? required_argument : no_argument, NULL,
                                        FIRST_LONG + (int)i};
        if (option->letter == 0)
            continue;
        *letters++ = option->letter;
        if (option->value != NULL)
            *letters++ = ':';
    }
    *letters++ = 'h';
    *letters = '\0';
    long_forms[syntax->option_count] = (struct option){"help", no_argument, NULL, HELP};
    long_forms[syntax->option_count + 1] = (struct option){NULL, 0, NULL, 0};
}

static size_t option_of(const struct pando_cli_syntax *syntax, int got)
{
    if (got >= FIRST_LONG)
        return (size_t)(got - FIRST_LONG);
    size_t i = 0;
    while (i < syntax->option_count && syntax->options[i].letter != got)
        i++;
    return i;
}

size_t pando_cli_find(const struct pando_cli_syntax *syntax, const char *name)
{
    size_t i = 0;
    while (i < syntax->option_count && strcmp(syntax->options[i].name, name) != 0)
        i++;
    return i;
}

/* False after a complaint. */
static bool take_option(struct pando_cli_values *values, size_t i)
{
    const struct pando_cli_option *option = &values->syntax->options[i];
    values->text[i] = option->value != NULL ? optarg : "true";
    values->origin[i] = PANDO_CLI_OPTION;
    if (!option->is_many)
        return true;
    if (values->given_count == PANDO_CLI_GIVEN_MAX) {
        pando_cli_complain("there are too many options; see pando help %s.", values->syntax->name);
        return false;
    }
    values->given[values->given_count].option = i;
    values->given[values->given_count++].text = optarg;
    return true;
}

int pando_cli_parse(const struct pando_cli_syntax *syntax, int argc, char **argv, struct pando_cli_values *values)
{
    struct option long_forms[PANDO_CLI_OPTIONS_MAX + 2];
    char letters[LETTERS_BYTES];
    int got;
    values->syntax = syntax;
    values->status = PANDO_EXIT_USAGE;
    values->given_count = 0;
    take_variables(values);
    warn_of_unknown_variables(syntax);
    make_forms(syntax, long_forms, letters);
    while ((got = pando_cli_next_option(argc, argv, letters, long_forms)) != -1) {
        if (got == HELP || got == 'h') {
            pando_cli_print_help(stdout, syntax);
            values->status = PANDO_EXIT_OK;
            return -1;
        }
        if (got == '?' || !take_option(values, option_of(syntax, got)))
            return -1;
    }
    values->status = PANDO_EXIT_OK;
    size_t json = pando_cli_find(syntax, "json");
    if (json < syntax->option_count && pando_cli_is_on(values, json))
        pando_progress_forbid();
    return optind;
}

bool pando_cli_is_on(const struct pando_cli_values *values, size_t option)
{
    const char *text = values->text[option];
    return text != NULL && strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
}

bool pando_cli_is_given(const struct pando_cli_values *values, size_t option)
{
    return values->origin[option] == PANDO_CLI_OPTION;
}

static bool each_of_variable(const struct pando_cli_values *values, size_t option, bool (*take)(void *context, const char *name, const char *text),
                             void *context)
{
    const char *name = values->syntax->options[option].variable;
    char copy[VARIABLE_BYTES], *rest = copy, *one;
    if ((size_t)snprintf(copy, sizeof copy, "%s", values->text[option]) >= sizeof copy) {
        pando_cli_complain("%s is longer than %d bytes.", name, (int)sizeof copy - 1);
        return false;
    }
    while ((one = strsep(&rest, ";")) != NULL) {
        if (one[0] != '\0' && !take(context, name, one))
            return false;
    }
    return true;
}

bool pando_cli_each(const struct pando_cli_values *values, size_t option, bool (*take)(void *context, const char *name, const char *text),
                    void *context)
{
    if (values->origin[option] == PANDO_CLI_VARIABLE)
        return each_of_variable(values, option, take, context);
    for (size_t i = 0; i < values->given_count; i++) {
        if (values->given[i].option == option && !take(context, pando_cli_name_of(values, option), values->given[i].text))
            return false;
    }
    return true;
}

const char *pando_cli_name_of(const struct pando_cli_values *values, size_t option)
{
    static char name[64];
    const struct pando_cli_option *one = &values->syntax->options[option];
    if (values->origin[option] == PANDO_CLI_VARIABLE)
        return one->variable;
    snprintf(name, sizeof name, "--%s", one->name);
    return name;
}

bool pando_cli_number_of(const struct pando_cli_values *values, size_t option, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    return values->text[option] == NULL ||
           pando_cli_number(pando_cli_name_of(values, option), values->text[option], min, max, ret_value);
}

bool pando_cli_word_of(const struct pando_cli_values *values, size_t option, const char *const *words)
{
    char list[256] = "";
    for (size_t i = 0; words[i] != NULL; i++) {
        if (values->text[option] == NULL || strcmp(values->text[option], words[i]) == 0)
            return true;
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s%s", i == 0 ? "" : words[i + 1] != NULL ? ", " : " or ", words[i]);
    }
    pando_cli_complain("%s is %s, not \"%s\".", pando_cli_name_of(values, option), list, values->text[option]);
    return false;
}

const char *pando_cli_format_of(const struct pando_cli_values *values, size_t format, size_t output, size_t json)
{
    if (pando_cli_is_given(values, format))
        return values->text[format];
    if (pando_cli_is_given(values, json))
        return "json";
    if (pando_cli_is_given(values, output))
        return NULL;
    if (values->text[format] != NULL)
        return values->text[format];
    return values->text[output] == NULL && pando_cli_is_on(values, json) ? "json" : NULL;
}
