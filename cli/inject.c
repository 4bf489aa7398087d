/* Why: cli/inject.h. Context: own process. */
#include "cli/inject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/attach_stub.h"
#include "cli/safe_point.h"
#include "cli/trace.h"

#define MS 1000000ull

enum {
    AREA_BYTES = 256 << 10,    /* code, block, and the stack on which pthread_create is called */
    CODE_BYTES = 4096,
    THREADS_MAX = 64,          /* that are tried in one round */
    PAUSE_MIN_MS = 1, PAUSE_MAX_MS = 25,
    START_WAIT_MS = 30000,     /* for the loader: another thread may be in it */
    FAILED_CALL = -4095,
    NICE_WHILE_STOPPED = -20,
};

/* What of libc is needed, found before any thread is stopped. */
struct tools {
    uint64_t call_return;      /* syscall; ret */
    uint64_t signal_return;    /* mov $15, %rax; syscall */
    uint64_t pthread_create;
};

struct attempt {
    struct pando_target *target;
    pid_t pid;
    struct tools tools;
    struct pando_attach_block *block;
    struct pando_inject_report *report;
    const char *why;
};

static bool find_tools(struct pando_target *target, struct pando_attach_block *block, struct tools *tools)
{
    static const unsigned char call_return[] = {0x0f, 0x05, 0xc3}, signal_return[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
    tools->call_return = pando_target_code(target, call_return, sizeof call_return);
    tools->signal_return = pando_target_code(target, signal_return, sizeof signal_return);
    tools->pthread_create = pando_target_function(target, "pthread_create");
    block->dlopen = pando_target_function(target, "dlopen");
    block->dlsym = pando_target_function(target, "dlsym");
    block->dlerror = pando_target_function(target, "dlerror");
    block->pthread_self = pando_target_function(target, "pthread_self");
    block->pthread_detach = pando_target_function(target, "pthread_detach");
    return tools->call_return != 0 && tools->signal_return != 0 && tools->pthread_create != 0 && block->dlopen != 0 &&
           block->dlsym != 0 && block->dlerror != 0 && block->pthread_self != 0 && block->pthread_detach != 0;
}

static bool is_failure(long result)
{
    return result < 0 && result >= FAILED_CALL;
}

/* Memory in the process, with the code and the block in it. 0: it could not be had. */
static uint64_t make_area(struct attempt *attempt, struct pando_trace *trace, uint64_t frame)
{
    const uint64_t map[6] = {0, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};
    long area, result;
    if (!pando_trace_call(trace, attempt->tools.call_return, frame, SYS_mmap, map, &area) || is_failure(area))
        return 0;
    struct pando_attach_block *block = attempt->block;
    size_t code_bytes = (size_t)(__stop_pando_stub - __start_pando_stub);
    const uint64_t protect[6] = {(uint64_t)area, CODE_BYTES, PROT_READ | PROT_EXEC, 0, 0, 0};
    block->version = PANDO_ATTACH_VERSION;
    block->state = PANDO_ATTACH_WRITTEN;
    block->create_result = -1;
    block->area = (uint64_t)area;
    block->area_bytes = AREA_BYTES;
    if (code_bytes <= CODE_BYTES && pando_target_write(attempt->target, (uint64_t)area, __start_pando_stub, code_bytes) &&
        pando_target_write(attempt->target, (uint64_t)area + CODE_BYTES, block, sizeof *block) &&
        pando_trace_call(trace, attempt->tools.call_return, frame, SYS_mprotect, protect, &result) && !is_failure(result))
        return (uint64_t)area;
    const uint64_t unmap[6] = {(uint64_t)area, AREA_BYTES, 0, 0, 0, 0};
    pando_trace_call(trace, attempt->tools.call_return, frame, SYS_munmap, unmap, &result);
    return 0;
}

/* The thread is at a safe point. */
static bool make_thread(struct attempt *attempt, struct pando_trace *trace)
{
    /* On its own stack, below what a leaf function may use, as the kernel puts a signal's frame. */
    uint64_t frame = pando_trace_frame(trace, trace->registers.rsp - 128, attempt->tools.signal_return);
    attempt->why = "its stack has no room for a signal";
    if (frame == 0)
        return false;
    attempt->why = "the process has no memory left";
    uint64_t area = make_area(attempt, trace, frame);
    if (area == 0)
        return false;
    pando_target_refresh(attempt->target);
    uint64_t block_at = area + CODE_BYTES;
    uint64_t second = pando_trace_frame(trace, area + AREA_BYTES - 4096, area + (uint64_t)(pando_attach_stub_return - __start_pando_stub));
    if (second == 0)
        return false;
    const uint64_t arguments[4] = {block_at + offsetof(struct pando_attach_block, thread), 0,
                                   area + (uint64_t)(pando_attach_stub_thread - __start_pando_stub), block_at};
    pando_trace_function(trace, attempt->tools.pthread_create, second, arguments, block_at);
    return true; /* also if it has not returned in time: it will, and goes back by itself */
}

static enum pando_trace_result try_thread(struct attempt *attempt, pid_t tid)
{
    static struct pando_trace trace;
    uint64_t begin = pando_clock_mono_ns();
    enum pando_trace_result result = pando_trace_stop(&trace, attempt->target, tid, &attempt->why);
    if (result != PANDO_TRACE_OK)
        return result;
    attempt->report->stops++;
    bool is_safe = pando_safe_point(attempt->target, tid, &trace.registers, &attempt->why);
    bool is_made = is_safe && make_thread(attempt, &trace);
    pando_trace_release(&trace);
    const uint32_t yes = 1;
    if (is_made)
        pando_target_write(attempt->target, attempt->block->area + CODE_BYTES + offsetof(struct pando_attach_block, may_go), &yes, sizeof yes);
    uint64_t stopped_ns = pando_clock_mono_ns() - begin;
    if (stopped_ns > attempt->report->longest_stop_ns)
        attempt->report->longest_stop_ns = stopped_ns;
    if (is_made)
        attempt->report->tid = tid;
    return is_made ? PANDO_TRACE_OK : PANDO_TRACE_NOT_NOW;
}

/* The number of the system call that it sleeps in; -1: it runs; -2: it cannot be told. */
static long call_of(pid_t pid, pid_t tid)
{
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", pid, tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    if (len <= 0)
        return -2;
    return strncmp(text, "running", 7) == 0 ? -1 : strtol(text, NULL, 10);
}

/* The less a stop can disturb, the lower: a sleep that the kernel begins again by itself; running; a call that we begin again. */
static int rank_of(long call)
{
    if (call == SYS_epoll_wait || call == SYS_epoll_pwait || call == SYS_semop || call == SYS_semtimedop || call == SYS_rt_sigtimedwait)
        return 2;
    return call == -1 ? 1 : 0;
}

struct candidate {
    pid_t tid;
    int rank;
};

static int compare(const void *a, const void *b)
{
    return ((const struct candidate *)a)->rank - ((const struct candidate *)b)->rank;
}

static int list_threads(pid_t pid, struct candidate *list)
{
    char path[64];
    int count = 0, seen = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        long call = tid > 0 ? call_of(pid, tid) : -2;
        if (tid <= 0 || call == -2 || !pando_safe_to_interrupt(call))
            continue;
        /* Of many threads each has the same chance. */
        int at = count < THREADS_MAX ? count++ : (int)(random() % ++seen);
        if (at < THREADS_MAX)
            list[at] = (struct candidate){tid, rank_of(call)};
    }
    closedir(folder);
    qsort(list, (size_t)count, sizeof *list, compare);
    return count;
}

