/* Why: profile/stacks.h. Context: as there. */
#include "profile/stacks.h"

#include <stdlib.h>

#include "base/error.h"
#include "profile/slices.h"

enum { KIND_SLICE = PANDO_PROFILE_STATES }; /* below it: the states; NO_STATE is a function */

int pando_stacks_make(const struct pando_profile *profile, unsigned view, struct pando_stacks *stacks)
{
    *stacks = (struct pando_stacks){.profile = profile, .kinds = malloc((size_t)profile->frame_count + 1)};
    if (stacks->kinds == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < profile->frame_count; i++)
        stacks->kinds[i] = pando_profile_frame_is_slice(profile, i) ? (uint8_t)KIND_SLICE
                                                                    : (uint8_t)pando_profile_frame_state(profile, i);
    uint64_t totals[PANDO_PROFILE_STATES];
    pando_profile_state_totals(profile, totals);
    stacks->view = pando_profile_view_settle(view, totals);
    struct pando_stack stack;
    for (uint32_t cursor = 0; pando_stacks_next(stacks, &cursor, &stack);)
        stacks->total += stack.weight;
    return 0;
}

void pando_stacks_release(struct pando_stacks *stacks)
{
    free(stacks->kinds);
    *stacks = (struct pando_stacks){0};
}

bool pando_stacks_next(const struct pando_stacks *stacks, uint32_t *cursor, struct pando_stack *ret_stack)
{
    const struct pando_profile *profile = stacks->profile;
    while (*cursor < profile->node_count) {
        uint32_t at = (*cursor)++;
        struct pando_stack stack = {.node = at, .weight = profile->nodes[at].self};
        uint8_t kind = stacks->kinds[profile->nodes[at].frame];
        if (stack.weight == 0)
            continue;
        for (; kind != PANDO_PROFILE_NO_STATE; kind = stacks->kinds[profile->nodes[stack.node].frame]) {
            if (kind == KIND_SLICE)
                stack.slice = profile->nodes[stack.node].frame;
            else
                stack.state = (enum pando_profile_state)kind;
            stack.node = profile->nodes[stack.node].parent;
        }
        if ((stacks->view >> stack.state & 1) == 0)
            continue;
        *ret_stack = stack;
        return true;
    }
    return false;
}
