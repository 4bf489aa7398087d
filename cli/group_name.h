/* Why: the profiling group of a program, when the user names none, and when he does.
 * Context: own process. Pure. */
#ifndef PANDO_CLI_GROUP_NAME_H
#define PANDO_CLI_GROUP_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* The program's own name without its folder, with '-' for what a group cannot have. */
void pando_group_of_program(const char *command, char *group, size_t group_bytes);
/* Copies the name to `group` (PANDO_GROUP_BYTES); complains and returns false when it is none. */
bool pando_group_parse(const char *text, char *group);

#endif
