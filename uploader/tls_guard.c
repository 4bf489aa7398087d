/* Why: uploader/tls_guard.h. Context: the upload thread, and the host's thread inside exit(). */
#include "uploader/tls_guard.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_STEP_MS = 5, WAIT_STEPS = 200 };

static atomic_int registered;
static atomic_int uses;
static atomic_int uses_pid; /* a forked child has none of its parent's uses */
static atomic_bool closing;

/* OpenSSL calls this first in its clean-up, while all of it still stands. */
static void before_clean_up(void)
{
    atomic_store(&closing, true);
    if (atomic_load(&uses_pid) != (int)getpid())
        return;
    for (int i = 0; i < WAIT_STEPS && atomic_load(&uses) != 0; i++) {
        struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};
        nanosleep(&step, NULL);
    }
}

void pando_tls_guard_init(void)
{
    /* OpenSSL registers its clean-up with atexit() when it is first used. Used first here, late, it would run early in the
     * host's exit(), before the last flush. Whoever comes first decides: if the host uses the same OpenSSL already, this
     * changes nothing, and the rest of this file is needed. Its configuration file is loaded as for every program (a policy
     * on ciphers, FIPS): to forbid that would forbid it to the host too. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    int before = atomic_exchange(&uses_pid, (int)getpid());
    if (before != (int)getpid())
        atomic_store(&uses, 0);
    if (atomic_exchange(&registered, 1) == 0)
        OPENSSL_atexit(before_clean_up);
}

bool pando_tls_guard_enter(void)
{
    atomic_fetch_add(&uses, 1);
    /* The second question is for a clean-up that happened before init: it answers 0 then. */
    if (!atomic_load(&closing) && OPENSSL_init_crypto(0, NULL) == 1)
        return true;
    atomic_fetch_sub(&uses, 1);
    return false;
}

void pando_tls_guard_leave(void)
{
    OPENSSL_thread_stop(); /* what it keeps for this thread (errors, random numbers) could not be given back after its clean-up */
    atomic_fetch_sub(&uses, 1);
}

bool pando_tls_guard_is_closing(void)
{
    return atomic_load_explicit(&closing, memory_order_relaxed);
}
