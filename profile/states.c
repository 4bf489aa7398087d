/* Why: profile/states.h. Context: as there. */
#include "profile/states.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/rebuild.h"
#include "profile/slices.h"

static const char *const names[PANDO_PROFILE_STATES] = {
    [PANDO_PROFILE_NO_STATE] = "CPU",          [PANDO_PROFILE_RUNNABLE] = "RUNNABLE",
    [PANDO_PROFILE_BLOCKED] = "BLOCKED",       [PANDO_PROFILE_NATIVE] = "NATIVE",
    [PANDO_PROFILE_WAITING] = "WAITING",       [PANDO_PROFILE_TIMED_WAITING] = "TIMED_WAITING",
    [PANDO_PROFILE_IDLE] = "IDLE",
};

const char *pando_profile_state_name(enum pando_profile_state state)
{
    return names[state];
}

enum pando_profile_state pando_profile_state_of_counter(const char *name)
{
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; state < PANDO_PROFILE_STATES; state++)
        if (strcmp(name, names[state]) == 0)
            return (enum pando_profile_state)state;
    return PANDO_PROFILE_NO_STATE;
}

enum pando_profile_state pando_profile_frame_state(const struct pando_profile *profile, uint32_t frame)
{
    const struct pando_profile_frame *at = &profile->frames[frame];
    if (strcmp(profile->strings[at->object], PANDO_PROFILE_STATE_OBJECT) != 0)
        return PANDO_PROFILE_NO_STATE;
    return pando_profile_state_of_counter(profile->strings[at->name]);
}

int64_t pando_profile_builder_state(struct pando_profile_builder *builder, enum pando_profile_state state)
{
    const char *name = names[state];
    int64_t string = pando_profile_builder_string(builder, name, strlen(name));
    int64_t object = pando_profile_builder_string(builder, PANDO_PROFILE_STATE_OBJECT, sizeof PANDO_PROFILE_STATE_OBJECT - 1);
    if (string < 0 || object < 0)
        return string < 0 ? string : object;
    return pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = (uint32_t)string, .object = (uint32_t)object});
}

bool pando_profile_state_totals(const struct pando_profile *profile, uint64_t totals[PANDO_PROFILE_STATES])
{
    bool any = false;
    memset(totals, 0, PANDO_PROFILE_STATES * sizeof totals[0]);
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        if (node->self == 0)
            continue;
        enum pando_profile_state state = pando_profile_frame_state(profile, node->frame);
        uint64_t *total = &totals[state];
        *total = *total > UINT64_MAX - node->self ? UINT64_MAX : *total + node->self;
        any = any || state != PANDO_PROFILE_NO_STATE;
    }
    return any;
}

bool pando_profile_view_parse(const char *text, unsigned *ret_view)
{
    *ret_view = PANDO_VIEW_DEFAULT;
    if (text == NULL || text[0] == '\0')
        return true;
    if (strcmp(text, "all") == 0) {
        *ret_view = PANDO_VIEW_WALL;
        return true;
    }
    for (size_t len; ; text += len + 1) {
        unsigned state = 0;
        len = strcspn(text, ",");
        while (state < PANDO_PROFILE_STATES && (strlen(names[state]) != len || strncmp(names[state], text, len) != 0))
            state++;
        if (state == PANDO_PROFILE_STATES)
            return false;
        *ret_view |= 1u << state;
        if (text[len] == '\0')
            return true;
    }
}

unsigned pando_profile_view_settle(unsigned view, const uint64_t totals[PANDO_PROFILE_STATES])
{
    if (view != PANDO_VIEW_DEFAULT)
        return view;
    bool has_wall_time = false;
    for (unsigned state = PANDO_PROFILE_NO_STATE + 1; state < PANDO_PROFILE_STATES; state++)
        has_wall_time = has_wall_time || totals[state] != 0;
    return totals[PANDO_PROFILE_NO_STATE] != 0 || !has_wall_time ? PANDO_VIEW_CPU : PANDO_VIEW_WALL;
}

int pando_profile_view(struct pando_profile *profile, unsigned view, struct pando_profile **ret_shown)
{
    uint64_t totals[PANDO_PROFILE_STATES];
    bool has_states = pando_profile_state_totals(profile, totals);
    if (view == PANDO_VIEW_DEFAULT && !has_states)
        return pando_profile_select(profile, NULL, ret_shown);
    *ret_shown = profile;
    view = pando_profile_view_settle(view, totals);
    uint8_t *fates = malloc((size_t)profile->node_count + 1);
    if (fates == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < profile->node_count; i++) {
        uint32_t frame = profile->nodes[i].frame;
        enum pando_profile_state state = pando_profile_frame_state(profile, frame);
        bool is_function = state == PANDO_PROFILE_NO_STATE && !pando_profile_frame_is_slice(profile, frame);
        fates[i] = (uint8_t)((is_function ? PANDO_FATE_FRAME : 0) | ((view >> state & 1) != 0 ? PANDO_FATE_WEIGHT : 0));
    }
    int error = pando_profile_rebuild(profile, fates, false, ret_shown);
    free(fates);
    return error;
}
