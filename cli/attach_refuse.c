/* Why: cli/attach_refuse.h. Context: own process. */
#include "cli/attach_refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/target_check.h"

static bool refuses_program(const struct pando_process_facts *facts, char *message, size_t message_bytes)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", facts->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        pando_process_explain_refusal(facts, true, message, message_bytes);
        return true;
    }
    const char *reason = pando_target_reason(pando_target_check_open(fd));
    close(fd);
    if (reason != NULL)
        snprintf(message, message_bytes, "the program of process %d (%s) %s.", facts->pid, facts->name, reason);
    return reason != NULL;
}

/* The first process of the container that it is in: what that one has of filters is the container's, and leaves room for programs. */
static int filters_of_container(pid_t pid)
{
    int filters = (int)pando_process_status_number(getpid(), getpid(), "Seccomp_filters:", 10);
    for (pid_t at = pid; at > 1;) {
        char own[64], mine[64], parents[64];
        pid_t parent = (pid_t)pando_process_status_number(at, at, "PPid:", 10);
        snprintf(own, sizeof own, "/proc/%d/ns/pid", at);
        ssize_t len = readlink(own, mine, sizeof mine);
        snprintf(own, sizeof own, "/proc/%d/ns/pid", parent);
        if (parent <= 0 || len <= 0 || readlink(own, parents, sizeof parents) != len || memcmp(mine, parents, (size_t)len) != 0)
            return at != pid ? (int)pando_process_status_number(at, at, "Seccomp_filters:", 10) : filters;
        at = parent;
    }
    return filters;
}

static bool refuses_filter(const struct pando_process_facts *facts, char *message, size_t message_bytes)
{
    if (facts->seccomp == 0 || (facts->seccomp == 2 && facts->seccomp_filters <= filters_of_container(facts->pid)))
        return false;
    snprintf(message, message_bytes, "process %d (%s) has a filter for system calls of its own (seccomp): it might be killed for one of "
             "Pando's; start it under pando run, which makes way for filters.", facts->pid, facts->name);
    return true;
}

bool pando_attach_refuses(const struct pando_process_facts *facts, bool has_own_receiver, char *message, size_t message_bytes)
{
    pid_t parent = (pid_t)pando_process_status_number(facts->pid, facts->pid, "PPid:", 10);
    const char *what = facts->pid == getpid()      ? "is this command itself"
                       : facts->state == 'Z'       ? "has ended, and waits for its parent (a zombie)"
                       : facts->is_kernel_thread   ? "is a thread of the kernel"
                       : facts->state == 'T'       ? "is stopped; let it go on first (kill -CONT)"
                       : syscall(SYS_kcmp, facts->pid, parent, KCMP_VM, 0, 0) == 0
                           ? "shares its parent's memory (a child of vfork, before its exec)" : NULL;
    if (what != NULL) {
        snprintf(message, message_bytes, "process %d (%s) %s.", facts->pid, facts->name, what);
        return true;
    }
    if (facts->tracer != 0 || facts->state == 't') {
        snprintf(message, message_bytes, "process %d (%s) is being traced already, by process %d (a debugger, strace?).", facts->pid,
                 facts->name, facts->tracer);
        return true;
    }
    if (refuses_program(facts, message, message_bytes) || refuses_filter(facts, message, message_bytes))
        return true;
    if (has_own_receiver && !pando_process_same_namespace(facts->pid, "net")) {
        snprintf(message, message_bytes, "process %d (%s) is in another network namespace (a container), from where a receiver of this "
                 "command's cannot be reached; give --url of one that it reaches.", facts->pid, facts->name);
        return true;
    }
    return false;
}

bool pando_attach_refuses_target(const struct pando_process_facts *facts, const struct pando_target *target, char *message,
                                 size_t message_bytes)
{
    static const char *const sanitizers[] = {"libasan", "libtsan", "libhwasan", "libclang_rt"};
    char path[4096];
    for (size_t i = 0; i < sizeof sanitizers / sizeof sanitizers[0]; i++) {
        if (!pando_target_find_object(target, sanitizers[i], path, sizeof path))
            continue;
        snprintf(message, message_bytes, "process %d (%s) runs under a sanitizer (%s).", facts->pid, facts->name, path);
        return true;
    }
    if (pando_target_has_libc(target))
        return false;
    snprintf(message, message_bytes, "process %d (%s) has no glibc in it, as far as its memory tells.", facts->pid, facts->name);
    return true;
}
