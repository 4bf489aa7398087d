/* Why: threads that no hook saw (there before Pando, or made by a bare clone) and threads that ended without saying so are found
 * in /proc/self/task. Part of agent/threads.h. Context: the agent's thread only; two scans never overlap.
 * Linear in the number of threads: the listing becomes a set of bits, the registry takes out what it knows, the rest is new. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "agent/threads.h"
#include "base/cursor.h"
#include "base/raw_syscall.h"

enum {
    TID_MAX = 1 << 22,        /* the kernel's largest, too */
    SET_BYTES = TID_MAX / 8,  /* of which only the touched pages cost */
    LISTING_BYTES = 8192,
    OPEN_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
    DESCRIPTOR_MIN = 10,
    STAT_BYTES = 1024,
    COUNT_TRIES = 2000, /* of 0.2 ms and more */
};

/* The kernel's form of a directory entry (getdents64). */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

struct scan {
    long fd;
    uint8_t *set;             /* of tids that are listed, and not yet known to the registry */
    int listed, own;
};

static bool is_in(const struct scan *scan, int tid)
{
    return tid > 0 && tid < TID_MAX && (scan->set[tid / 8] & 1u << tid % 8) != 0;
}

static void put_in(struct scan *scan, int tid)
{
    scan->set[tid / 8] |= (uint8_t)(1u << tid % 8);
    scan->listed++;
}

/* The fields of /proc/self/stat behind the name, which may hold anything; "" when it cannot be read. `text` is room for it. */
static const char *read_stat(char *text, long text_bytes)
{
    long fd = pando_raw_syscall4(SYS_openat, AT_FDCWD, (long)"/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return "";
    long len = pando_raw_syscall4(SYS_read, fd, (long)text, text_bytes - 1, 0);
    pando_raw_syscall4(SYS_close, fd, 0, 0, 0);
    if (len < 0)
        return "";
    text[len] = '\0';
    for (; len > 2; len--) {
        if (text[len - 3] == ')')
            return text + len - 1;
    }
    return "";
}

/* A first thread that has ended is listed as long as others live: a zombie. */
static bool is_first_thread_dead(void)
{
    char text[STAT_BYTES];
    return read_stat(text, sizeof text)[0] == 'Z';
}

int pando_threads_first_status(void)
{
    enum { EXIT_CODE_FIELD = 52, FIRST_FIELD = 3 }; /* of proc(5) */
    char text[STAT_BYTES];
    const char *at = read_stat(text, sizeof text);
    for (int field = FIRST_FIELD; field < EXIT_CODE_FIELD && *at != '\0'; at++)
        field += *at == ' ';
    struct pando_cursor cursor = pando_cursor_of_text(at);
    uint64_t code = 0;
    pando_cursor_decimal(&cursor, INT32_MAX, &code);
    return (int)(code >> 8 & 0xff);
}

static void take_in(struct scan *scan, int tid)
{
    if (!is_in(scan, tid) || (tid == pando_raw_syscall4(SYS_getpid, 0, 0, 0, 0) && is_first_thread_dead()))
        return;
    struct pando_thread_slot *slot = pando_threads_reserve();
    if (slot != NULL)
        pando_threads_enter_other(slot, tid);
}

/* Calls `visit` for each thread that is listed. False when the listing cannot be read. */
static bool for_each_listed(struct scan *scan, void (*visit)(struct scan *scan, int tid))
{
    _Alignas(8) char listing[LISTING_BYTES];
    long len;
    while ((len = pando_raw_syscall4(SYS_getdents64, scan->fd, (long)listing, sizeof listing, 0)) > 0) {
        for (long at = 0; at < len;) {
            const struct entry *entry = (const struct entry *)(listing + at);
            struct pando_cursor cursor = pando_cursor_of_text(entry->name);
            uint64_t tid;
            if (pando_cursor_decimal(&cursor, TID_MAX - 1, &tid) == 0 && pando_cursor_at_end(&cursor))
                visit(scan, (int)tid);
            at += entry->length;
        }
    }
    return len == 0;
}

/* What the registry knows leaves the set; what is not in the set leaves the registry. */
static void compare_with_registry(struct scan *scan)
{
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        if (slot == NULL)
            continue;
        unsigned use = atomic_load_explicit(&slot->use, memory_order_acquire);
        if (pando_thread_state(use) < PANDO_THREAD_SAMPLED)
            continue;
        int tid = slot->tid;
        if (is_in(scan, tid)) {
            scan->set[tid / 8] &= (uint8_t)~(1u << tid % 8);
            scan->own += pando_thread_state(use) == PANDO_THREAD_OWN;
            pando_threads_look_at_mask(slot);
        } else if (pando_raw_syscall4(SYS_tgkill, pando_raw_syscall4(SYS_getpid, 0, 0, 0, 0), tid, 0, 0) != 0) {
            pando_threads_leave(slot, use); /* (one that came after the listing is alive, and stays) */
        }
    }
}

