/* Why: cli/group_name.h. Context: own process. */
#include "cli/group_name.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/source.h"

/* Group names are of [A-Za-z0-9_-]: the program's own name, with '-' for what does not fit. */
void pando_group_of_program(const char *command, char *group, size_t group_bytes)
{
    const char *slash = strrchr(command, '/');
    const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : command;
    size_t len = 0;
    for (; name[len] != '\0' && len < group_bytes - 1; len++) {
        bool fits = (name[len] >= 'a' && name[len] <= 'z') || (name[len] >= 'A' && name[len] <= 'Z') ||
                    (name[len] >= '0' && name[len] <= '9') || name[len] == '_' || name[len] == '-';
        group[len] = fits ? name[len] : '-';
    }
    group[len] = '\0';
}

bool pando_group_parse(const char *text, char *group)
{
    size_t len = strlen(text);
    if (len == 0 || len >= PANDO_GROUP_BYTES ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != len) {
        pando_cli_complain("--group takes 1 to 255 letters, digits, '_' and '-', not \"%s\".", text);
        return false;
    }
    memcpy(group, text, len + 1);
    return true;
}
