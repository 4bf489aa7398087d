/* Why: cli/safe_point.h. Context: own process. */
#include "cli/safe_point.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

/* Waits and transfers that no allocator and no lock of the loader's is held over, by design of libc. */
static const long plain_calls[] = {
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_recvfrom, SYS_sendto,
    SYS_recvmsg, SYS_sendmsg, SYS_recvmmsg, SYS_sendmmsg, SYS_accept, SYS_accept4, SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6,
    SYS_epoll_wait, SYS_epoll_pwait, SYS_nanosleep, SYS_clock_nanosleep, SYS_wait4, SYS_waitid, SYS_pause, SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait, SYS_fsync, SYS_fdatasync, SYS_semop, SYS_semtimedop, SYS_io_getevents, SYS_msgrcv, SYS_sched_yield,
};

/* Of libc's functions: in one of these a lock may be held that the call needs, or the process is being changed. */
static const char *const bad_functions[] = {
    "malloc", "free", "calloc", "realloc", "reallocarray", "memalign", "aligned_alloc", "posix_memalign", "valloc", "pvalloc",
    "malloc_trim", "malloc_info", "mallinfo", "mallinfo2", "mallopt", "malloc_usable_size", "dlopen", "dlmopen", "dlclose", "dlsym",
    "dlvsym", "dladdr", "dladdr1", "dlinfo", "dl_iterate_phdr", "fork", "_Fork", "vfork", "posix_spawn", "posix_spawnp", "system",
    "popen", "pthread_create", "pthread_join", "pthread_tryjoin_np", "pthread_exit", "pthread_detach", "pthread_getattr_np",
    "pthread_setname_np", "thrd_create", "thrd_exit", "exit", "_exit", "quick_exit", "abort", "_dl_find_object",
    "__tls_get_addr", "__libc_freeres", "clone", "setuid", "setgid", "setresuid", "setresgid", "setgroups",
};

/* A futex is waited for under any lock of libc's, too; in these it is the program's own. */
static const char *const waits[] = {
    "pthread_cond_wait", "pthread_cond_timedwait", "pthread_cond_clockwait", "sem_wait", "sem_timedwait", "sem_clockwait",
    "pthread_barrier_wait", "syscall", "cnd_wait", "cnd_timedwait",
};

/* libc calls back into the program in the middle of these, and holds nothing meanwhile. */
static const char *const callers[] = {"qsort", "qsort_r", "bsearch", "pthread_once", "call_once", "__libc_start_main"};

static bool is_in(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; name != NULL && i < count; i++) {
        size_t len = strcspn(name, "@");
        if (strncmp(name, list[i], len) == 0 && list[i][len] == '\0')
            return true;
    }
    return false;
}
#define IS_IN(name, list) is_in(name, list, sizeof list / sizeof list[0])

static bool is_plain(long call)
{
    for (size_t i = 0; i < sizeof plain_calls / sizeof plain_calls[0]; i++) {
        if (plain_calls[i] == call)
            return true;
    }
    return false;
}

bool pando_safe_to_interrupt(long call)
{
    return call == -1 || call == SYS_futex || is_plain(call);
}

/* The outermost frames, those that begin a thread: behind them there is nothing of the program's. */
static int begin_of_start(const struct pando_frame *frames, int count)
{
    int at = count;
    if (count >= 2 && frames[count - 1].kind == PANDO_FRAME_PROGRAM && frames[count - 2].kind == PANDO_FRAME_LIBC)
        at--; /* _start */
    while (at > 0 && frames[at - 1].kind == PANDO_FRAME_LIBC)
        at--;
    return at;
}

bool pando_safe_point(struct pando_target *target, pid_t tid, const struct user_regs_struct *registers, const char **why)
{
    struct pando_frame frames[PANDO_TARGET_FRAMES_MAX];
    bool is_in_call = (long)registers->orig_rax >= 0, has_wait = false;
    int count = pando_target_stack(target, tid, registers, frames), inner = 0;
    *why = "its stack is not known to the end (code made at run time, or without unwind information)";
    if (count <= 0)
        return false;
    int start = begin_of_start(frames, count);
    while (inner < count && frames[inner].kind == PANDO_FRAME_LIBC) {
        has_wait = has_wait || IS_IN(frames[inner].name, waits);
        inner++;
    }
    for (int i = 0; i < count; i++) {
        *why = "it is in the loader or the allocator";
        if (frames[i].kind == PANDO_FRAME_LOADER || frames[i].kind == PANDO_FRAME_ALLOCATOR ||
            (frames[i].kind == PANDO_FRAME_LIBC && IS_IN(frames[i].name, bad_functions)))
            return false;
        *why = "it is in a function of libc's that calls the program, or in a signal handler";
        if (frames[i].kind == PANDO_FRAME_LIBC && i >= inner && i < start && !IS_IN(frames[i].name, callers))
            return false;
    }
    *why = "it is in a function of libc's, or in a system call that the allocator makes, too";
    if (!is_in_call)
        return inner == 0 && !pando_target_allocates_itself(target);
    long call = (long)registers->orig_rax;
    return is_plain(call) ? call != SYS_sched_yield || !pando_target_allocates_itself(target) : call == SYS_futex && has_wait;
}
