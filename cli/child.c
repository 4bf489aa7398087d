/* Why: cli/child.h. Context: own process; between fork and exec only async-signal-safe calls, the receiver has threads. */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

static const int waited_signals[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

/* Signals are blocked, not ignored or handled: so their dispositions stay as inherited, for the child too ("nohup pando
 * run ..." keeps SIGHUP ignored). SIGCHLD must not be ignored, or there would be no status; SIGPIPE must not end us when
 * nobody reads our stderr. Both are put back in the child. */
void pando_child_prepare(struct pando_child_signals *signals)
{
    sigemptyset(&signals->waited);
    for (size_t i = 0; i < sizeof waited_signals / sizeof waited_signals[0]; i++)
        sigaddset(&signals->waited, waited_signals[i]);
    pthread_sigmask(SIG_BLOCK, &signals->waited, &signals->original_mask);
    const struct sigaction chld = {.sa_handler = SIG_DFL}, pipe = {.sa_handler = SIG_IGN};
    sigaction(SIGCHLD, &chld, &signals->original_chld);
    sigaction(SIGPIPE, &pipe, &signals->original_pipe);
}

static _Noreturn void become(const struct pando_child_signals *signals, char *const argv[], char *const envp[], int report_fd)
{
    sigaction(SIGCHLD, &signals->original_chld, NULL);
    sigaction(SIGPIPE, &signals->original_pipe, NULL);
    pthread_sigmask(SIG_SETMASK, &signals->original_mask, NULL);
    execvpe(argv[0], argv, envp);
    int reason = errno;
    while (write(report_fd, &reason, sizeof reason) < 0 && errno == EINTR)
        continue;
    _exit(127);
}

int pando_child_start(const struct pando_child_signals *signals, char *const argv[], char *const envp[],
                      struct pando_child *child)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        child->failed_errno = errno;
        return PANDO_ERR_IO;
    }
    child->pid = fork();
    if (child->pid == 0)
        become(signals, argv, envp, report[1]);
    child->failed_errno = child->pid < 0 ? errno : 0;
    close(report[1]);
    int reason;
    ssize_t got;
    do
        got = child->pid > 0 ? read(report[0], &reason, sizeof reason) : 0;
    while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == (ssize_t)sizeof reason) {
        child->failed_errno = reason;
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    return child->failed_errno != 0 ? PANDO_ERR_IO : 0;
}

int pando_child_wait(const struct pando_child_signals *signals, const struct pando_child *child)
{
    int status = 0;
    while (true) {
        siginfo_t info;
        int number = sigwaitinfo(&signals->waited, &info);
        if (number == SIGCHLD) {
            if (waitpid(child->pid, &status, WNOHANG) == child->pid && (WIFEXITED(status) || WIFSIGNALED(status)))
                return status;
        } else if (number == SIGINT || number == SIGQUIT) {
            if (info.si_code != SI_KERNEL)
                kill(child->pid, number);
        } else if (number > 0) {
            kill(child->pid, number);
        }
    }
}

void pando_child_wait_for_stop(const struct pando_child_signals *signals)
{
    int number;
    do
        number = sigwaitinfo(&signals->waited, NULL);
    while (number != SIGINT && number != SIGTERM && number != SIGHUP);
}
