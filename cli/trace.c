/* Why: cli/trace.h. Context: own process.
 * The order of the steps matters more than anything here: whenever this process may end, the thread's registers must lead to where it was.
 * So all signals are blocked after the registers point to a frame that unblocks them, and allowed again before they do not. */
#include "cli/trace.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/process_facts.h"
#include "cli/safe_point.h"

#ifndef NT_X86_SHSTK
#define NT_X86_SHSTK 0x204
#endif
#define MS 1000000ull

enum {
    WAIT_MS = 2000,
    LOOK_EACH_NS = 20000,
    EINTR_RESULT = 4, ERESTARTSYS = 512, ERESTARTNOINTR = 513, ERESTARTNOHAND = 514, ERESTART_RESTARTBLOCK = 516,
    RED_ZONE_BYTES = 128, FRAME_ROOM_BYTES = 512,
    SW_BYTES_AT = 464, LEGACY_STATE_BYTES = 576, STATE_MAGIC_1 = 0x46505853, STATE_MAGIC_2 = 0x46505845,
    UC_FLAGS = 7,              /* UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
    NO_SUCH_STACK_FLAGS = 0x7fff, /* for which the kernel leaves the alternate stack as it is */
    INSTRUCTION_BYTES = 2,     /* of syscall */
};
#define TILE_FEATURES (3ull << 17) /* AMX: too large for a frame; a thread that uses it is left alone */

struct frame {
    uint64_t back;
    ucontext_t context;
};

/* Waits for the thread's next stop. False: it is gone, or none came in time (*ret_is_gone tells). */
static bool wait_for_stop(pid_t tid, int *ret_status, bool *ret_is_gone)
{
    uint64_t deadline = pando_clock_mono_ns() + WAIT_MS * MS;
    *ret_is_gone = false;
    for (;;) {
        pid_t got = waitpid(tid, ret_status, __WALL | WNOHANG);
        if (got == tid && WIFSTOPPED(*ret_status))
            return true;
        if (got == tid || (got < 0 && errno != EINTR)) {
            *ret_is_gone = true;
            return false;
        }
        if (pando_clock_mono_ns() > deadline)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_EACH_NS}, NULL);
    }
}

static bool is_event_stop(int status)
{
    return status >> 16 == PTRACE_EVENT_STOP;
}

static bool is_call_stop(int status)
{
    return WSTOPSIG(status) == (SIGTRAP | 0x80);
}

/* What a stop that is not ours to keep is continued with: the signal that was about to be delivered. */
static long signal_of(int status)
{
    return status >> 16 != 0 || is_call_stop(status) ? 0 : WSTOPSIG(status);
}

static void compute_state(struct pando_trace *trace)
{
    uint64_t features;
    memcpy(&features, trace->state + SW_BYTES_AT, sizeof features);
    features &= ~TILE_FEATURES;
    uint32_t used = LEGACY_STATE_BYTES;
    for (unsigned i = 2; i < 63; i++) {
        unsigned size, offset, c, d;
        if ((features & 1ull << i) != 0 && __get_cpuid_count(0xd, i, &size, &offset, &c, &d) && offset + size > used)
            used = offset + size;
    }
    trace->features = features;
    trace->state_used_bytes = used;
}

static bool get_set(pid_t tid, int kind, void *bytes, size_t room, size_t *ret_len)
{
    struct iovec vector = {bytes, room};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)kind, &vector) != 0)
        return false;
    *ret_len = vector.iov_len;
    return true;
}

/* Whether it is inside of a restartable sequence, which another rip would end without its abort handler. */
static bool is_in_sequence(const struct pando_trace *trace)
{
    struct __ptrace_rseq_configuration where;
    struct {
        uint32_t version, flags;
        uint64_t start, bytes, abort;
    } sequence;
    uint64_t at = 0;
    if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, trace->tid, (void *)sizeof where, &where) <= 0 || where.rseq_abi_pointer == 0)
        return false;
    if (!pando_target_read(trace->target, where.rseq_abi_pointer + 8, &at, sizeof at) || at == 0)
        return false;
    return !pando_target_read(trace->target, at, &sequence, sizeof sequence) ||
           trace->registers.rip - sequence.start < sequence.bytes;
}

