/* Why: cli/syntax_print.h. Context: own process. */
#include "cli/syntax_print.h"

#include <jansson.h>
#include <string.h>

enum { HELP_COLUMN = 24 };

static const struct pando_cli_option help_row = {"help", 'h', NULL, NULL, NULL, "print what the options are, and do nothing", false};

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
    if (option->is_many)
        fputs("; can be given again", out);
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
    print_option(out, &help_row);
    fprintf(out, "Each option has a variable, which pando %s --show-config and pando-%s(1) name; the option is stronger.\n", syntax->name,
            syntax->name);
}

static const char *const origins[] = {"default", "variable", "option"};

/* All values of an option that can be given again. */
static bool add_value(void *list, const char *name, const char *text)
{
    (void)name;
    json_array_append_new(list, json_string(text));
    return true;
}

static json_t *values_of(const struct pando_cli_values *values, size_t i)
{
    json_t *list = json_array();
    const struct pando_cli_option *option = &values->syntax->options[i];
    if (option->is_many)
        pando_cli_each(values, i, add_value, list);
    else
        add_value(list, NULL, values->text[i] != NULL ? values->text[i] : option->value == NULL ? "false" : "");
    return list;
}

static void show_option(const struct pando_cli_values *values, size_t i, json_t *texts)
{
    const struct pando_cli_option *option = &values->syntax->options[i];
    json_t *text;
    size_t k;
    printf("--%-17s ", option->name);
    int len = 0;
    json_array_foreach(texts, k, text)
        len += printf("%s%s", k != 0 ? "; " : "", json_string_value(text));
    printf("%s%*s %s%s%s\n", len == 0 ? "-" : "", len < 32 ? 32 - (len == 0 ? 1 : len) : 0, "", origins[values->origin[i]],
           values->origin[i] == PANDO_CLI_VARIABLE ? " " : option->variable != NULL ? ", variable " : "",
           option->variable != NULL ? option->variable : "");
}

bool pando_cli_shows_config(const struct pando_cli_values *values)
{
    const struct pando_cli_syntax *syntax = values->syntax;
    size_t json = pando_cli_find(syntax, "json");
    if (!pando_cli_is_on(values, pando_cli_find(syntax, "show-config")))
        return false;
    bool as_json = json < syntax->option_count && pando_cli_is_on(values, json);
    json_t *list = json_array();
    for (size_t i = 0; i < syntax->option_count; i++) {
        const struct pando_cli_option *option = &syntax->options[i];
        json_t *texts = values_of(values, i);
        if (as_json)
            json_array_append_new(list, json_pack("{s:s, s:O, s:s, s:s*}", "option", option->name, "value",
                                                  option->is_many ? texts : json_array_get(texts, 0), "from", origins[values->origin[i]],
                                                  "variable", option->variable));
        else
            show_option(values, i, texts);
        json_decref(texts);
    }
    if (as_json) {
        json_dumpf(list, stdout, JSON_INDENT(1));
        putchar('\n');
    }
    json_decref(list);
    return true;
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
            json_array_append_new(options, json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s, s:b}", "name", option->name, "letter", letter,
                                                     "value", option->value, "variable", option->variable, "default",
                                                     option->fallback, "help", option->help, "isMany", option->is_many));
        }
        json_array_append_new(commands, json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", syntax->name, "operands", syntax->operands,
                                                  "summary", syntax->summary, "text", syntax->text, "options", options));
    }
    json_dumpf(commands, out, JSON_INDENT(1));
    fputc('\n', out);
    json_decref(commands);
}

void pando_cli_print_words(FILE *out, const struct pando_cli_syntax *syntax)
{
    for (size_t i = 0; i < syntax->option_count; i++) {
        const struct pando_cli_option *option = &syntax->options[i];
        fprintf(out, "--%s\t%s\t%.*s\n", option->name, option->value != NULL ? option->value : "", (int)strcspn(option->help, "\n"), option->help);
    }
    fprintf(out, "--%s\t\t%s\n", help_row.name, help_row.help);
}

/* Text that man takes as it is: in one line, or with its lines as they are. */
static void print_plain(FILE *out, const char *text, bool keeps_lines)
{
    bool is_first = true;
    for (const char *at = text; *at != '\0'; at++) {
        if (is_first && (*at == '.' || *at == '\''))
            fputs("\\&", out);
        is_first = keeps_lines && *at == '\n';
        if (*at == '\\' || *at == '-')
            fputs(*at == '-' ? "\\-" : "\\e", out);
        else
            fputc(*at == '\n' && !keeps_lines ? ' ' : *at, out);
    }
}

static void print_manual_option(FILE *out, const struct pando_cli_option *option)
{
    fputs(".TP\n", out);
    if (option->letter != 0)
        fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", out);
    print_plain(out, option->name, false);
    fputs("\\fR", out);
    if (option->value != NULL)
        fprintf(out, " \\fI%s\\fR", option->value);
    fputc('\n', out);
    print_plain(out, option->help, false);
    fprintf(out, "%s.\n", option->is_many ? "; can be given again" : "");
    if (option->fallback != NULL) {
        fputs("Default: ", out);
        print_plain(out, option->fallback, false);
        fputs(".\n", out);
    }
    if (option->variable != NULL)
        fprintf(out, "Variable: \\fB%s\\fR%s.\n", option->variable, option->is_many ? ", with ; between several" : "");
}

void pando_cli_print_manual(FILE *out, const struct pando_cli_syntax *syntax)
{
    fprintf(out, ".TH PANDO-");
    for (const char *at = syntax->name; *at != '\0'; at++)
        fputc(*at - 'a' + 'A', out);
    fprintf(out, " 1 \"\" \"Pando " PANDO_VERSION "\" \"User commands\"\n.SH NAME\npando\\-%s \\- ", syntax->name);
    print_plain(out, syntax->summary, false);
    fprintf(out, "\n.SH SYNOPSIS\n\\fBpando %s\\fR [\\fIoption\\fR...] ", syntax->name);
    print_plain(out, syntax->operands, false);
    fputs("\n.SH DESCRIPTION\n.nf\n", out);
    print_plain(out, syntax->text, true);
    fputs(".fi\n.SH OPTIONS\nAn option is stronger than its variable, and a variable than the default.\n", out);
    for (size_t i = 0; i < syntax->option_count; i++)
        print_manual_option(out, &syntax->options[i]);
    print_manual_option(out, &help_row);
    fputs(".SH SEE ALSO\n.BR pando (1),\n.BR libpando (7)\n", out);
}
