/* Why: the host must find SIGPROF as it left it, and may set it as it likes: what it sets is kept here and served, the kernel
 * keeps calling us. (A host that sets SIGPROF back to its default, as CPython's own tests do, would otherwise be killed by our
 * next timer.) Once installed this stays for the process's life: a late signal must never meet the default action.
 * Context: install: setup. foreign: the signal handler. The interposed functions: any, also the host's handlers. */
#ifndef PANDO_AGENT_HOST_SIGNALS_H
#define PANDO_AGENT_HOST_SIGNALS_H

#include <signal.h>

/* Puts our handler in place and takes what was there as the host's. Again: nothing. 0 or PANDO_ERR_IO. */
int pando_host_signals_install(void (*handler)(int number, siginfo_t *info, void *context));

/* A SIGPROF that is not ours: does what the host has set for it. */
void pando_host_signals_foreign(int number, siginfo_t *info, void *context);

#endif
