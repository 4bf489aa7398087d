/* Why: cli/process_facts.h. Context: own process. */
#include "cli/process_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

enum { STATUS_BYTES = 8192 };

static ssize_t read_file(const char *path, char *text, size_t text_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, text_bytes - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

/* The text behind `key` at the beginning of a line; NULL: none. */
static const char *field(const char *status, const char *key)
{
    for (const char *line = status; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, strlen(key)) == 0)
            return line + strlen(key);
    }
    return NULL;
}

static long long number_of(const char *status, const char *key, int base)
{
    const char *text = field(status, key);
    return text != NULL ? (long long)strtoull(text, NULL, base) : -1;
}

long long pando_process_status_number(pid_t pid, pid_t tid, const char *key, int base)
{
    char path[64], status[STATUS_BYTES];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
    return read_file(path, status, sizeof status) > 0 ? number_of(status, key, base) : -1;
}

static unsigned long long start_ticks_of(pid_t pid)
{
    enum { START_FIELD = 22, FIELD_AFTER_NAME = 3 };
    char path[64], stat[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (read_file(path, stat, sizeof stat) <= 0)
        return 0;
    const char *at = strrchr(stat, ')');
    for (int n = FIELD_AFTER_NAME - 1; at != NULL && n < START_FIELD; n++)
        at = strchr(at + 1, ' ');
    return at != NULL ? strtoull(at + 1, NULL, 10) : 0;
}

char pando_process_state(pid_t tid)
{
    char path[64], stat[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", tid);
    const char *end = read_file(path, stat, sizeof stat) > 0 ? strrchr(stat, ')') : NULL;
    return end != NULL && end[1] == ' ' ? end[2] : 0;
}

bool pando_process_facts_read(pid_t pid, struct pando_process_facts *facts, char *message, size_t message_bytes)
{
    char path[64], status[STATUS_BYTES], exe[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (read_file(path, status, sizeof status) <= 0) {
        snprintf(message, message_bytes, errno == ENOENT || errno == ESRCH ? "there is no process %d here (in another container it has "
                 "another number)." : "process %d cannot be looked at: %s.", pid, strerror(errno));
        return false;
    }
    *facts = (struct pando_process_facts){.pid = pid, .start_ticks = start_ticks_of(pid)};
    long long leader = number_of(status, "Tgid:", 10);
    if (leader != pid) {
        snprintf(message, message_bytes, "%d is a thread; its process is %lld.", pid, leader);
        return false;
    }
    const char *name = field(status, "Name:\t"), *state = field(status, "State:\t"), *ids = field(status, "Uid:\t");
    snprintf(facts->name, sizeof facts->name, "%.*s", name != NULL ? (int)strcspn(name, "\n") : 0, name != NULL ? name : "");
    facts->state = state != NULL ? *state : '?';
    const char *effective = ids != NULL ? strchr(ids, '\t') : NULL;
    facts->uid = effective != NULL ? (uid_t)strtoul(effective, NULL, 10) : 0;
    facts->tracer = (pid_t)number_of(status, "TracerPid:", 10);
    facts->seccomp = (int)number_of(status, "Seccomp:", 10);
    facts->seccomp_filters = (int)number_of(status, "Seccomp_filters:", 10);
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    facts->is_kernel_thread = readlink(path, exe, sizeof exe) < 0 && errno == ENOENT && facts->state != 'Z' &&
                              number_of(status, "VmSize:", 10) < 0;
    return true;
}

bool pando_process_same_namespace(pid_t pid, const char *kind)
{
    char path[64];
    struct stat own, other;
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    if (stat(path, &own) != 0)
        return true;
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    return stat(path, &other) != 0 || (own.st_dev == other.st_dev && own.st_ino == other.st_ino);
}

void pando_process_explain_refusal(const struct pando_process_facts *facts, bool needs_attach, char *message, size_t message_bytes)
{
    char scope[8] = "";
    if (needs_attach)
        read_file("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof scope);
    if (facts->uid != geteuid() && geteuid() != 0)
        snprintf(message, message_bytes, "process %d (%s) belongs to user %u: use sudo, or become that user.", facts->pid, facts->name,
                 facts->uid);
    else if (scope[0] == '3')
        snprintf(message, message_bytes, "this machine allows nobody to trace a process (kernel.yama.ptrace_scope is 3).");
    else if (geteuid() != 0 && (scope[0] == '1' || scope[0] == '2'))
        snprintf(message, message_bytes, "this machine allows root only to trace a process that is no child (kernel.yama.ptrace_scope is "
                 "%c): use sudo.", scope[0]);
    else if (geteuid() == 0)
        snprintf(message, message_bytes, "the kernel refuses a look into process %d (%s), also to root: in a container this takes "
                 "CAP_SYS_PTRACE (docker run --cap-add SYS_PTRACE).", facts->pid, facts->name);
    else
        snprintf(message, message_bytes, "process %d (%s) is protected: it has, or had, more rights than its user (set-user-ID, "
                 "capabilities), or has made itself undumpable; use sudo.", facts->pid, facts->name);
}

pid_t pando_process_parse(const char *text)
{
    uint64_t pid = 0;
    return pando_cli_number("PID", text, 1, 1 << 22, &pid) ? (pid_t)pid : 0;
}
