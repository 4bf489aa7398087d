/* Why: profile/slices.h: profiles without slices, or with the wished ones' weight only, and the list of them. Context: as there. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/rebuild.h"
#include "profile/twins.h"
#include "profile/slices.h"
#include "profile/states.h"

static bool has_slices(const struct pando_profile *profile)
{
    for (uint32_t i = 0; i < profile->frame_count; i++)
        if (pando_profile_frame_is_slice(profile, i))
            return true;
    return false;
}

/* By frame: whether it is a slice (FRAME not set), and whether its weight is wished. */
static void judge_frames(const struct pando_profile *profile, const struct pando_slice_wish *wish, uint8_t *verdicts)
{
    bool is_any = wish == NULL || (wish->thread_count == 0 && wish->label_count == 0);
    struct pando_slice slice;
    for (uint32_t i = 0; i < profile->frame_count; i++) {
        verdicts[i] = PANDO_FATE_FRAME | PANDO_FATE_WEIGHT;
        if (!pando_profile_frame_is_slice(profile, i))
            continue;
        verdicts[i] = is_any ? PANDO_FATE_WEIGHT : 0;
        if (!is_any && pando_slice_parse(profile->strings[profile->frames[i].name], &slice) && pando_slice_is_wished(&slice, wish))
            verdicts[i] = PANDO_FATE_WEIGHT;
    }
}

/* A slice's fate is its own, and that of the states below it; functions have no weight of their own when some slice is wished. */
static void decide(const struct pando_profile *profile, const uint8_t *verdicts, bool is_any, uint8_t *fates)
{
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        fates[i] = verdicts[node->frame];
        if ((fates[i] & PANDO_FATE_FRAME) == 0 || is_any)
            continue;
        uint8_t above = verdicts[profile->nodes[node->parent].frame];
        bool is_in_slice = (above & PANDO_FATE_FRAME) == 0;
        fates[i] = PANDO_FATE_FRAME | (is_in_slice ? above & PANDO_FATE_WEIGHT : 0);
    }
}

int pando_profile_select(struct pando_profile *profile, const struct pando_slice_wish *wish, struct pando_profile **ret_selected)
{
    bool is_any = wish == NULL || (wish->thread_count == 0 && wish->label_count == 0);
    *ret_selected = profile;
    if (is_any && !has_slices(profile) && !pando_profile_has_twins(profile))
        return 0;
    uint8_t *fates = malloc((size_t)profile->node_count + profile->frame_count);
    if (fates == NULL)
        return PANDO_ERR_NO_MEMORY;
    uint8_t *verdicts = fates + profile->node_count;
    judge_frames(profile, wish, verdicts);
    decide(profile, verdicts, is_any, fates);
    int error = pando_profile_rebuild(profile, fates, !is_any, ret_selected);
    free(fates);
    return error;
}

int pando_profile_slice_totals(const struct pando_profile *profile, const struct pando_slice_wish *wish, double factor,
                               uint64_t totals[PANDO_PROFILE_STATES])
{
    bool is_any = wish == NULL || (wish->thread_count == 0 && wish->label_count == 0);
    uint8_t *fates = malloc((size_t)profile->node_count + profile->frame_count);
    if (fates == NULL)
        return PANDO_ERR_NO_MEMORY;
    uint8_t *verdicts = fates + profile->node_count;
    judge_frames(profile, wish, verdicts);
    decide(profile, verdicts, is_any, fates);
    memset(totals, 0, PANDO_PROFILE_STATES * sizeof *totals);
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        uint64_t *total = &totals[pando_profile_frame_state(profile, node->frame)];
        double value = (double)node->self * factor;
        if ((fates[i] & PANDO_FATE_WEIGHT) != 0 && value > 0)
            *total = value < (double)(INT64_MAX - *total) ? *total + (uint64_t)(value + 0.5) : INT64_MAX;
    }
    free(fates);
    return 0;
}

static int heavier_first(const void *a, const void *b)
{
    const struct pando_slice_weight *x = a, *y = b;
    uint64_t of_x = x->cpu > UINT64_MAX - x->wall ? UINT64_MAX : x->cpu + x->wall;
    uint64_t of_y = y->cpu > UINT64_MAX - y->wall ? UINT64_MAX : y->cpu + y->wall;
    if (of_x != of_y)
        return of_x < of_y ? 1 : -1;
    int order = strcmp(x->slice.thread, y->slice.thread);
    return order != 0 ? order : (x->slice.tid > y->slice.tid) - (x->slice.tid < y->slice.tid);
}

static void add(uint64_t *sum, uint64_t value)
{
    *sum = *sum > UINT64_MAX - value ? UINT64_MAX : *sum + value;
}

static void weigh(const struct pando_profile *profile, const uint32_t *numbers, struct pando_slice_list *list)
{
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        bool is_wall = pando_profile_frame_state(profile, node->frame) != PANDO_PROFILE_NO_STATE;
        uint32_t number = numbers[is_wall ? profile->nodes[node->parent].frame : node->frame];
        if (number == UINT32_MAX)
            add(is_wall ? &list->outside_wall : &list->outside_cpu, node->self);
        else
            add(is_wall ? &list->slices[number].wall : &list->slices[number].cpu, node->self);
    }
}

int pando_profile_slice_list(const struct pando_profile *profile, struct pando_slice_list *ret_list)
{
    struct pando_slice_list list = {0};
    uint32_t *numbers = malloc(((size_t)profile->frame_count + 1) * sizeof *numbers);
    if (numbers == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < profile->frame_count; i++)
        numbers[i] = pando_profile_frame_is_slice(profile, i) ? list.count++ : UINT32_MAX;
    list.slices = calloc((size_t)list.count + 1, sizeof *list.slices);
    if (list.slices == NULL) {
        free(numbers);
        return PANDO_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < profile->frame_count; i++)
        if (numbers[i] != UINT32_MAX)
            pando_slice_parse(profile->strings[profile->frames[i].name], &list.slices[numbers[i]].slice);
    weigh(profile, numbers, &list);
    free(numbers);
    qsort(list.slices, list.count, sizeof *list.slices, heavier_first);
    while (list.count != 0 && list.slices[list.count - 1].cpu == 0 && list.slices[list.count - 1].wall == 0)
        list.count--;
    *ret_list = list;
    return 0;
}

void pando_profile_slice_list_release(struct pando_slice_list *list)
{
    free(list->slices);
    *list = (struct pando_slice_list){0};
}