static bool open_listing(struct scan *scan)
{
    long low = pando_raw_syscall4(SYS_openat, AT_FDCWD, (long)"/proc/self/task", OPEN_FLAGS, 0);
    if (low < 0)
        return false;
    scan->fd = pando_raw_syscall4(SYS_fcntl, low, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN, 0);
    pando_raw_syscall4(SYS_close, low, 0, 0, 0);
    return scan->fd >= 0;
}

static int live(int listed, int own)
{
    int count = listed - own;
    return count > 0 && is_first_thread_dead() ? count - 1 : count;
}

static void count_one(struct scan *scan, int tid)
{
    (void)tid;
    scan->listed++;
}

/* How many threads are listed, or -1 when the listing cannot be read. */
static int count_listed(void)
{
    struct scan scan = {0};
    if (!open_listing(&scan))
        return -1;
    bool good = for_each_listed(&scan, count_one);
    pando_raw_syscall4(SYS_close, scan.fd, 0, 0, 0);
    return good ? scan.listed : -1;
}

/* One count; false when a thread was born meanwhile, which may be listed before it is known whose it is. */
static bool count_hosts(int *ret_count)
{
    unsigned births_before, births_after;
    bool is_quiet = pando_threads_no_births(&births_before);
    int listed = count_listed(), own = 0;
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        own += slot != NULL && pando_thread_state(atomic_load_explicit(&slot->use, memory_order_acquire)) == PANDO_THREAD_OWN;
    }
    *ret_count = listed < 0 ? -1 : live(listed, own);
    return listed < 0 || (is_quiet && pando_threads_no_births(&births_after) && births_after == births_before);
}

int pando_threads_count_hosts(void)
{
    int count;
    for (int tries = 0; !count_hosts(&count) && tries < COUNT_TRIES; tries++)
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    return count;
}

int pando_threads_count_all(void)
{
    int listed = count_listed();
    return listed < 0 ? -1 : live(listed, 0);
}

int pando_threads_scan(void)
{
    struct scan scan = {0};
    if (!open_listing(&scan))
        return -1;
    long set = pando_raw_syscall(SYS_mmap, 0, SET_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool good = set > 0 || set < -4095;
    unsigned births_before = 0, births_after = 0;
    if (good) {
        scan.set = (uint8_t *)set;
        bool is_quiet = pando_threads_no_births(&births_before);
        good = for_each_listed(&scan, put_in);
        if (good) {
            compare_with_registry(&scan);
            if (is_quiet && pando_threads_no_births(&births_after) && births_after == births_before)
                good = pando_raw_syscall4(SYS_lseek, scan.fd, 0, SEEK_SET, 0) == 0 && for_each_listed(&scan, take_in);
        }
        pando_raw_syscall4(SYS_munmap, set, SET_BYTES, 0, 0);
    }
    pando_raw_syscall4(SYS_close, scan.fd, 0, 0, 0);
    return good ? live(scan.listed, scan.own) : -1;
}
