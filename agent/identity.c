/* Why: libc changes the user and the groups of all threads, and ends the process when one of them may not what another one may. A program
 * that has one thread, and gave that thread other capabilities than it began with (as setpriv does), would be ended because of
 * Pando's. So Pando's threads are gone meanwhile where they have other capabilities than the caller; they come back with its own. Else
 * they only do not load anything meanwhile (agent/loader_gate.h).
 * Context: any of the host's threads, not the handler. */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pando.h>

#include "agent/agent.h"
#include "agent/agent_thread.h"
#include "agent/lifecycle.h"
#include "agent/loader_gate.h"
#include "base/raw_syscall.h"

struct capabilities {
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

static bool read_capabilities(int tid, struct capabilities *ret_capabilities)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = tid};
    return pando_raw_syscall4(SYS_capget, (long)&header, (long)ret_capabilities->data, 0, 0) == 0;
}

/* What has been done for the caller, to be undone. */
enum { GATE_HELD = 1, THREADS_ASIDE = 2, GATE_WAIT_MS = 1000 };

static bool have_threads_other_capabilities(void)
{
    struct capabilities own, agents;
    int tid = pando_agent_thread_tid();
    return tid != 0 && read_capabilities(0, &own) && read_capabilities(tid, &agents) && memcmp(&own, &agents, sizeof own) != 0;
}

/* Nothing in a child of vfork, whose threads they are not. */
static unsigned prepare(void)
{
    if (pando_agent_phase() != PANDO_PHASE_ACTIVE || pando_raw_syscall4(SYS_getpid, 0, 0, 0, 0) != (long)pando_agent.pid)
        return 0;
    if (!have_threads_other_capabilities()) {
        pando_loader_gate_hold(GATE_WAIT_MS);
        return GATE_HELD;
    }
    pando_lifecycle_rest();
    return THREADS_ASIDE;
}

static int finish(unsigned done, int result)
{
    int reason = errno;
    if (done == THREADS_ASIDE)
        pando_lifecycle_resume();
    else if (done == GATE_HELD)
        pando_loader_gate_release();
    errno = reason;
    return result;
}

/* int NAME(PARAMETERS), as libc has it, with Pando's threads aside where they must be. */
#define IDENTITY(name, parameters, ...)                                                                                         \
    PANDO_API int name parameters                                                                                               \
    {                                                                                                                           \
        static _Atomic(void *) known;                                                                                           \
        int(*real) parameters;                                                                                                  \
        void *found = atomic_load_explicit(&known, memory_order_relaxed);                                                       \
        if (found == NULL) {                                                                                                    \
            found = dlsym(RTLD_NEXT, #name);                                                                                    \
            atomic_store_explicit(&known, found, memory_order_relaxed);                                                         \
        }                                                                                                                       \
        *(void **)&real = found;                                                                                                \
        unsigned done = prepare();                                                                                              \
        return finish(done, real(__VA_ARGS__));                                                                                 \
    }

IDENTITY(setuid, (uid_t user), user)
IDENTITY(setgid, (gid_t group), group)
IDENTITY(seteuid, (uid_t user), user)
IDENTITY(setegid, (gid_t group), group)
IDENTITY(setreuid, (uid_t real_user, uid_t user), real_user, user)
IDENTITY(setregid, (gid_t real_group, gid_t group), real_group, group)
IDENTITY(setresuid, (uid_t real_user, uid_t user, uid_t saved_user), real_user, user, saved_user)
IDENTITY(setresgid, (gid_t real_group, gid_t group, gid_t saved_group), real_group, group, saved_group)
IDENTITY(setgroups, (size_t count, const gid_t *groups), count, groups)
IDENTITY(initgroups, (const char *user, gid_t group), user, group)
