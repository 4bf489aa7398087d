/* Why: which PANDO_* variables are the command's, not the agent's: an agent that inherits them, and the doctor, must not take them for
 * misspelt settings. One list; tests hold it against the commands' tables of options.
 * Context: both worlds. Pure. */
#ifndef PANDO_BASE_COMMAND_VARIABLES_H
#define PANDO_BASE_COMMAND_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

/* `name` ends at its NUL or its '='. */
bool pando_command_variable_is(const char *name);

#endif
