/* Why: after a filter for system calls has been installed, each call of ours that is not on the host's list may end the process, in
 * its threads as well as in ours. So Pando delivers what it has and is gone before: no timer, no thread, no system call after.
 * Also here: calls that bypass libc's functions for what a process with several threads may not do (hooks.c).
 * Context: any of the host's threads, not the handler. */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pando.h>

#include "agent/lifecycle.h"
#include "base/raw_syscall.h"

static long finish(long result)
{
    if (result >= 0 || result < -4095)
        return result;
    errno = (int)-result;
    return -1;
}

PANDO_API int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);
    va_end(list);
    if (option == PR_SET_SECCOMP)
        pando_lifecycle_give_way();
    return (int)finish(pando_raw_syscall(SYS_prctl, option, a, b, c, d, 0));
}

/* As libc's: it always passes on six, which are registers and one word of the caller's stack, given or not. */
PANDO_API long syscall(long number, ...)
{
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);
    long e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (__builtin_expect(number == SYS_seccomp, 0) && (a == SECCOMP_SET_MODE_FILTER || a == SECCOMP_SET_MODE_STRICT))
        pando_lifecycle_give_way();
    else if (__builtin_expect(number == SYS_prctl, 0) && a == PR_SET_SECCOMP)
        pando_lifecycle_give_way();
    else if (__builtin_expect(number == SYS_unshare, 0))
        return unshare((int)a);
    else if (__builtin_expect(number == SYS_setns, 0))
        return setns((int)a, (int)b);
    return finish(pando_raw_syscall(number, a, b, c, d, e, f));
}
