/* Why: pando_store_add_coarser of receiver/store_fold.h. Context: own process; the keeper's thread. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/slices.h"
#include "receiver/store_fold.h"

/* A copy of a profile's strings and frames, in which slices have other names. */
struct renaming {
    enum pando_store_level level;
    const char **strings;
    struct pando_profile_frame *frames;
    char **names;                    /* made here */
    uint32_t string_count, name_count;
};

static int rename_slice(struct renaming *renaming, const struct pando_profile *profile, uint32_t frame)
{
    struct pando_slice slice;
    char name[PANDO_SLICE_NAME_BYTES];
    if (!pando_slice_parse(profile->strings[profile->frames[frame].name], &slice))
        return 0;
    slice.tid = 0;
    if (renaming->level >= STORE_HOUR) {
        pando_slice_clear_label(&slice, PANDO_SLICE_TRACE_KEY);
        pando_slice_clear_label(&slice, PANDO_SLICE_SPAN_KEY);
    }
    if (pando_slice_render(&slice, name) == 0 || strcmp(name, profile->strings[profile->frames[frame].name]) == 0)
        return 0;
    char *copy = strdup(name);
    if (copy == NULL)
        return PANDO_ERR_NO_MEMORY;
    renaming->names[renaming->name_count++] = copy;
    renaming->strings[renaming->string_count] = copy;
    renaming->frames[frame].name = renaming->string_count++;
    return 0;
}

static int rename_all(struct renaming *renaming, const struct pando_profile *profile, uint32_t slice_count)
{
    size_t string_count = (size_t)profile->string_count + slice_count;
    renaming->strings = malloc(string_count * sizeof *renaming->strings);
    renaming->frames = malloc(profile->frame_count * sizeof *renaming->frames);
    renaming->names = calloc(slice_count, sizeof *renaming->names);
    if (renaming->strings == NULL || renaming->frames == NULL || renaming->names == NULL)
        return PANDO_ERR_NO_MEMORY;
    memcpy(renaming->strings, profile->strings, profile->string_count * sizeof *renaming->strings);
    memcpy(renaming->frames, profile->frames, profile->frame_count * sizeof *renaming->frames);
    renaming->string_count = profile->string_count;
    int error = 0;
    for (uint32_t i = 0; i < profile->frame_count && error == 0; i++)
        if (pando_profile_frame_is_slice(profile, i))
            error = rename_slice(renaming, profile, i);
    return error;
}

static void release(struct renaming *renaming)
{
    for (uint32_t i = 0; i < renaming->name_count; i++)
        free(renaming->names[i]);
    free(renaming->names);
    free(renaming->frames);
    free(renaming->strings);
}

int pando_store_add_coarser(struct pando_profile_builder *builder, const struct pando_profile *profile, enum pando_store_level level,
                            bool is_first)
{
    uint32_t slice_count = 0;
    for (uint32_t i = 0; i < profile->frame_count; i++)
        slice_count += pando_profile_frame_is_slice(profile, i);
    if (slice_count == 0)
        return pando_store_add(builder, profile, is_first);
    struct renaming renaming = {.level = level};
    int error = rename_all(&renaming, profile, slice_count);
    if (error == 0) {
        struct pando_profile renamed = *profile;
        renamed.strings = renaming.strings;
        renamed.string_count = renaming.string_count;
        renamed.frames = renaming.frames;
        error = pando_store_add(builder, &renamed, is_first);
    }
    release(&renaming);
    return error;
}
