/* Why: cli/syntax.h. Context: own process. */
#include "cli/syntax.h"

#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { FIRST_LONG = 256, HELP_COLUMN = 24, LETTERS_BYTES = 3 * PANDO_CLI_OPTIONS_MAX + 3 };

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
    *letters = '\0';
    long_forms[syntax->option_count] = (struct option){NULL, 0, NULL, 0};
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

int pando_cli_parse(const struct pando_cli_syntax *syntax, int argc, char **argv, struct pando_cli_values *values)
{
    struct option long_forms[PANDO_CLI_OPTIONS_MAX + 1];
    char letters[LETTERS_BYTES];
    int got;
    values->syntax = syntax;
    take_variables(values);
    make_forms(syntax, long_forms, letters);
    while ((got = pando_cli_next_option(argc, argv, letters, long_forms)) != -1) {
        if (got == '?')
            return -1;
        size_t i = option_of(syntax, got);
        values->text[i] = syntax->options[i].value != NULL ? optarg : "true";
        values->origin[i] = PANDO_CLI_OPTION;
    }
    return optind;
}

bool pando_cli_is_on(const struct pando_cli_values *values, size_t option)
{
    const char *text = values->text[option];
    return text != NULL && strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
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

static void print_option(FILE *out, const struct pando_cli_option *option)
{
    char head[80];
    char letter[8] = "";
    if (option->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    int len = snprintf(head, sizeof head, "  %s--%s%s%s", letter, option->name, option->value != NULL ? " " : "",
                       option->value != NULL ? option->value : "");
    fprintf(out, "%s", head);
    if (len >= HELP_COLUMN - 1)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(out, "%*s", HELP_COLUMN - len, "");
    for (const char *at = option->help; *at != '\0'; at++) {
        fputc(*at, out);
        if (*at == '\n')
            fprintf(out, "%*s", HELP_COLUMN, "");
    }
    if (option->fallback != NULL)
        fprintf(out, " (default %s)", option->fallback);
    fputc('\n', out);
}

void pando_cli_print_help(FILE *out, const struct pando_cli_syntax *syntax)
{
    fprintf(out, "usage: pando %s [OPTION...]%s%s\n%s", syntax->name, syntax->operands[0] != '\0' ? " " : "", syntax->operands,
            syntax->text);
    for (size_t i = 0; i < syntax->option_count; i++)
        print_option(out, &syntax->options[i]);
    fputs("Each option has a variable, which pando help --json and --show-config name; the option is stronger.\n", out);
}

static const char *const origins[] = {"default", "variable", "option"};

void pando_cli_show_config(FILE *out, const struct pando_cli_values *values, bool as_json)
{
    json_t *list = json_array();
    for (size_t i = 0; i < values->syntax->option_count; i++) {
        const struct pando_cli_option *option = &values->syntax->options[i];
        const char *value = values->text[i] != NULL ? values->text[i] : option->value == NULL ? "false" : "";
        if (as_json)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s*}", "option", option->name, "value", value, "from",
                                                  origins[values->origin[i]], "variable", option->variable));
        else
            fprintf(out, "--%-14s %-32s %s%s%s\n", option->name, value[0] != '\0' ? value : "-", origins[values->origin[i]],
                    values->origin[i] == PANDO_CLI_VARIABLE ? " " : option->variable != NULL ? ", variable " : "",
                    option->variable != NULL ? option->variable : "");
    }
    if (as_json) {
        json_dumpf(list, out, JSON_INDENT(1));
        fputc('\n', out);
    }
    json_decref(list);
}

void pando_cli_print_syntax_json(FILE *out, const struct pando_cli_syntax *const *list, size_t count)
{
    json_t *commands = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct pando_cli_syntax *syntax = list[i];
        json_t *options = json_array();
        for (size_t k = 0; k < syntax->option_count; k++) {
            const struct pando_cli_option *option = &syntax->options[k];
            const char letter[2] = {option->letter, '\0'};
            json_array_append_new(options, json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s}", "name", option->name, "letter", letter,
                                                     "value", option->value, "variable", option->variable, "default",
                                                     option->fallback, "help", option->help));
        }
        json_array_append_new(commands, json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", syntax->name, "operands", syntax->operands,
                                                  "summary", syntax->summary, "text", syntax->text, "options", options));
    }
    json_dumpf(commands, out, JSON_INDENT(1));
    fputc('\n', out);
    json_decref(commands);
}
