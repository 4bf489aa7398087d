/* Why: agent/walk_libunwind.h. Context: as there. Not linked with libunwind: a preloaded object that needs it would take over
 * the exceptions of the host's C++ code. */
#include "agent/walk_libunwind.h"

#include <dlfcn.h>
#include <stddef.h>

#include "base/error.h"

/* From libunwind 1.6's public headers, for x86-64. */
enum { CURSOR_WORDS = 128, INIT_SIGNAL_FRAME = 1, REGISTER_RIP = 16, FRAMES_MAX = PANDO_SAMPLE_FRAMES_MAX - CURSOR_WORDS };

static struct {
    int (*init_local2)(void *cursor, void *context, int flag);
    int (*step)(void *cursor);
    int (*get_reg)(void *cursor, int number, unsigned long *ret_value);
    int (*is_signal_frame)(void *cursor);
} unwind;

int pando_walk_libunwind_load(void)
{
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return PANDO_ERR_NOT_FOUND;
    *(void **)&unwind.init_local2 = dlsym(library, "_ULx86_64_init_local2");
    *(void **)&unwind.step = dlsym(library, "_ULx86_64_step");
    *(void **)&unwind.get_reg = dlsym(library, "_ULx86_64_get_reg");
    *(void **)&unwind.is_signal_frame = dlsym(library, "_ULx86_64_is_signal_frame");
    bool complete = unwind.init_local2 != NULL && unwind.step != NULL && unwind.get_reg != NULL &&
                    unwind.is_signal_frame != NULL;
    return complete ? 0 : PANDO_ERR_NOT_FOUND;
}

void pando_walk_libunwind(struct pando_walk *walk, void *context)
{
    void *cursor = walk->frames + FRAMES_MAX;
    uint32_t limit = walk->frames_max < FRAMES_MAX ? walk->frames_max : FRAMES_MAX;
    walk->frame_count = walk->visited = 0;
    walk->methods = (struct pando_sample_methods){0};
    walk->flags = 0;
    walk->end = PANDO_WALK_END_NO_RULE;
    if (unwind.init_local2(cursor, context, INIT_SIGNAL_FRAME) != 0)
        return;
    for (;;) {
        unsigned long ip = 0;
        if (unwind.get_reg(cursor, REGISTER_RIP, &ip) != 0 || ip == 0)
            break;
        bool is_signal_frame = unwind.is_signal_frame(cursor) > 0;
        /* In libunwind 1.6 a signal frame is the interrupted one; the trampoline before it is exact, too. */
        if (is_signal_frame && walk->frame_count != 0)
            walk->frames[walk->frame_count - 1] |= PANDO_SAMPLE_EXACT;
        bool is_exact = walk->frame_count == 0 || is_signal_frame;
        walk->frames[walk->frame_count++] = ip | (is_exact ? PANDO_SAMPLE_EXACT : 0);
        walk->visited++;
        walk->methods.by_row += walk->frame_count > 1;
        if (walk->frame_count == limit) {
            walk->end = PANDO_WALK_END_TOO_DEEP;
            return;
        }
        int more = unwind.step(cursor);
        if (more <= 0) {
            walk->end = more == 0 ? PANDO_WALK_END_OUTERMOST : PANDO_WALK_END_NO_RULE;
            return;
        }
    }
    walk->end = PANDO_WALK_END_OUTERMOST;
}
