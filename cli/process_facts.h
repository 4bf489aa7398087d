/* Why: what /proc tells of a process that `pando ctl` or `pando attach` is asked about, and why it may not be looked at.
 * Context: own process. Everything is a snapshot: the process lives on meanwhile. */
#ifndef PANDO_CLI_PROCESS_FACTS_H
#define PANDO_CLI_PROCESS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pando_process_facts {
    pid_t pid;
    char name[32];            /* comm */
    uid_t uid;                /* effective */
    pid_t tracer;             /* 0 none */
    char state;               /* of /proc/PID/stat: 'Z' zombie, ... */
    bool is_kernel_thread;
    int seccomp;              /* 0 none, 1 strict, 2 filter */
    int seccomp_filters;
    unsigned long long start_ticks; /* tells a process from a later one with the same number */
};

/* False, with one sentence: there is no such process, or /proc cannot be read. */
bool pando_process_facts_read(pid_t pid, struct pando_process_facts *facts, char *message, size_t message_bytes);
/* A number of /proc/PID/task/TID/status by its key ("SigBlk:", `base` 16); -1 when it is not there. */
long long pando_process_status_number(pid_t pid, pid_t tid, const char *key, int base);
/* The state of a thread ('R', 'Z', ...); 0: there is none, or it cannot be told. */
char pando_process_state(pid_t tid);
/* Whether this process and `pid` are in the same namespace of that kind ("mnt", "net", "pid"). True when it cannot be told. */
bool pando_process_same_namespace(pid_t pid, const char *kind);
/* Why the kernel refuses a look into the process, as a sentence. `needs_attach`: the stronger right that ptrace needs. */
void pando_process_explain_refusal(const struct pando_process_facts *facts, bool needs_attach, char *message, size_t message_bytes);
/* A PID as written by the user; complains and returns 0 when it is none. */
pid_t pando_process_parse(const char *text);

#endif
