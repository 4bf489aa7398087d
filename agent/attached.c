/* Why: agent/attached.h. Context: as there. */
#include "agent/attached.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/handler.h"
#include "base/raw_syscall.h"

enum { KERNEL_SIGSET_BYTES = 8, STATUS_BYTES = 4096 };

static uint64_t area, area_bytes;

enum pando_sigprof pando_attached_sigprof_is(void)
{
    unsigned long action[4] = {0}; /* the kernel's form: handler, flags, restorer, mask */
    pando_raw_syscall4(SYS_rt_sigaction, SIGPROF, 0, (long)action, KERNEL_SIGSET_BYTES);
    if (action[0] == (unsigned long)(uintptr_t)pando_handler)
        return PANDO_SIGPROF_OURS;
    return action[0] <= (unsigned long)(uintptr_t)SIG_IGN ? PANDO_SIGPROF_FREE : PANDO_SIGPROF_HOSTS;
}

bool pando_attached_blocks_sigprof(int tid)
{
    char path[64], status[STATUS_BYTES];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
    long fd = pando_raw_syscall4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    long len = pando_raw_syscall4(SYS_read, fd, (long)status, sizeof status - 1, 0);
    pando_raw_syscall4(SYS_close, fd, 0, 0, 0);
    status[len > 0 ? len : 0] = '\0';
    const char *at = strstr(status, "\nSigBlk:\t");
    unsigned long mask = 0;
    for (at = at != NULL ? at + 9 : ""; *at > ' '; at++)
        mask = mask << 4 | (unsigned long)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    return (mask & 1ul << (SIGPROF - 1)) != 0;
}

void pando_attached_area(uint64_t address, uint64_t bytes)
{
    pando_attached_release_area(); /* of an earlier time */
    area = address;
    area_bytes = bytes;
}

void pando_attached_release_area(void)
{
    if (area != 0)
        pando_raw_syscall4(SYS_munmap, (long)area, (long)area_bytes, 0, 0);
    area = 0;
}
