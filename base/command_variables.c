/* Why: base/command_variables.h. Context: as there. */
#include "base/command_variables.h"

#include <string.h>

bool pando_command_variable_is(const char *name)
{
    /* What several commands have; `run` and `attach` keep the short names. */
    static const char *const names[] = {"DURATION_S", "LISTEN", "OPEN", "STORE", "SAVE", "TOP", "OUTPUT", "KEEP", "JSON", "VERBOSE",
                                        "RECEIVER", "LIBRARY"};
    static const char *const commands[] = {"SERVE_", "REPORT_", "DIFF_", "LS_", "TOP_", "CTL_", "ATTACH_", "DOCTOR_"};
    static const char start[] = "PANDO_";
    if (strncmp(name, start, sizeof start - 1) != 0)
        return false;
    name += sizeof start - 1;
    size_t len = strcspn(name, "=");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && strncmp(name, names[i], len) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strncmp(name, commands[i], strlen(commands[i])) == 0)
            return true;
    }
    return false;
}
