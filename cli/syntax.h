/* Why: what a command's options are stands in one table: parsing, help, --show-config, and whatever is made from it later (man pages,
 * completion: `pando help --json`) come from there. Each option has a PANDO_* variable, and the option is stronger.
 * Context: own process. */
#ifndef PANDO_CLI_SYNTAX_H
#define PANDO_CLI_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct pando_cli_option {
    const char *name;      /* without the dashes */
    char letter;           /* of the short form; 0 none */
    const char *value;     /* what it is called in the help ("HZ"); NULL: the option is a switch, "true" when it is given */
    const char *variable;
    const char *fallback;  /* NULL: not set */
    const char *help;      /* one or several lines, without the default */
};

struct pando_cli_syntax {
    const char *name, *operands; /* "run", "[--] COMMAND [ARGUMENT...]" */
    const char *summary;
    const char *text;            /* what the help says before the options; ends its lines with \n */
    const struct pando_cli_option *options;
    size_t option_count;
    bool options_first;          /* what follows the first operand is not this command's */
};

enum { PANDO_CLI_OPTIONS_MAX = 40 };
enum pando_cli_origin { PANDO_CLI_DEFAULT, PANDO_CLI_VARIABLE, PANDO_CLI_OPTION };

struct pando_cli_values {
    const struct pando_cli_syntax *syntax;
    const char *text[PANDO_CLI_OPTIONS_MAX];   /* by the option's place in the table; NULL: not set */
    enum pando_cli_origin origin[PANDO_CLI_OPTIONS_MAX];
};

/* Reads variables and options. Returns the place of the first operand in argv; -1 after a complaint. */
int pando_cli_parse(const struct pando_cli_syntax *syntax, int argc, char **argv, struct pando_cli_values *values);
/* A switch that is on. */
bool pando_cli_is_on(const struct pando_cli_values *values, size_t option);
/* A number in [min, max] of an option that is set; complains and returns false when it is none. Not set: leaves *ret_value. */
bool pando_cli_number_of(const struct pando_cli_values *values, size_t option, uint64_t min, uint64_t max, uint64_t *ret_value);
/* One of `words` (NULL at their end), or not set; else complains and returns false. */
bool pando_cli_word_of(const struct pando_cli_values *values, size_t option, const char *const *words);
/* "--rate", or the variable when that is where it came from. Valid until the next call. */
const char *pando_cli_name_of(const struct pando_cli_values *values, size_t option);

void pando_cli_print_help(FILE *out, const struct pando_cli_syntax *syntax);
/* Each option's value, and where it came from. */
void pando_cli_show_config(FILE *out, const struct pando_cli_values *values, bool as_json);
/* The table itself, for programs that make something from it. */
void pando_cli_print_syntax_json(FILE *out, const struct pando_cli_syntax *const *list, size_t count);

#endif
