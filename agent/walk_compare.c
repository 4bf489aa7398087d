/* Why: agent/walk_compare.h. Context: as there. */
#include "agent/walk_compare.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/walk_libunwind.h"
#include "base/log.h"
#include "base/raw_syscall.h"

enum { KEPT_MAX = 8, KEPT_FRAMES = 40, LINE_BYTES = 900 };

/* Written by handlers, each its own entry; read by the agent's thread when `is_whole`. */
static struct difference {
    atomic_bool is_whole;
    enum pando_walk_end end, other_end;
    uint32_t frame_count, other_count;
    uint64_t frames[KEPT_FRAMES], other_frames[KEPT_FRAMES];
} differences[KEPT_MAX];
static atomic_uint differences_begun;

static bool are_the_same(const struct pando_walk *walk, const struct pando_walk *other)
{
    if (walk->frame_count != other->frame_count)
        return false;
    for (uint32_t i = 0; i < walk->frame_count; i++) {
        if (((walk->frames[i] ^ other->frames[i]) & ~PANDO_SAMPLE_EXACT) != 0)
            return false;
    }
    return true;
}

static void keep(const struct pando_walk *walk, const struct pando_walk *other)
{
    unsigned number = atomic_fetch_add_explicit(&differences_begun, 1, memory_order_relaxed);
    if (number >= KEPT_MAX)
        return;
    struct difference *difference = &differences[number];
    difference->end = walk->end;
    difference->other_end = other->end;
    difference->frame_count = walk->frame_count < KEPT_FRAMES ? walk->frame_count : KEPT_FRAMES;
    difference->other_count = other->frame_count < KEPT_FRAMES ? other->frame_count : KEPT_FRAMES;
    for (uint32_t i = 0; i < difference->frame_count; i++)
        difference->frames[i] = walk->frames[i];
    for (uint32_t i = 0; i < difference->other_count; i++)
        difference->other_frames[i] = other->frames[i];
    atomic_store_explicit(&difference->is_whole, true, memory_order_release);
}

void pando_walk_compare(struct pando_thread_slot *slot, void *context)
{
    const struct pando_walk *walk = &slot->walk;
    struct pando_walk *other = &slot->other_walk;
    if (walk->end == PANDO_WALK_END_NO_ROWS || (walk->flags & PANDO_SAMPLE_TRUNCATED) != 0)
        return;
    other->frames = slot->other_frames;
    other->frames_max = PANDO_SAMPLE_FRAMES_MAX;
    pando_walk_libunwind(other, context);
    if (other->end == PANDO_WALK_END_TOO_DEEP)
        return;
    bool same = are_the_same(walk, other);
    pando_count(&pando_agent.counters, same ? PANDO_COUNT_STACKS_COMPARED_SAME : PANDO_COUNT_STACKS_COMPARED_OTHER);
    if (!same)
        keep(walk, other);
}

static void log_frames(const char *whose, const uint64_t *frames, uint32_t count, enum pando_walk_end end)
{
    char line[LINE_BYTES];
    int len = snprintf(line, sizeof line, "compare: %s, end %d:", whose, (int)end);
    for (uint32_t i = 0; i < count && len < LINE_BYTES - 24; i++)
        len += snprintf(line + len, sizeof line - (size_t)len, " %" PRIx64, (uint64_t)(frames[i] & ~PANDO_SAMPLE_EXACT));
    pando_log(PANDO_LOG_WARN, "%s", line);
}

/* The executable lines of the map: addresses mean something beside them only. */
static void log_map(void)
{
    char text[8192];
    size_t kept = 0;
    long fd = pando_raw_syscall4(SYS_openat, AT_FDCWD, (long)"/proc/thread-self/maps", O_RDONLY | O_CLOEXEC, 0), got;
    while (fd >= 0 && (got = pando_raw_syscall4(SYS_read, fd, (long)(text + kept), (long)(sizeof text - 1 - kept), 0)) > 0) {
        text[kept + (size_t)got] = '\0';
        char *line = text, *end;
        for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = '\0';
            if (strstr(line, "xp ") != NULL)
                pando_log(PANDO_LOG_WARN, "compare: map %s", line);
        }
        kept = strlen(line);
        memmove(text, line, kept);
    }
    if (fd >= 0)
        pando_raw_syscall4(SYS_close, fd, 0, 0, 0);
}

void pando_walk_compare_log(void)
{
    static unsigned logged;
    unsigned begun = atomic_load_explicit(&differences_begun, memory_order_relaxed);
    for (; logged < begun && logged < KEPT_MAX; logged++) {
        const struct difference *difference = &differences[logged];
        if (!atomic_load_explicit(&differences[logged].is_whole, memory_order_acquire))
            return;
        if (logged == 0)
            log_map();
        log_frames("rows", difference->frames, difference->frame_count, difference->end);
        log_frames("unw_step", difference->other_frames, difference->other_count, difference->other_end);
    }
}
