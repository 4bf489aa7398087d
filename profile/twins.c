/* Why: profile/twins.h. Context: as there. */
#include "profile/twins.h"

#include <stdlib.h>

struct entry {
    uint32_t name, object, file, frame;
};

static int by_name(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    return (a->file > b->file) - (a->file < b->file);
}

/* Entries of one name and object: those without a file come first. */
static bool join(const struct entry *entries, uint32_t count, uint32_t *map)
{
    uint32_t bare = 0;
    while (bare < count && entries[bare].file == 0)
        bare++;
    if (bare == 0 || bare + 1 != count) /* none without, none with, or several files */
        return false;
    for (uint32_t i = 0; i < bare; i++)
        map[entries[i].frame] = entries[bare].frame;
    return true;
}

bool pando_profile_twins(const struct pando_profile *profile, uint32_t *map)
{
    uint32_t count = profile->frame_count;
    struct entry *entries = malloc(((size_t)count + 1) * sizeof *entries);
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct pando_profile_frame *frame = &profile->frames[i];
        map[i] = i;
        if (entries != NULL)
            entries[i] = (struct entry){frame->name, frame->object, frame->file, i};
    }
    if (entries == NULL)
        return false;
    qsort(entries, count, sizeof *entries, by_name);
    for (uint32_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && entries[to].name == entries[from].name && entries[to].object == entries[from].object; to++)
            continue;
        any |= join(entries + from, to - from, map);
    }
    free(entries);
    return any;
}

bool pando_profile_has_twins(const struct pando_profile *profile)
{
    uint32_t *map = malloc(((size_t)profile->frame_count + 1) * sizeof *map);
    bool any = map != NULL && pando_profile_twins(profile, map);
    free(map);
    return any;
}
