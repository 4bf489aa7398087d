/* Why: when a program left no profile, the user wants to know why: what LD_PRELOAD cannot reach can be seen from the file.
 * Context: own process. The file may be anything. */
#ifndef PANDO_CLI_TARGET_CHECK_H
#define PANDO_CLI_TARGET_CHECK_H

#include <stddef.h>

enum pando_target_kind {
    PANDO_TARGET_DYNAMIC,   /* LD_PRELOAD works, as far as the file tells */
    PANDO_TARGET_STATIC,
    PANDO_TARGET_PRIVILEGED, /* set-user-ID, set-group-ID or file capabilities: the loader ignores LD_PRELOAD */
    PANDO_TARGET_FOREIGN_LIBC, /* its loader is not glibc's */
    PANDO_TARGET_OTHER_MACHINE,
    PANDO_TARGET_UNKNOWN,
};

/* Looks at the program that `command` means (searched in PATH, and through one "#!" line); `path` gets its path. */
enum pando_target_kind pando_target_check(const char *command, char *path, size_t path_bytes);
/* The same for one file that is open. */
enum pando_target_kind pando_target_check_open(int fd);
/* The clause for it: "is statically linked: LD_PRELOAD cannot reach it". NULL for DYNAMIC and UNKNOWN. */
const char *pando_target_reason(enum pando_target_kind kind);

#endif