static void pause_a_little(void)
{
    long ms = PAUSE_MIN_MS + random() % (PAUSE_MAX_MS - PAUSE_MIN_MS);
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000 + random() % 1000000}, NULL);
}

static int find_moment(struct attempt *attempt, uint64_t deadline_mono_ns, char *message, size_t message_bytes)
{
    struct candidate list[THREADS_MAX];
    attempt->why = "it was in a system call that must not be interrupted whenever it was looked at";
    do {
        int count = list_threads(attempt->pid, list);
        if (count < 0 || !pando_target_refresh(attempt->target)) {
            snprintf(message, message_bytes, "process %d has ended.", attempt->pid);
            return PANDO_ERR_NOT_FOUND;
        }
        for (int i = 0; i < count && pando_clock_mono_ns() < deadline_mono_ns; i++) {
            enum pando_trace_result result = try_thread(attempt, list[i].tid);
            if (result == PANDO_TRACE_OK)
                return 0;
            if (result == PANDO_TRACE_REFUSED) {
                snprintf(message, message_bytes, "the kernel does not let process %d be traced: %s.", attempt->pid, strerror(errno));
                return PANDO_ERR_REFUSED;
            }
        }
        pause_a_little();
    } while (pando_clock_mono_ns() < deadline_mono_ns);
    snprintf(message, message_bytes, "no thread of process %d was at a place where this is safe (%u tries; the last: %s); try again, or "
             "with a longer --timeout.", attempt->pid, attempt->report->stops, attempt->why);
    return PANDO_ERR_TIMEOUT;
}

