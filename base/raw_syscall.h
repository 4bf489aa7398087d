/* Why: system calls that touch neither errno nor any lock or hook of libc: for the signal handler, and for calls that must not
 * meet our own interposed functions.
 * Context: any, also the signal handler. x86-64 Linux. Returns what the kernel does: a negative errno on failure. */
#ifndef PANDO_BASE_RAW_SYSCALL_H
#define PANDO_BASE_RAW_SYSCALL_H

#include <stdint.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "Pando is made for x86-64 Linux so far."
#endif

static inline long pando_raw_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long pando_raw_syscall4(long number, long a, long b, long c, long d)
{
    return pando_raw_syscall(number, a, b, c, d, 0, 0);
}

static inline int pando_raw_gettid(void)
{
    return (int)pando_raw_syscall4(SYS_gettid, 0, 0, 0, 0);
}

#endif
