/* Why: what a command's options are stands in one table: parsing, help, --show-config, manual pages and completion (cli/syntax_print.h) come
 * from there. Each option has a PANDO_* variable, and the option is stronger. Variables that the agent reads too are those that `run` and
 * `attach` hand on to it; what else the command reads has names of its own (base/command_variables.h).
 * Context: own process. */
#ifndef PANDO_CLI_SYNTAX_H
#define PANDO_CLI_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

struct pando_cli_option {
    const char *name;      /* without the dashes */
    char letter;           /* of the short form; 0 none */
    const char *value;     /* what it is called in the help ("HZ"); NULL: the option is a switch, "true" when it is given */
    const char *variable;
    const char *fallback;  /* NULL: not set */
    const char *help;      /* one or several lines, without the default */
    bool is_many;          /* can be given again; in the variable several have ';' between */
};

struct pando_cli_syntax {
    const char *name, *operands; /* "run", "[--] COMMAND [ARGUMENT...]" */
    const char *summary;
    const char *text;            /* what the help says before the options; ends its lines with \n */
    const struct pando_cli_option *options;
    size_t option_count;
    bool options_first;          /* what follows the first operand is not this command's */
};

/* Rows that tables share. A variable that makes a command do nothing would be a trap, so --show-config has none. */
#define PANDO_CLI_SHOW_CONFIG_ROW {"show-config", 0, NULL, NULL, NULL, "print each option's value and where it came from, and do nothing", false}
#define PANDO_CLI_JSON_ROW(what) {"json", 0, NULL, "PANDO_JSON", NULL, what, false}

enum { PANDO_CLI_OPTIONS_MAX = 40, PANDO_CLI_GIVEN_MAX = 256 };
enum pando_cli_origin { PANDO_CLI_DEFAULT, PANDO_CLI_VARIABLE, PANDO_CLI_OPTION };

struct pando_cli_values {
    const struct pando_cli_syntax *syntax;
    const char *text[PANDO_CLI_OPTIONS_MAX];   /* by the option's place in the table; NULL: not set */
    enum pando_cli_origin origin[PANDO_CLI_OPTIONS_MAX];
    struct {
        size_t option;
        const char *text;
    } given[PANDO_CLI_GIVEN_MAX];              /* of options that can be given again, all, in their order */
    size_t given_count;
    enum pando_cli_exit status;                /* when there is nothing more to do */
};

/* Reads variables and options. Returns the place of the first operand in argv; -1 after a complaint, or after --help: the command ends
 * with values->status. */
int pando_cli_parse(const struct pando_cli_syntax *syntax, int argc, char **argv, struct pando_cli_values *values);
/* The place of an option in the table; option_count if there is none. */
size_t pando_cli_find(const struct pando_cli_syntax *syntax, const char *name);
/* A switch that is on. */
bool pando_cli_is_on(const struct pando_cli_values *values, size_t option);
/* Whether it came from the command line, not from a variable or the default. */
bool pando_cli_is_given(const struct pando_cli_values *values, size_t option);
/* Calls `take` for each value of an option that can be given again, in their order, until it returns false: then returns false. The text
 * is valid during the call only. Complains about a variable that is too long. */
bool pando_cli_each(const struct pando_cli_values *values, size_t option, bool (*take)(void *context, const char *name, const char *text),
                    void *context);
/* A number in [min, max] of an option that is set; complains and returns false when it is none. Not set: leaves *ret_value. */
bool pando_cli_number_of(const struct pando_cli_values *values, size_t option, uint64_t min, uint64_t max, uint64_t *ret_value);
/* One of `words` (NULL at their end), or not set; else complains and returns false. */
bool pando_cli_word_of(const struct pando_cli_values *values, size_t option, const char *const *words);
/* "--rate", or the variable when that is where it came from. Valid until the next call. */
const char *pando_cli_name_of(const struct pando_cli_values *values, size_t option);
/* The name of the format that is asked for: --format's, "json" for --json, NULL: the output's name tells. An option is stronger than
 * variables of the others. */
const char *pando_cli_format_of(const struct pando_cli_values *values, size_t format, size_t output, size_t json);

#endif
