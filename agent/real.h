/* Why: the functions that Pando interposes, as they are behind it.
 * Context: any thread, not the handler. Looked up once (setup, or at the first use if that is earlier). */
#ifndef PANDO_AGENT_REAL_H
#define PANDO_AGENT_REAL_H

#include <pthread.h>
#include <signal.h>

struct pando_real {
    int (*pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
    int (*sigaction)(int number, const struct sigaction *action, struct sigaction *old_action);
    sighandler_t (*signal)(int number, sighandler_t handler);
    sighandler_t (*sysv_signal)(int number, sighandler_t handler);
    sighandler_t (*sigset)(int number, sighandler_t disposition);
    int (*siginterrupt)(int number, int flag);
    int (*sigignore)(int number);
    int (*sigtimedwait)(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
    int (*sigpending)(sigset_t *set);
    int (*signalfd)(int fd, const sigset_t *set, int flags);
    void **stack_end; /* __libc_stack_end: where the kernel put the arguments of the first thread, all its frames are below */
    int (*dlclose)(void *handle);
    int (*unshare)(int flags);
    int (*setns)(int fd, int kind);
};

/* Never NULL. A member is NULL when the process has no such function. */
const struct pando_real *pando_real(void);

#endif
