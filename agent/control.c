/* Why: agent/control.h. Context: as there.
 * The page lies at one address for life: a thread that read the pointer to the word long ago may still raise it. A page that is
 * made again (after fork, unshare, a new start) takes the place of the old one in one step (MAP_FIXED). */
#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/memfd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/futex.h"
#include "base/log.h"
#include "base/raw_syscall.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

enum { FUTEX_WAIT_SHARED = 0, FUTEX_WAKE_SHARED = 1, TIMEOUT_MAX_MS = 60000 };

static atomic_uint own_word;                            /* as long as there is no page, and in the child of a fork */
static _Atomic(struct pando_control_page *) page;       /* NULL: none is in use */
static struct pando_control_page *place;                /* where the page is mapped, in use or not; NULL: never was */
static int memfd = -1;                                  /* in the table of the agent's thread */

void pando_control_wake(void)
{
    struct pando_control_page *shared = atomic_load(&page);
    atomic_uint *word = shared != NULL ? &shared->wake : &own_word;
    atomic_fetch_add(word, 1);
    pando_raw_syscall4(SYS_futex, (long)word, shared != NULL ? FUTEX_WAKE_SHARED : PANDO_FUTEX_WAKE, INT_MAX, 0);
}

unsigned pando_control_seen(void)
{
    struct pando_control_page *shared = atomic_load(&page);
    return atomic_load(shared != NULL ? &shared->wake : &own_word);
}

void pando_control_sleep(unsigned seen, uint64_t ns)
{
    struct pando_control_page *shared = atomic_load(&page);
    if (shared == NULL) {
        pando_futex_wait(&own_word, seen, ns);
        return;
    }
    struct timespec timeout = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    pando_raw_syscall4(SYS_futex, (long)&shared->wake, FUTEX_WAIT_SHARED, (long)seen, ns == UINT64_MAX ? 0 : (long)&timeout);
}

static bool is_failure(long result)
{
    return result < 0 && result > -4096;
}

/* Sealed in its size: whoever else has it could cut it, and the next look would end the process. */
static long make_sealed_memory(void)
{
    const char *name = PANDO_CONTROL_NAME;
    long fd = pando_raw_syscall4(SYS_memfd_create, (long)name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL, 0, 0);
    if (fd == -EINVAL) /* before Linux 6.3 */
        fd = pando_raw_syscall4(SYS_memfd_create, (long)name, MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0);
    if (fd < 0)
        return fd;
    long error = pando_raw_syscall4(SYS_ftruncate, fd, PANDO_CONTROL_BYTES, 0, 0);
    if (error == 0)
        error = pando_raw_syscall4(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, 0);
    if (error == 0)
        return fd;
    pando_raw_syscall4(SYS_close, fd, 0, 0, 0);
    return error;
}

void pando_control_open(void)
{
    long fd = make_sealed_memory(), at = fd;
    if (fd >= 0)
        at = pando_raw_syscall(SYS_mmap, (long)place, PANDO_CONTROL_BYTES, PROT_READ | PROT_WRITE,
                               MAP_SHARED | (place != NULL ? MAP_FIXED : 0), fd, 0);
    if (is_failure(at)) {
        pando_log(PANDO_LOG_WARN, "there is no memory to share with pando ctl (%s): it cannot give orders.", strerror((int)-at));
        if (fd >= 0)
            pando_raw_syscall4(SYS_close, fd, 0, 0, 0);
        return;
    }
    place = (struct pando_control_page *)at;
    place->version = PANDO_CONTROL_VERSION;
    place->magic = PANDO_CONTROL_MAGIC;
    memfd = (int)fd;
    atomic_store(&page, place);
}

void pando_control_close(void)
{
    atomic_store(&page, NULL);
    if (memfd >= 0)
        pando_raw_syscall4(SYS_close, memfd, 0, 0, 0);
    memfd = -1;
}

void pando_control_after_fork(void)
{
    atomic_store(&page, NULL);
    memfd = -1;
}

bool pando_control_is_asked(void)
{
    struct pando_control_page *shared = atomic_load(&page);
    return shared != NULL && atomic_load(&shared->asked) != atomic_load(&shared->answered);
}

static unsigned order_number;  /* what `asked` was when the order in hand was taken */
static uint32_t text_bytes;    /* of its answer so far; the page's own number is anybody's to write */

bool pando_control_take(struct pando_control_order *order)
{
    struct pando_control_page *shared = atomic_load(&page);
    if (!pando_control_is_asked())
        return false;
    order_number = atomic_load(&shared->asked);
    order->verb = (enum pando_control_verb)shared->verb;
    order->number = shared->number;
    order->timeout_ms = shared->timeout_ms < TIMEOUT_MAX_MS ? shared->timeout_ms : TIMEOUT_MAX_MS;
    text_bytes = 0;
    return true;
}

void pando_control_say(const char *name, const char *format, ...)
{
    struct pando_control_page *shared = atomic_load(&page);
    char line[2304];
    va_list args;
    va_start(args, format);
    int head = snprintf(line, sizeof line, "%s ", name);
    int len = head + vsnprintf(line + head, sizeof line - (size_t)head - 1, format, args);
    va_end(args);
    if (len > (int)sizeof line - 2)
        len = (int)sizeof line - 2;
    for (int i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
    if (shared == NULL || text_bytes + (uint32_t)len > sizeof shared->text)
        return;
    memcpy(shared->text + text_bytes, line, (size_t)len);
    text_bytes += (uint32_t)len;
}

void pando_control_answer(int error, const char *sentence)
{
    struct pando_control_page *shared = atomic_load(&page);
    if (shared == NULL)
        return;
    shared->error = error;
    shared->text_bytes = text_bytes;
    snprintf(shared->sentence, sizeof shared->sentence, "%s", sentence);
    atomic_store(&shared->answered, order_number);
    pando_raw_syscall4(SYS_futex, (long)&shared->answered, FUTEX_WAKE_SHARED, INT_MAX, 0);
}

unsigned pando_control_beat(void)
{
    struct pando_control_page *shared = atomic_load(&page);
    return shared != NULL ? atomic_load_explicit(&shared->beat, memory_order_relaxed) : 0;
}
