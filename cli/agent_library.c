/* Why: cli/agent_library.h. Context: own process. */
#include "cli/agent_library.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* From the folder of the program: the build tree, an installation, Debian's multi-arch one. */
static const char *const places[] = {
    "../agent/libpando.so",
    "../lib/libpando.so",
    "../lib/pando/libpando.so",
    "../lib/x86_64-linux-gnu/pando/libpando.so",
    "../lib/x86_64-linux-gnu/libpando.so",
    "../lib64/libpando.so",
    "libpando.so",
};

static bool can_be_preloaded(const char *path)
{
    if (strpbrk(path, ": \t\n") == NULL)
        return true;
    pando_cli_complain("the path \"%s\" has a blank or colon, which LD_PRELOAD cannot hold; put libpando.so elsewhere and "
                       "set PANDO_LIBRARY to it.", path);
    return false;
}

bool pando_agent_library_find(char *path, size_t path_bytes)
{
    char resolved[PATH_MAX];
    const char *named = getenv("PANDO_LIBRARY");
    if (named != NULL && named[0] != '\0') {
        if (realpath(named, resolved) == NULL || access(resolved, R_OK) != 0) {
            pando_cli_complain("PANDO_LIBRARY names \"%s\", which cannot be read: %m.", named);
            return false;
        }
        snprintf(path, path_bytes, "%s", resolved);
        return can_be_preloaded(path);
    }
    char own[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    own[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(own, '/');
    if (slash != NULL)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char candidate[2 * PATH_MAX];
        snprintf(candidate, sizeof candidate, "%s%s", own, places[i]);
        if (realpath(candidate, resolved) != NULL && access(resolved, R_OK) == 0) {
            snprintf(path, path_bytes, "%s", resolved);
            return can_be_preloaded(path);
        }
    }
    pando_cli_complain("libpando.so is not where it belongs (%s%s, %s%s, ...); set PANDO_LIBRARY to its path.", own,
                       places[0], own, places[1]);
    return false;
}