static bool keep(struct pando_trace *trace, const char **why)
{
    size_t len;
    uint64_t shadow[2], header;
    *why = "its registers cannot be read";
    if (ptrace(PTRACE_GETREGS, trace->tid, NULL, &trace->registers) != 0 ||
        ptrace(PTRACE_GETSIGMASK, trace->tid, (void *)sizeof trace->mask, &trace->mask) != 0 ||
        !get_set(trace->tid, NT_X86_XSTATE, trace->state, sizeof trace->state, &len) || len < LEGACY_STATE_BYTES)
        return false;
    trace->state_bytes = (uint32_t)len;
    compute_state(trace);
    memcpy(&header, trace->state + 512, sizeof header);
    *why = "it uses AMX";
    if ((header & TILE_FEATURES) != 0 || trace->state_used_bytes > trace->state_bytes)
        return false;
    *why = "it has a shadow stack";
    if (get_set(trace->tid, NT_X86_SHSTK, shadow, sizeof shadow, &len))
        return false;
    *why = "it is in a restartable sequence";
    return !is_in_sequence(trace);
}

/* Its call ended with EINTR because of us: nobody else has a signal for it. */
static bool has_ended_a_call(const struct pando_trace *trace)
{
    return (long)trace->registers.rax == -EINTR_RESULT && (long)trace->registers.orig_rax >= 0;
}

static bool has_signal(const struct pando_trace *trace)
{
    pid_t tid = trace->tid;
    unsigned long long pending = (unsigned long long)pando_process_status_number(tid, tid, "SigPnd:", 16) |
                                 (unsigned long long)pando_process_status_number(tid, tid, "ShdPnd:", 16);
    return (pending & ~(unsigned long long)pando_process_status_number(tid, tid, "SigBlk:", 16)) != 0;
}

/* The call is begun again, unless a signal ended it, or would have, or it is one that must not be. */
static void repair(struct pando_trace *trace)
{
    if (!has_ended_a_call(trace) || has_signal(trace) || !pando_safe_to_interrupt((long)trace->registers.orig_rax))
        return;
    trace->registers.rax = trace->registers.orig_rax;
    trace->registers.rip -= INSTRUCTION_BYTES;
    trace->registers.orig_rax = (unsigned long long)-1;
    ptrace(PTRACE_SETREGS, trace->tid, NULL, &trace->registers);
}

/* The kernel refuses one that ends just now as if there were no right. */
static bool is_ending(pid_t tid)
{
    int refused = errno;
    char state = pando_process_state(tid);
    errno = refused;
    return state == 0 || state == 'Z' || state == 'X';
}

enum pando_trace_result pando_trace_stop(struct pando_trace *trace, struct pando_target *target, pid_t tid, const char **why)
{
    trace->target = target;
    trace->tid = tid;
    trace->is_changed = false;
    if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)PTRACE_O_TRACESYSGOOD) != 0)
        return errno == ESRCH || is_ending(tid) ? PANDO_TRACE_GONE : PANDO_TRACE_REFUSED;
    int status;
    bool is_gone;
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    while (wait_for_stop(tid, &status, &is_gone) && !is_event_stop(status))
        ptrace(PTRACE_CONT, tid, NULL, (void *)signal_of(status));
    if (is_gone)
        return PANDO_TRACE_GONE;
    *why = "it does not stop (it waits in the kernel for a disk, or for the child of a vfork)";
    if (!WIFSTOPPED(status) || !is_event_stop(status)) {
        /* Only a stopped thread can be let go: as soon as it stops it is continued. It ends being traced with us. */
        return PANDO_TRACE_NOT_NOW;
    }
    bool is_stopped_anyway = WSTOPSIG(status) != SIGTRAP;
    *why = "the process is stopped (SIGSTOP)";
    bool is_kept = !is_stopped_anyway && keep(trace, why);
    if (is_kept)
        return PANDO_TRACE_OK;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &trace->registers) == 0)
        repair(trace);
    ptrace(PTRACE_DETACH, tid, NULL, NULL);
    return PANDO_TRACE_NOT_NOW;
}