/* The process does the rest by itself. */
static int wait_for_start(struct attempt *attempt, char *message, size_t message_bytes)
{
    struct pando_attach_block *block = attempt->block;
    uint64_t deadline = pando_clock_mono_ns() + START_WAIT_MS * MS, at = block->area + CODE_BYTES;
    for (;;) {
        struct pando_attach_block now;
        if (!pando_target_read(attempt->target, at, &now, sizeof now)) {
            snprintf(message, message_bytes, "process %d has ended meanwhile.", attempt->pid);
            return PANDO_ERR_NOT_FOUND;
        }
        if (now.state == PANDO_ATTACH_DONE) {
            *block = now;
            block->sentence[sizeof block->sentence - 1] = '\0';
            return 0;
        }
        if (now.create_result > 0) {
            snprintf(message, message_bytes, "process %d can make no thread: %s.", attempt->pid, strerror(now.create_result));
            return PANDO_ERR_REFUSED;
        }
        if (pando_clock_mono_ns() > deadline) {
            snprintf(message, message_bytes, "process %d has not opened the library within %d s (another of its threads keeps the loader busy?); "
                     "it may still do so.", attempt->pid, START_WAIT_MS / 1000);
            return PANDO_ERR_TIMEOUT;
        }
        nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
    }
}

int pando_inject(struct pando_target *target, pid_t pid, uint64_t deadline_mono_ns, struct pando_attach_block *block,
                 struct pando_inject_report *report, char *message, size_t message_bytes)
{
    struct attempt attempt = {.target = target, .pid = pid, .block = block, .report = report};
    srandom((unsigned)pando_clock_mono_ns());
    *report = (struct pando_inject_report){0};
    if (!find_tools(target, block, &attempt.tools)) {
        snprintf(message, message_bytes, "the C library of process %d lacks what is needed (glibc 2.34 or later).", pid);
        return PANDO_ERR_UNSUPPORTED;
    }
    /* While a thread is stopped it waits for us: we should not wait for others. Without the right nothing changes. */
    int nice_before = getpriority(PRIO_PROCESS, 0);
    setpriority(PRIO_PROCESS, 0, NICE_WHILE_STOPPED);
    int error = find_moment(&attempt, deadline_mono_ns, message, message_bytes);
    setpriority(PRIO_PROCESS, 0, nice_before);
    return error != 0 ? error : wait_for_start(&attempt, message, message_bytes);
}
