/* Why: profile/slices.h: what people choose by: threads, and values of labels, each with its weight. Context: as there. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/slices.h"

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static int by_text(const void *a, const void *b)
{
    const struct pando_slice_sum *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : strcmp(x->value, y->value);
}

static int by_weight(const void *a, const void *b)
{
    const struct pando_slice_sum *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    uint64_t of_x = add(x->cpu, x->wall), of_y = add(y->cpu, y->wall);
    return order != 0 ? order : of_x != of_y ? (of_x < of_y ? 1 : -1) : strcmp(x->value, y->value);
}

int pando_profile_slice_sums(const struct pando_slice_list *list, struct pando_slice_sums *ret_sums)
{
    size_t most = list->count, count = 0, joined = 0;
    for (uint32_t i = 0; i < list->count; i++)
        most += list->slices[i].slice.label_count;
    struct pando_slice_sum *sums = malloc((most + 1) * sizeof *sums);
    if (sums == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct pando_slice_weight *from = &list->slices[i];
        sums[count++] = (struct pando_slice_sum){.key = "", .value = from->slice.thread, .cpu = from->cpu, .wall = from->wall};
        for (uint32_t k = 0; k < from->slice.label_count; k++)
            sums[count++] = (struct pando_slice_sum){
                .key = from->slice.labels[k].key, .value = from->slice.labels[k].value, .cpu = from->cpu, .wall = from->wall};
    }
    qsort(sums, count, sizeof *sums, by_text);
    for (size_t i = 0; i < count; i++) {
        if (joined == 0 || by_text(&sums[joined - 1], &sums[i]) != 0) {
            sums[joined++] = sums[i];
            continue;
        }
        sums[joined - 1].cpu = add(sums[joined - 1].cpu, sums[i].cpu);
        sums[joined - 1].wall = add(sums[joined - 1].wall, sums[i].wall);
    }
    qsort(sums, joined, sizeof *sums, by_weight);
    *ret_sums = (struct pando_slice_sums){.sums = sums, .count = (uint32_t)joined};
    return 0;
}

void pando_profile_slice_sums_release(struct pando_slice_sums *sums)
{
    free(sums->sums);
    *sums = (struct pando_slice_sums){0};
}
