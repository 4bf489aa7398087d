/* Why: collector/thread_names.h. Context: worker. */
#include "collector/thread_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOWEST_FD = 10, PATH_BYTES = 64 };
static const uint64_t AGE_NS = PANDO_THREAD_NAMES_AGE_MS * UINT64_C(1000000);

/* Shells and daemons count on the descriptors below 10. */
static int open_high(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fd >= LOWEST_FD)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
    close(fd);
    return high;
}

static bool ask(uint32_t tid, char name[PANDO_THREAD_NAME_BYTES])
{
    char path[PATH_BYTES], text[PANDO_THREAD_NAME_BYTES + 1];
    snprintf(path, sizeof path, "/proc/self/task/%u/comm", tid);
    int fd = open_high(path);
    if (fd < 0)
        return false;
    ssize_t got;
    do
        got = read(fd, text, sizeof text - 1);
    while (got < 0 && errno == EINTR);
    close(fd);
    if (got <= 0)
        return false;
    size_t len = (size_t)got;
    if (text[len - 1] == '\n')
        len--;
    memset(name, 0, PANDO_THREAD_NAME_BYTES);
    memcpy(name, text, len < PANDO_THREAD_NAME_BYTES ? len : PANDO_THREAD_NAME_BYTES - 1);
    return true;
}

static struct pando_thread_name *entry_of(struct pando_thread_names *names, uint32_t tid)
{
    struct pando_thread_name *entry = &names->entries[tid % PANDO_THREAD_NAMES_MAX];
    if (entry->tid != tid)
        *entry = (struct pando_thread_name){.tid = tid};
    return entry;
}

const char *pando_thread_names_find(struct pando_thread_names *names, uint32_t tid, uint64_t now_mono_ns)
{
    struct pando_thread_name *entry = entry_of(names, tid);
    if (entry->asked_mono_ns == 0 || now_mono_ns - entry->asked_mono_ns >= AGE_NS) {
        entry->asked_mono_ns = now_mono_ns;
        entry->is_known = ask(tid, entry->name) || entry->is_known; /* one that has ended keeps what it had */
    }
    return entry->is_known ? entry->name : NULL;
}

void pando_thread_names_tell(struct pando_thread_names *names, uint32_t tid, const char name[PANDO_THREAD_NAME_BYTES],
                             uint64_t now_mono_ns)
{
    struct pando_thread_name *entry = entry_of(names, tid);
    memcpy(entry->name, name, PANDO_THREAD_NAME_BYTES);
    entry->name[PANDO_THREAD_NAME_BYTES - 1] = '\0';
    entry->is_known = true;
    entry->asked_mono_ns = now_mono_ns;
}
