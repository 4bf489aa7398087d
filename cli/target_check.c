/* Why: cli/target_check.h. Context: own process. */
#include "cli/target_check.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PROGRAM_HEADERS_MAX = 128, SCRIPT_LINE_BYTES = 256 };

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* As execvp searches. */
static bool find_in_path(const char *command, char *path, size_t path_bytes)
{
    if (strchr(command, '/') != NULL) {
        snprintf(path, path_bytes, "%s", command);
        return is_program(path);
    }
    const char *folders = getenv("PATH");
    if (folders == NULL)
        folders = "/bin:/usr/bin";
    for (const char *at = folders;; at++) {
        size_t len = strcspn(at, ":");
        snprintf(path, path_bytes, "%.*s%s%s", (int)len, at, len != 0 ? "/" : "", command);
        if (is_program(path))
            return true;
        at += len;
        if (*at == '\0')
            return false;
    }
}

static enum pando_target_kind check_elf(int fd, const Elf64_Ehdr *header)
{
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        return PANDO_TARGET_OTHER_MACHINE;
    for (unsigned i = 0; i < header->e_phnum && i < PROGRAM_HEADERS_MAX; i++) {
        Elf64_Phdr program;
        char loader[PATH_MAX];
        if (header->e_phentsize != sizeof program ||
            pread(fd, &program, sizeof program, (off_t)(header->e_phoff + i * sizeof program)) != sizeof program)
            return PANDO_TARGET_UNKNOWN;
        if (program.p_type != PT_INTERP)
            continue;
        size_t len = program.p_filesz < sizeof loader - 1 ? program.p_filesz : sizeof loader - 1;
        ssize_t got = pread(fd, loader, len, (off_t)program.p_offset);
        loader[got > 0 ? got : 0] = '\0';
        return strstr(loader, "ld-linux-x86-64") != NULL ? PANDO_TARGET_DYNAMIC : PANDO_TARGET_FOREIGN_LIBC;
    }
    return PANDO_TARGET_STATIC;
}

enum pando_target_kind pando_target_check_open(int fd)
{
    Elf64_Ehdr header;
    return pread(fd, &header, sizeof header, 0) == sizeof header && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0
               ? check_elf(fd, &header) : PANDO_TARGET_UNKNOWN;
}

/* Looks at one file; for a script, `interpreter` gets what is to be looked at instead. */
static enum pando_target_kind check_file(const char *path, char *interpreter, size_t interpreter_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return PANDO_TARGET_UNKNOWN;
    union {
        Elf64_Ehdr elf;
        char text[SCRIPT_LINE_BYTES];
    } start = {.text = ""};
    ssize_t got = pread(fd, &start, sizeof start.text - 1, 0);
    enum pando_target_kind kind = PANDO_TARGET_UNKNOWN;
    struct stat status;
    if (got > 2 && memcmp(start.text, "#!", 2) == 0) {
        const char *name = start.text + 2 + strspn(start.text + 2, " \t");
        snprintf(interpreter, interpreter_bytes, "%.*s", (int)strcspn(name, " \t\n"), name);
    } else if (fstat(fd, &status) == 0 && ((status.st_mode & (S_ISUID | S_ISGID)) != 0 ||
                                           fgetxattr(fd, "security.capability", NULL, 0) > 0)) {
        kind = PANDO_TARGET_PRIVILEGED;
    } else if (got >= (ssize_t)sizeof start.elf && memcmp(start.elf.e_ident, ELFMAG, SELFMAG) == 0) {
        kind = check_elf(fd, &start.elf);
    }
    close(fd);
    return kind;
}

enum pando_target_kind pando_target_check(const char *command, char *path, size_t path_bytes)
{
    char interpreter[SCRIPT_LINE_BYTES] = "";
    if (!find_in_path(command, path, path_bytes))
        return PANDO_TARGET_UNKNOWN;
    enum pando_target_kind kind = check_file(path, interpreter, sizeof interpreter);
    if (interpreter[0] == '\0')
        return kind;
    snprintf(path, path_bytes, "%s", interpreter);
    return check_file(path, interpreter, sizeof interpreter);
}

const char *pando_target_reason(enum pando_target_kind kind)
{
    switch (kind) {
    case PANDO_TARGET_STATIC:
        return "is statically linked: LD_PRELOAD cannot reach it";
    case PANDO_TARGET_PRIVILEGED:
        return "runs with privileges of its file (set-user-ID, set-group-ID or capabilities): the loader ignores LD_PRELOAD";
    case PANDO_TARGET_FOREIGN_LIBC:
        return "does not use glibc's loader (musl?): libpando.so is made for glibc";
    case PANDO_TARGET_OTHER_MACHINE:
        return "is not an x86-64 program: libpando.so is one";
    case PANDO_TARGET_DYNAMIC:
    case PANDO_TARGET_UNKNOWN:
        break;
    }
    return NULL;
}
