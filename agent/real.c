/* Why: agent/real.h. Context: any thread, not the handler. Two threads that look up at once find the same. */
#include "agent/real.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>

static struct pando_real real;
static atomic_bool is_looked_up;

static void look_up(void *slot, const char *name)
{
    *(void **)slot = dlsym(RTLD_NEXT, name);
}

const struct pando_real *pando_real(void)
{
    if (!atomic_load_explicit(&is_looked_up, memory_order_acquire)) {
        look_up(&real.pthread_create, "pthread_create");
        look_up(&real.sigaction, "sigaction");
        look_up(&real.signal, "signal");
        look_up(&real.sysv_signal, "__sysv_signal");
        look_up(&real.sigset, "sigset");
        look_up(&real.siginterrupt, "siginterrupt");
        look_up(&real.sigignore, "sigignore");
        look_up(&real.sigtimedwait, "sigtimedwait");
        look_up(&real.sigpending, "sigpending");
        look_up(&real.signalfd, "signalfd");
        look_up(&real.stack_end, "__libc_stack_end");
        look_up(&real.dlclose, "dlclose");
        look_up(&real.unshare, "unshare");
        look_up(&real.setns, "setns");
        atomic_store_explicit(&is_looked_up, true, memory_order_release);
    }
    return &real;
}