/* Where the thread goes on as the kernel would have it: a call that is begun again has its number in rax. */
static struct user_regs_struct registers_to_go_on(const struct pando_trace *trace)
{
    struct user_regs_struct r = trace->registers;
    long error = -(long)r.rax;
    bool restarts = error == ERESTARTSYS || error == ERESTARTNOINTR || error == ERESTARTNOHAND || error == ERESTART_RESTARTBLOCK ||
                    (error == EINTR_RESULT && !has_signal(trace));
    if ((long)r.orig_rax >= 0 && restarts) {
        r.rax = r.orig_rax;
        r.rip -= INSTRUCTION_BYTES;
    }
    return r;
}

uint64_t pando_trace_frame(const struct pando_trace *trace, uint64_t top, uint64_t back)
{
    const uint32_t magic_2 = STATE_MAGIC_2, sw_bytes[5] = {STATE_MAGIC_1, trace->state_used_bytes + 4, (uint32_t)trace->features,
                                                           (uint32_t)(trace->features >> 32), trace->state_used_bytes};
    struct user_regs_struct r = registers_to_go_on(trace);
    static unsigned char state[PANDO_TRACE_STATE_BYTES + 4];
    memcpy(state, trace->state, trace->state_used_bytes);
    memset(state + SW_BYTES_AT, 0, 48);
    memcpy(state + SW_BYTES_AT, sw_bytes, sizeof sw_bytes);
    memcpy(state + trace->state_used_bytes, &magic_2, sizeof magic_2);
    uint64_t state_at = (top - trace->state_used_bytes - sizeof magic_2) & ~63ull;
    uint64_t frame_at = ((state_at - sizeof(struct frame)) & ~15ull) - 8;
    struct frame frame = {.back = back, .context = {.uc_flags = UC_FLAGS, .uc_stack = {.ss_flags = NO_SUCH_STACK_FLAGS}}};
    greg_t *g = frame.context.uc_mcontext.gregs;
    g[REG_R8] = (greg_t)r.r8, g[REG_R9] = (greg_t)r.r9, g[REG_R10] = (greg_t)r.r10, g[REG_R11] = (greg_t)r.r11;
    g[REG_R12] = (greg_t)r.r12, g[REG_R13] = (greg_t)r.r13, g[REG_R14] = (greg_t)r.r14, g[REG_R15] = (greg_t)r.r15;
    g[REG_RDI] = (greg_t)r.rdi, g[REG_RSI] = (greg_t)r.rsi, g[REG_RBP] = (greg_t)r.rbp, g[REG_RBX] = (greg_t)r.rbx;
    g[REG_RDX] = (greg_t)r.rdx, g[REG_RAX] = (greg_t)r.rax, g[REG_RCX] = (greg_t)r.rcx, g[REG_RSP] = (greg_t)r.rsp;
    g[REG_RIP] = (greg_t)r.rip, g[REG_EFL] = (greg_t)r.eflags;
    g[REG_CSGSFS] = (greg_t)(r.cs & 0xffff) | (greg_t)(r.ss & 0xffff) << 48;
    frame.context.uc_mcontext.fpregs = (fpregset_t)(uintptr_t)state_at;
    memcpy(&frame.context.uc_sigmask, &trace->mask, sizeof trace->mask);
    if (!pando_target_is_writable(trace->target, frame_at - FRAME_ROOM_BYTES, top) ||
        !pando_target_write(trace->target, state_at, state, trace->state_used_bytes + sizeof magic_2) ||
        !pando_target_write(trace->target, frame_at, &frame, sizeof frame))
        return 0;
    return frame_at;
}

/* From here on the thread leads to the frame; and no signal comes between until it has gone back. */
static bool divert(struct pando_trace *trace, struct user_regs_struct *r)
{
    const uint64_t all = ~0ull;
    r->orig_rax = (unsigned long long)-1;
    if (ptrace(PTRACE_SETREGS, trace->tid, NULL, r) != 0)
        return false;
    if (!trace->is_changed)
        ptrace(PTRACE_SETSIGMASK, trace->tid, (void *)sizeof all, &all);
    trace->is_changed = true;
    return true;
}

