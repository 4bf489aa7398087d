/* Why: uploader/credentials.h: the order of the sources, and how long what they gave is kept. Context: the upload thread. */
#include "uploader/credentials.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "uploader/credentials_source.h"

enum {
    REFRESH_BEFORE_S = 15 * 60,  /* so long before they expire new ones are asked for */
    RETRY_S = 60,                /* and so long after a failure again, while the old ones are good */
    KEEP_S = 15 * 60,            /* what never expires may have been changed in its file */
    STABLE_S = 10 * 60,          /* the machine's service hands out what has expired when it cannot renew: used, looked at again then */
    FAILED_FIRST_MS = 1000,      /* nobody is asked again so soon after all have failed */
    FAILED_MAX_MS = 60000,
};

/* All of it lies in memory that core dumps leave out, and that is wiped before it goes back. */
struct pando_credentials_chain {
    const char *environment;
    bool has_some, is_distrusted;
    uint64_t fetched_mono_ns, not_before_mono_ns;
    uint32_t failures;
    int last_error;
    char last_reason[256];
    struct pando_credentials current, next, scratch;
    char file[PANDO_FETCH_FILE_BYTES + 1];
};

struct pando_credentials_chain *pando_credentials_chain_new(const char *environment)
{
    void *memory = mmap(NULL, sizeof(struct pando_credentials_chain), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    madvise(memory, sizeof(struct pando_credentials_chain), MADV_DONTDUMP);
    struct pando_credentials_chain *chain = memory;
    chain->environment = environment;
    return chain;
}

void pando_credentials_chain_free(struct pando_credentials_chain *chain)
{
    if (chain == NULL)
        return;
    explicit_bzero(chain, sizeof *chain);
    munmap(chain, sizeof *chain);
}

int pando_credentials_fail(struct pando_credentials_fetch *fetch, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fetch->reason, fetch->reason_bytes, format, args);
    va_end(args);
    return error;
}

bool pando_credentials_pause(const struct pando_credentials_fetch *fetch, unsigned ms)
{
    for (unsigned waited = 0; waited < ms; waited += 50) {
        if (atomic_load_explicit(fetch->abort, memory_order_relaxed))
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return !atomic_load_explicit(fetch->abort, memory_order_relaxed);
}

int pando_credentials_answer_error(const struct pando_http_answer *answer)
{
    if (answer->outcome.failure != PANDO_TRY_ANSWERED)
        return PANDO_ERR_NETWORK;
    return answer->outcome.status == 200 ? 0 : PANDO_ERR_REFUSED;
}

static bool is_of_machine(const struct pando_credentials *credentials)
{
    return strstr(credentials->source, "metadata") != NULL;
}

static int search(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials)
{
    static const pando_credentials_source sources[] = {
        pando_credentials_from_environment, pando_credentials_from_profile, pando_credentials_from_web_identity,
        pando_credentials_from_container, pando_credentials_from_metadata,
    };
    int error = PANDO_ERR_NOT_FOUND;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0] && error == PANDO_ERR_NOT_FOUND; i++) {
        memset(credentials, 0, sizeof *credentials);
        error = sources[i](fetch, credentials);
    }
    if (error == PANDO_ERR_NOT_FOUND)
        pando_credentials_fail(fetch, error, "there are no AWS credentials in the environment, in AWS's files, for a container, "
                               "or of the machine");
    bool has_expired = error == 0 && credentials->expires_wall_s != 0 && credentials->expires_wall_s <= fetch->wall_s;
    if (has_expired && is_of_machine(credentials))
        credentials->expires_wall_s = fetch->wall_s + REFRESH_BEFORE_S + STABLE_S;
    else if (has_expired)
        error = pando_credentials_fail(fetch, PANDO_ERR_STATE, "the AWS credentials from %s have expired", credentials->source);
    return error;
}

static bool is_fresh(const struct pando_credentials_chain *chain, int64_t wall_s, uint64_t now_mono_ns)
{
    if (!chain->has_some || chain->is_distrusted)
        return false;
    if (chain->current.expires_wall_s != 0)
        return wall_s < chain->current.expires_wall_s - REFRESH_BEFORE_S;
    return now_mono_ns - chain->fetched_mono_ns < KEEP_S * 1000000000ull;
}

/* The old ones are better than none while they last; those of the metadata service even longer, for a machine that cannot renew
 * them is not told so. */
static bool is_usable(const struct pando_credentials_chain *chain, int64_t wall_s)
{
    const struct pando_credentials *current = &chain->current;
    return chain->has_some && !chain->is_distrusted &&
           (current->expires_wall_s == 0 || wall_s < current->expires_wall_s || is_of_machine(current));
}

static void note_failure(struct pando_credentials_chain *chain, int error, const char *reason, bool is_usable_still)
{
    uint64_t wait_ms = FAILED_FIRST_MS;
    for (uint32_t i = 0; i < chain->failures && wait_ms < FAILED_MAX_MS; i++)
        wait_ms *= 2;
    wait_ms = is_usable_still ? RETRY_S * 1000u : wait_ms > FAILED_MAX_MS ? FAILED_MAX_MS : wait_ms;
    chain->failures++;
    chain->last_error = error;
    snprintf(chain->last_reason, sizeof chain->last_reason, "%s", reason);
    chain->not_before_mono_ns = pando_clock_mono_ns() + wait_ms * 1000000;
}

int pando_credentials_get(struct pando_credentials_chain *chain, struct pando_http *http, const char *region, int64_t wall_s,
                          const atomic_bool *abort, const struct pando_credentials **ret_credentials, char *reason,
                          size_t reason_bytes)
{
    uint64_t now_mono_ns = pando_clock_mono_ns();
    *ret_credentials = &chain->current;
    if (is_fresh(chain, wall_s, now_mono_ns))
        return 0;
    if (chain->failures != 0 && now_mono_ns < chain->not_before_mono_ns) {
        if (is_usable(chain, wall_s))
            return 0;
        snprintf(reason, reason_bytes, "%s", chain->last_reason);
        return chain->last_error;
    }
    struct pando_credentials_fetch fetch = {.environment = chain->environment, .http = http, .abort = abort, .region = region,
                                            .wall_s = wall_s, .reason = reason, .reason_bytes = reason_bytes,
                                            .scratch = &chain->scratch, .file = chain->file};
    reason[0] = '\0';
    int error = search(&fetch, &chain->next);
    if (error == 0) {
        chain->current = chain->next;
        chain->has_some = true;
        chain->is_distrusted = false;
        chain->failures = 0;
        chain->fetched_mono_ns = now_mono_ns;
    } else {
        bool is_usable_still = is_usable(chain, wall_s);
        note_failure(chain, error, reason, is_usable_still);
        if (is_usable_still)
            error = 0;
    }
    explicit_bzero(&chain->next, sizeof chain->next);
    explicit_bzero(&chain->scratch, sizeof chain->scratch);
    explicit_bzero(chain->file, sizeof chain->file);
    return error;
}

void pando_credentials_distrust(struct pando_credentials_chain *chain)
{
    chain->is_distrusted = true;
}
