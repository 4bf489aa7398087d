/* Why: base/descriptors.h. Context: a thread of ours, first thing.
 * One call both unshares and empties, so no file of the host's is kept open even for a moment. (unshare(CLONE_FILES) and
 * closing would: a pipe whose reader waits for its end would see it late; and POSIX locks belong to a table, so that
 * closing in the wrong one would drop the host's.) */
#include "base/descriptors.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2u
#endif

/* ThreadSanitizer takes a number for the same descriptor in every thread: in a host built with it our sockets would be
 * reported as races with the host's files. */
extern void __tsan_init(void) __attribute__((weak));

bool pando_descriptors_leave_host(void)
{
    if (__tsan_init != NULL)
        return false;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 0u, UINT_MAX, CLOSE_RANGE_UNSHARE) != 0)
        return false;
    /* A library that writes to stderr must not write into a socket. */
    for (int fd = 0; fd < 3; fd++)
        if (open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY) < 0)
            break;
    return true;
#else
    return false;
#endif
}
