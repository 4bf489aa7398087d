/* Why: cli/doctor.h: whether a process leaves what Pando needs: SIGPROF, timers, memory. Context: own process; reads /proc. */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/process_facts.h"

enum { PANDO_ROOM_MIB = 48, MIB = 1 << 20 };

static bool has_sigprof(pid_t pid, pid_t tid, const char *key)
{
    long long set = pando_process_status_number(pid, tid, key, 16);
    return set != -1 && ((unsigned long long)set >> (SIGPROF - 1) & 1) != 0; /* -1: it has ended meanwhile */
}

struct threads {
    unsigned count, blocking;
};

/* Pando's own threads block all signals, for the program's to get them. */
static bool is_of_pando(pid_t pid, pid_t tid)
{
    char path[64];
    size_t len;
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", pid, tid);
    char *name = pando_doctor_read_file(path, &len);
    bool is_own = name != NULL && tid != pid && strncmp(name, "pando", 5) == 0;
    free(name);
    return is_own;
}

static struct threads count_threads(pid_t pid, bool has_pando)
{
    struct threads threads = {0};
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        pid_t tid = atoi(entry->d_name);
        if (!isdigit((unsigned char)entry->d_name[0]) || (has_pando && is_of_pando(pid, tid)))
            continue;
        threads.count++;
        threads.blocking += has_sigprof(pid, tid, "SigBlk:");
    }
    if (folder != NULL)
        closedir(folder);
    return threads;
}

static void say_signal(struct pando_doctor *doctor, pid_t pid, bool is_command, bool has_pando, const struct threads *threads)
{
    if (!is_command && !has_pando && has_sigprof(pid, pid, "SigCgt:"))
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "SIGPROF", "the program has a SIGPROF handler of its own (another profiler?), next to "
                         "which pando attach does not go; started under pando run both work.");
    else if (is_command && has_sigprof(pid, pid, "SigBlk:"))
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "SIGPROF", "SIGPROF is blocked here, which the program inherits: its threads are not "
                         "sampled unless they unblock it. Start it from somewhere else.");
    else if (!is_command && threads->blocking != 0)
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "SIGPROF", "%u of %u threads block SIGPROF now: they are not sampled as long as they do.",
                         threads->blocking, threads->count);
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "SIGPROF", "%s", has_pando ? "SIGPROF is Pando's." : "SIGPROF is free.");
}

/* A soft limit by its name in /proc/PID/limits; UINT64_MAX: unlimited, or not to be read. */
static uint64_t soft_limit(const char *limits, const char *name)
{
    const char *line = limits != NULL ? strstr(limits, name) : NULL;
    if (line == NULL)
        return UINT64_MAX;
    line += strlen(name);
    line += strspn(line, " ");
    return isdigit((unsigned char)*line) ? strtoull(line, NULL, 10) : UINT64_MAX;
}

static void say_timers(struct pando_doctor *doctor, pid_t pid, const char *limits, unsigned threads)
{
    uint64_t limit = soft_limit(limits, "Max pending signals");
    long long queued = pando_process_status_number(pid, pid, "SigQ:", 10);
    if (limit == UINT64_MAX)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "timers", "there is no limit for timers (RLIMIT_SIGPENDING).");
    else if (limit / 2 == 0 || (queued >= 0 && (uint64_t)queued >= limit))
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "timers", "there is no room for a timer: RLIMIT_SIGPENDING is %" PRIu64 ", %lld are "
                         "in use; raise it (ulimit -i).", limit, queued);
    else if (threads > limit / 2 || (queued >= 0 && threads > limit - (uint64_t)queued))
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "timers", "%u threads, but RLIMIT_SIGPENDING is %" PRIu64 ", %lld are in use, and Pando "
                         "takes half of it at most: the rest is not sampled; raise it (ulimit -i).", threads, limit, queued);
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "timers", "RLIMIT_SIGPENDING is %" PRIu64 ", %lld are in use: room for a timer a thread.",
                         limit, queued);
}

static void say_memory(struct pando_doctor *doctor, pid_t pid, const char *limits, bool is_command, bool has_pando)
{
    static const struct kind {
        const char *name, *limit, *used_kib;
    } kinds[] = {{"RLIMIT_AS", "Max address space", "VmSize:"}, {"RLIMIT_DATA", "Max data size", "VmData:"}};
    bool is_limited = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint64_t limit = soft_limit(limits, kinds[i].limit);
        long long used_kib = is_command ? 0 : pando_process_status_number(pid, pid, kinds[i].used_kib, 10);
        uint64_t used = used_kib > 0 ? (uint64_t)used_kib * 1024 : 0;
        if (limit == UINT64_MAX)
            continue;
        is_limited = true;
        bool is_short = !has_pando && (limit < used || limit - used < (uint64_t)PANDO_ROOM_MIB * MIB);
        pando_doctor_say(doctor, is_short ? PANDO_DOCTOR_PROBLEM : PANDO_DOCTOR_NOTE, "memory",
                         "memory is limited (%s) to %" PRIu64 " MiB, of which %" PRIu64 " are in use; Pando needs %d MiB%s.", kinds[i].name,
                         limit / MIB, used / MIB, PANDO_ROOM_MIB, is_short ? ": raise the limit (ulimit)" : "");
    }
    if (!is_limited)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "memory", "memory is not limited (RLIMIT_AS, RLIMIT_DATA).");
}

/* A filter of a whole container is passed over by attach; one of the program's own is refused there. */
static void say_seccomp(struct pando_doctor *doctor, pid_t pid, bool has_pando)
{
    long long mode = pando_process_status_number(pid, pid, "Seccomp:", 10);
    if (mode <= 0)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "seccomp", "no filter for system calls.");
    else
        pando_doctor_say(doctor, mode == 2 ? PANDO_DOCTOR_OK : PANDO_DOCTOR_NOTE, "seccomp", "system calls are %s%s.",
                         mode == 2 ? "filtered (seccomp, as in containers)" : "restricted to four (strict mode)",
                         has_pando ? "; Pando, which is in it, goes on" : "");
}

static void say_perf(struct pando_doctor *doctor)
{
    size_t len;
    char *text = pando_doctor_read_file("/proc/sys/kernel/perf_event_paranoid", &len);
    if (text != NULL)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "perf", "kernel.perf_event_paranoid is %.*s; Pando does not need perf.",
                         (int)strcspn(text, "\n"), text);
    free(text);
}

void pando_doctor_process(struct pando_doctor *doctor, pid_t pid, bool is_command, bool has_pando)
{
    char path[64];
    size_t len;
    struct threads threads = count_threads(pid, has_pando);
    snprintf(path, sizeof path, "/proc/%d/limits", pid);
    char *limits = pando_doctor_read_file(path, &len);
    say_signal(doctor, pid, is_command, has_pando, &threads);
    say_timers(doctor, pid, limits, threads.count);
    say_memory(doctor, pid, limits, is_command, has_pando);
    say_seccomp(doctor, pid, has_pando);
    say_perf(doctor);
    free(limits);
}
