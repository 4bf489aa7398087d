/* Why: where `report`, `diff`, `ls` and `top` read from is asked for, and settled, in one way: --url, --store or a file; what is given is
 * stronger than any variable. Context: own process. */
#ifndef PANDO_CLI_SOURCE_OPTIONS_H
#define PANDO_CLI_SOURCE_OPTIONS_H

#include "cli/source.h"
#include "cli/syntax.h"

/* PANDO_URL is where an agent sends to: who has set that for a program must not find that another command reads from there. */
#define PANDO_CLI_URL_ROW {"url", 'u', "URL", "PANDO_RECEIVER", NULL, "ask this receiver", false}
#define PANDO_CLI_STORE_ROW(variable) {"store", 's', "FILE", variable, NULL, "read this SQLite file of a receiver", false}

/* Fills url and store_path of *source, both NULL when neither is asked for; `operand` (may be NULL) is something else to read, which is
 * stronger than variables. Complains and returns false when more than one is asked for. */
bool pando_source_read_options(const struct pando_cli_values *values, size_t url, size_t store, const char *operand,
                               struct pando_source *source);

#endif
