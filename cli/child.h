/* Why: runs the profiled program as if `pando run` were not there: its descriptors, signals and exit status are its own.
 * Context: own process. Linux. */
#ifndef PANDO_CLI_CHILD_H
#define PANDO_CLI_CHILD_H

#include <signal.h>
#include <sys/types.h>

struct pando_child_signals {
    sigset_t waited;         /* blocked in this process, taken by pando_child_wait */
    sigset_t original_mask;  /* for the child */
    struct sigaction original_chld, original_pipe;
};

struct pando_child {
    pid_t pid;
    int failed_errno;        /* not 0: it could not be started, for this reason */
};

/* Blocks what pando_child_wait waits for. To be called before other threads start. */
void pando_child_prepare(struct pando_child_signals *signals);
/* Starts argv[0] (looked for in PATH) with the environment `envp`. Returns 0 or PANDO_ERR_IO with failed_errno. */
int pando_child_start(const struct pando_child_signals *signals, char *const argv[], char *const envp[],
                      struct pando_child *child);
/* Waits for its end and passes on SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2, and SIGINT and SIGQUIT when a process sent them (the
 * terminal sends them to the child itself). Returns the status as of waitpid. */
int pando_child_wait(const struct pando_child_signals *signals, const struct pando_child *child);
/* Waits for SIGINT, SIGTERM or SIGHUP. */
void pando_child_wait_for_stop(const struct pando_child_signals *signals);

#endif
