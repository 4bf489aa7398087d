/* Why: cli/attach_library.h. Context: own process. */
#include "cli/attach_library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"libpando.so", "libpando-worker.so"};
static const char *const folders[] = {"/tmp", "/var/tmp", "/dev/shm", "/run"};

/* Whether every folder on the way, and the file, can be read by anybody. */
static bool is_open_to_all(const char *path)
{
    char part[PATH_MAX];
    struct stat status;
    for (const char *at = path + 1;; at++) {
        at += strcspn(at, "/");
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        if (stat(part, &status) != 0 || (status.st_mode & (*at == '\0' ? S_IROTH : S_IXOTH)) == 0)
            return false;
        if (*at == '\0')
            return true;
    }
}

static bool is_same_there(pid_t pid, const char *path)
{
    char there[PATH_MAX + 64];
    struct stat own, other;
    snprintf(there, sizeof there, "/proc/%d/root%s", pid, path);
    return stat(path, &own) == 0 && stat(there, &other) == 0 && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static bool copy(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = in >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    ssize_t got = -1;
    while (out >= 0 && (got = sendfile(out, in, NULL, 1 << 24)) > 0)
        continue;
    bool good = out >= 0 && got == 0 && fchmod(out, 0755) == 0;
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return good;
}

static bool copy_into(const char *own_path, const char *folder)
{
    char from[PATH_MAX + 32], to[PATH_MAX + 32];
    const char *slash = strrchr(own_path, '/');
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (i == 0)
            snprintf(from, sizeof from, "%s", own_path);
        else
            snprintf(from, sizeof from, "%.*s%s", (int)(slash + 1 - own_path), own_path, names[i]);
        snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        if (!copy(from, to))
            return false;
    }
    return true;
}

bool pando_attach_library_place(const struct pando_process_facts *facts, const char *own_path, struct pando_attach_library *library,
                                char *message, size_t message_bytes)
{
    library->copies[0] = '\0';
    snprintf(library->path, sizeof library->path, "%s", own_path);
    if (is_same_there(facts->pid, own_path) && (facts->uid == 0 || facts->uid == geteuid() || is_open_to_all(own_path)))
        return true;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char root[64];
        snprintf(root, sizeof root, "/proc/%d/root", facts->pid);
        snprintf(library->copies, sizeof library->copies, "%s%s/pando-XXXXXX", root, folders[i]);
        if (mkdtemp(library->copies) == NULL)
            continue;
        if (chmod(library->copies, 0755) == 0 && copy_into(own_path, library->copies)) {
            snprintf(library->path, sizeof library->path, "%s/%s", library->copies + strlen(root), names[0]);
            return true;
        }
        pando_attach_library_remove(library);
    }
    library->copies[0] = '\0';
    snprintf(message, message_bytes, "process %d (%s) cannot read %s (another root, or no right), and there is no folder to copy it to: %s.",
             facts->pid, facts->name, own_path, strerror(errno));
    return false;
}

void pando_attach_library_remove(const struct pando_attach_library *library)
{
    if (library->copies[0] == '\0')
        return;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX + 32];
        snprintf(path, sizeof path, "%s/%s", library->copies, names[i]);
        unlink(path);
    }
    rmdir(library->copies);
}