/* Runs to the next stop at a system call: `op` as in ptrace_syscall_info. */
static bool run_to_call(struct pando_trace *trace, int op, struct __ptrace_syscall_info *info)
{
    int status;
    bool is_gone;
    long signal = 0;
    do {
        if (ptrace(PTRACE_SYSCALL, trace->tid, NULL, (void *)signal) != 0 || !wait_for_stop(trace->tid, &status, &is_gone))
            return false;
        signal = signal_of(status);
        info->op = PTRACE_SYSCALL_INFO_NONE;
        if (is_call_stop(status) && ptrace(PTRACE_GET_SYSCALL_INFO, trace->tid, (void *)sizeof *info, info) <= 0)
            return false;
    } while (info->op != op);
    return true;
}

bool pando_trace_call(struct pando_trace *trace, uint64_t code, uint64_t frame, long number, const uint64_t arguments[6], long *ret_result)
{
    struct user_regs_struct r = trace->registers;
    struct __ptrace_syscall_info info;
    r.rip = code, r.rsp = frame, r.rax = (unsigned long long)number;
    r.rdi = arguments[0], r.rsi = arguments[1], r.rdx = arguments[2];
    r.r10 = arguments[3], r.r8 = arguments[4], r.r9 = arguments[5];
    if (!divert(trace, &r) || !run_to_call(trace, PTRACE_SYSCALL_INFO_ENTRY, &info) ||
        !run_to_call(trace, PTRACE_SYSCALL_INFO_EXIT, &info))
        return false;
    *ret_result = (long)info.exit.rval;
    return true;
}

bool pando_trace_function(struct pando_trace *trace, uint64_t function, uint64_t frame, const uint64_t arguments[4], uint64_t rbx)
{
    struct user_regs_struct r = trace->registers;
    struct __ptrace_syscall_info info;
    r.rip = function, r.rsp = frame, r.rax = 0, r.rbx = rbx, r.eflags &= ~0x400ull; /* the direction flag, as a function expects */
    r.rdi = arguments[0], r.rsi = arguments[1], r.rdx = arguments[2], r.rcx = arguments[3];
    if (!divert(trace, &r))
        return false;
    do {
        if (!run_to_call(trace, PTRACE_SYSCALL_INFO_ENTRY, &info))
            return false;
    } while (info.entry.nr != SYS_rt_sigreturn || info.stack_pointer != frame + sizeof(uint64_t));
    return true;
}

/* The thread is about to return by its frame, or has just done a call on it. Instead it is brought to the same kind of stop in which it was
 * interrupted, where the kernel begins an interrupted call again as it would have, with the time that is left. */
static bool bring_back(struct pando_trace *trace)
{
    struct user_regs_struct r;
    struct iovec vector = {trace->state, trace->state_bytes};
    int status;
    bool is_gone;
    if (ptrace(PTRACE_GETREGS, trace->tid, NULL, &r) != 0)
        return false;
    r.orig_rax = (unsigned long long)-1; /* the return is skipped; what follows it tries again */
    ptrace(PTRACE_SETREGS, trace->tid, NULL, &r);
    ptrace(PTRACE_INTERRUPT, trace->tid, NULL, NULL);
    long signal = 0;
    do {
        if (ptrace(PTRACE_CONT, trace->tid, NULL, (void *)signal) != 0 || !wait_for_stop(trace->tid, &status, &is_gone))
            return false;
        signal = signal_of(status);
    } while (!is_event_stop(status));
    bool is_good = ptrace(PTRACE_SETREGSET, trace->tid, (void *)NT_X86_XSTATE, &vector) == 0;
    ptrace(PTRACE_SETSIGMASK, trace->tid, (void *)sizeof trace->mask, &trace->mask);
    return is_good && ptrace(PTRACE_SETREGS, trace->tid, NULL, &trace->registers) == 0;
}

void pando_trace_release(struct pando_trace *trace)
{
    if (trace->is_changed && !bring_back(trace)) {
        ptrace(PTRACE_DETACH, trace->tid, NULL, NULL); /* by its frame */
        return;
    }
    repair(trace);
    ptrace(PTRACE_DETACH, trace->tid, NULL, NULL);
}
