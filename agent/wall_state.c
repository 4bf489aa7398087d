/* Why: agent/wall_state.h. Context: as there. Which call is which state: docs/wall-clock.md. */
#include "agent/wall_state.h"

#include <fcntl.h>
#include <linux/futex.h>

#include "base/cursor.h"
#include "base/raw_syscall.h"

enum {
    ARGUMENTS = 6,
    PATH_BYTES = 48,
    ANSWER_BYTES = 256,
    MUTEX_CONTENDED = 2,     /* what glibc's locks (and musl's) hold while somebody waits: the value that the waiter expects */
    NO_TIMEOUT_ARGUMENT = 15,
};

struct call {
    uint64_t number;         /* UINT64_MAX: in none (a page fault, a stop) */
    uint64_t arguments[ARGUMENTS];
};

/* Calls that may have a timeout: in which argument, and whether it is a pointer (NULL: none) or milliseconds (negative: none). */
static const struct {
    uint16_t number;
    uint8_t argument;        /* NO_TIMEOUT_ARGUMENT: it always has one, or never */
    bool is_milliseconds;
    enum pando_sample_state without; /* the state when there is none */
} waits[] = {
    {SYS_nanosleep, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_TIMED_WAITING},
    {SYS_clock_nanosleep, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_TIMED_WAITING},
    {SYS_poll, 2, true, PANDO_SAMPLE_WAITING},
    {SYS_ppoll, 2, false, PANDO_SAMPLE_WAITING},
    {SYS_select, 4, false, PANDO_SAMPLE_WAITING},
    {SYS_pselect6, 4, false, PANDO_SAMPLE_WAITING},
    {SYS_epoll_wait, 3, true, PANDO_SAMPLE_WAITING},
    {SYS_epoll_pwait, 3, true, PANDO_SAMPLE_WAITING},
    {441 /* epoll_pwait2 */, 3, false, PANDO_SAMPLE_WAITING},
    {SYS_futex, 3, false, PANDO_SAMPLE_WAITING},
    {449 /* futex_waitv */, 3, false, PANDO_SAMPLE_WAITING},
    {SYS_rt_sigtimedwait, 2, false, PANDO_SAMPLE_WAITING},
    {SYS_semtimedop, 3, false, PANDO_SAMPLE_WAITING},
    {SYS_mq_timedsend, 4, false, PANDO_SAMPLE_WAITING},
    {SYS_mq_timedreceive, 4, false, PANDO_SAMPLE_WAITING},
    {SYS_recvmmsg, 4, false, PANDO_SAMPLE_WAITING},
    {SYS_io_getevents, 4, false, PANDO_SAMPLE_WAITING},
    {SYS_io_pgetevents, 4, false, PANDO_SAMPLE_WAITING},
    {SYS_read, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_write, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_readv, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_writev, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_accept, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_accept4, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_connect, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_recvfrom, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_recvmsg, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_sendto, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_sendmsg, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_sendmmsg, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_splice, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_pause, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_rt_sigsuspend, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_wait4, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_waitid, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_msgrcv, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_msgsnd, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_semop, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {426 /* io_uring_enter */, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_WAITING},
    {SYS_flock, NO_TIMEOUT_ARGUMENT, false, PANDO_SAMPLE_BLOCKED},
};

/* Whether a futex or file lock stands for a lock that another thread or process holds. */
static bool waits_for_lock(const struct call *call)
{
    if (call->number == SYS_fcntl)
        return call->arguments[1] == F_SETLKW || call->arguments[1] == 38 /* F_OFD_SETLKW */;
    if (call->number != SYS_futex)
        return false;
    unsigned operation = (unsigned)call->arguments[1] & FUTEX_CMD_MASK;
    if (operation == FUTEX_LOCK_PI || operation == 13 /* FUTEX_LOCK_PI2 */)
        return true;
    return operation == FUTEX_WAIT && (uint32_t)call->arguments[2] == MUTEX_CONTENDED && call->arguments[3] == 0;
}

static enum pando_sample_state state_of(const struct call *call)
{
    if (waits_for_lock(call))
        return PANDO_SAMPLE_BLOCKED;
    for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        if (waits[i].number != call->number)
            continue;
        if (waits[i].argument == NO_TIMEOUT_ARGUMENT)
            return waits[i].without;
        uint64_t timeout = call->arguments[waits[i].argument];
        bool has_one = waits[i].is_milliseconds ? (int32_t)timeout >= 0 : timeout != 0;
        return has_one ? PANDO_SAMPLE_TIMED_WAITING : waits[i].without;
    }
    return PANDO_SAMPLE_NATIVE;
}

static void path_of(int tid, char path[PATH_BYTES])
{
    static const char before[] = "/proc/self/task/", after[] = "/syscall";
    char digits[12];
    int count = 0, at = 0;
    for (unsigned rest = (unsigned)tid; rest != 0 || count == 0; rest /= 10)
        digits[count++] = (char)('0' + rest % 10);
    for (const char *c = before; *c != '\0'; c++)
        path[at++] = *c;
    while (count > 0)
        path[at++] = digits[--count];
    for (const char *c = after; *c != '\0'; c++)
        path[at++] = *c;
    path[at] = '\0';
}

static bool read_word(struct pando_cursor *cursor, uint64_t *ret_word)
{
    pando_cursor_skip_blanks(cursor);
    return pando_cursor_skip_char(cursor, '0') == 0 && pando_cursor_skip_char(cursor, 'x') == 0 &&
           pando_cursor_hex(cursor, UINT64_MAX, ret_word) == 0;
}

/* "running", or "NUMBER ARGUMENTS... RSP RIP", or "-1 RSP RIP". */
static bool parse(const char *text, size_t len, struct pando_wall_state *state)
{
    struct pando_cursor cursor = pando_cursor_of(text, len);
    struct call call = {.number = UINT64_MAX};
    *state = (struct pando_wall_state){.state = PANDO_SAMPLE_RUNNABLE};
    if (len > 0 && text[0] == 'r')
        return true;
    if (pando_cursor_skip_char(&cursor, '-') == 0) {
        uint64_t one;
        if (pando_cursor_decimal(&cursor, 1, &one) != 0)
            return false;
    } else {
        if (pando_cursor_decimal(&cursor, INT32_MAX, &call.number) != 0)
            return false;
        for (int i = 0; i < ARGUMENTS; i++)
            if (!read_word(&cursor, &call.arguments[i]))
                return false;
    }
    state->has_place = read_word(&cursor, &state->rsp) && read_word(&cursor, &state->rip);
    state->state = state_of(&call);
    return state->has_place;
}

bool pando_wall_state_read(int tid, struct pando_wall_state *ret_state)
{
    char path[PATH_BYTES], answer[ANSWER_BYTES];
    path_of(tid, path);
    long fd = pando_raw_syscall4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    long len = pando_raw_syscall4(SYS_read, fd, (long)answer, sizeof answer, 0);
    pando_raw_syscall4(SYS_close, fd, 0, 0, 0);
    return len > 0 && parse(answer, (size_t)len, ret_state);
}
