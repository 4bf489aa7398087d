/* Why: what is made from a command's table of options: help, the list of values in force, manual page, and what completion asks for.
 * Context: own process. */
#ifndef PANDO_CLI_SYNTAX_PRINT_H
#define PANDO_CLI_SYNTAX_PRINT_H

#include <stdio.h>

#include "cli/syntax.h"

void pando_cli_print_help(FILE *out, const struct pando_cli_syntax *syntax);
/* If --show-config is on, prints each option's value and where it came from, as JSON with --json, and returns true: there is nothing more
 * to do. Call it when all values have been found good. */
bool pando_cli_shows_config(const struct pando_cli_values *values);
/* The tables themselves, as JSON. */
void pando_cli_print_syntax_json(FILE *out, const struct pando_cli_syntax *const *list, size_t count);
/* A line an option, for completion: "--NAME", the value's name, the help's first line, with tabs between. */
void pando_cli_print_words(FILE *out, const struct pando_cli_syntax *syntax);
/* The page pando-NAME(1), in man's language. */
void pando_cli_print_manual(FILE *out, const struct pando_cli_syntax *syntax);

#endif
