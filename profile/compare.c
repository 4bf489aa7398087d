/* Why: profile/compare.h. Context: as there. */
#include "profile/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/weights.h"

/* The sides as trees of names: frames of both have the same numbers, and no object, file or line. */
struct named {
    struct pando_profile *profile;
    struct pando_weights weights;
};

/* "[object+0x12]" becomes "[object]": the offset is of one build. */
static size_t name_bytes(const char *name)
{
    size_t len = strlen(name);
    const char *plus = name[0] == '[' && len != 0 && name[len - 1] == ']' ? strstr(name, "+0x") : NULL;
    return plus != NULL ? (size_t)(plus - name) : len;
}

static int64_t named_frame(struct pando_profile_builder *builder, const char *name)
{
    char cut[512];
    size_t len = name_bytes(name);
    if (len != strlen(name) && len < sizeof cut - 1) {
        memcpy(cut, name, len);
        cut[len++] = ']';
        name = cut;
    } else {
        len = strlen(name);
    }
    if (len == 0) {
        name = "[unknown]";
        len = strlen(name);
    }
    int64_t string = pando_profile_builder_string(builder, name, len);
    return string < 0 ? string : pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = (uint32_t)string});
}

/* All the names of a profile, as frames in a builder; what becomes of each number. */
static int map_frames(struct pando_profile_builder *builder, const struct pando_profile *profile, uint32_t *frame_map)
{
    for (uint32_t i = 0; i < profile->frame_count; i++) {
        int64_t frame = i == 0 ? 0 : named_frame(builder, profile->strings[profile->frames[i].name]);
        if (frame < 0)
            return (int)frame;
        frame_map[i] = (uint32_t)frame;
    }
    return 0;
}

static int map_nodes(struct pando_profile_builder *builder, const struct pando_profile *profile, const uint32_t *frame_map,
                     uint32_t *node_map)
{
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        int64_t number = i == 0 ? 0 : pando_profile_builder_child(builder, node_map[node->parent], frame_map[node->frame]);
        if (number < 0)
            return (int)number;
        node_map[i] = (uint32_t)number;
        pando_profile_builder_add_self(builder, node_map[i], node->self);
    }
    return 0;
}

/* The tree of `of` by names. `first` and then `second` are numbered, in both calls: so the numbers are the same in both. */
static int make_named(const struct pando_profile *first, const struct pando_profile *second, const struct pando_profile *of,
                      struct named *named)
{
    size_t map_size = (size_t)first->frame_count + second->frame_count + of->node_count;
    uint32_t *maps = malloc(map_size * sizeof *maps);
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    int error = maps == NULL || builder == NULL ? PANDO_ERR_NO_MEMORY : map_frames(builder, first, maps);
    if (error == 0)
        error = map_frames(builder, second, maps + first->frame_count);
    if (error == 0)
        error = map_nodes(builder, of, of == first ? maps : maps + first->frame_count, maps + first->frame_count + second->frame_count);
    free(maps);
    if (error != 0) {
        pando_profile_builder_free(builder);
        return error;
    }
    named->profile = pando_profile_builder_finish(builder);
    return named->profile != NULL ? pando_weights_make(named->profile, &named->weights) : PANDO_ERR_NO_MEMORY;
}

static void release_named(struct named *named)
{
    pando_weights_release(&named->weights);
    pando_profile_free(named->profile);
}

double pando_compare_noise_of(double percent, double samples)
{
    double p = percent / 100;
    return samples > 0 && p > 0 && p < 1 ? 100 * PANDO_COMPARE_SIGMAS * sqrt(p * (1 - p) / samples) : 0;
}

static struct pando_compare_share share_of(const struct pando_compare *compare, uint64_t a, uint64_t b)
{
    struct pando_compare_share share = {
        .a = compare->total_a != 0 ? 100 * (double)a / (double)compare->total_a : 0,
        .b = compare->total_b != 0 ? 100 * (double)b / (double)compare->total_b : 0};
    double n_a = compare->samples_a, n_b = compare->samples_b;
    if (n_a <= 0 || n_b <= 0)
        return share;
    /* As if both were of one kind: what a difference would be that is none. */
    double p = (share.a * n_a + share.b * n_b) / (n_a + n_b) / 100;
    double variance = p * (1 - p) * (1 / n_a + 1 / n_b);
    share.noise = variance > 0 ? 100 * PANDO_COMPARE_SIGMAS * sqrt(variance) : 0;
    share.is_change = fabs(share.b - share.a) > share.noise;
    return share;
}

static double change(const struct pando_compare_share *share)
{
    return share->is_change ? fabs(share->b - share->a) : 0;
}

static int by_change(const void *left, const void *right)
{
    const struct pando_compare_row *a = left, *b = right;
    const double keys[][2] = {{change(&a->self), change(&b->self)}, {change(&a->total), change(&b->total)},
                              {a->self.a + a->self.b, b->self.a + b->self.b}, {a->total.a + a->total.b, b->total.a + b->total.b}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] > keys[i][1] ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int fill_rows(struct pando_compare *compare, const struct named *a, const struct named *b)
{
    uint32_t frames = a->profile->frame_count;
    compare->rows = calloc((size_t)frames + 1, sizeof *compare->rows);
    if (compare->rows == NULL)
        return PANDO_ERR_NO_MEMORY;
    for (uint32_t i = 1; i < frames; i++) {
        if (a->weights.frame_total[i] == 0 && b->weights.frame_total[i] == 0)
            continue;
        struct pando_compare_row *row = &compare->rows[compare->count++];
        row->name = a->profile->strings[a->profile->frames[i].name];
        row->self = share_of(compare, a->weights.frame_self[i], b->weights.frame_self[i]);
        row->total = share_of(compare, a->weights.frame_total[i], b->weights.frame_total[i]);
    }
    if (compare->count != 0)
        qsort(compare->rows, compare->count, sizeof *compare->rows, by_change);
    return 0;
}

int pando_compare_make(const struct pando_compare_side *a, const struct pando_compare_side *b, struct pando_compare *ret_compare)
{
    struct named named_a = {0}, named_b = {0};
    *ret_compare = (struct pando_compare){0};
    int error = make_named(a->profile, b->profile, a->profile, &named_a);
    if (error == 0)
        error = make_named(a->profile, b->profile, b->profile, &named_b);
    if (error == 0) {
        ret_compare->total_a = named_a.weights.total;
        ret_compare->total_b = named_b.weights.total;
        ret_compare->samples_a = (double)named_a.weights.total / a->ns_per_sample;
        ret_compare->samples_b = (double)named_b.weights.total / b->ns_per_sample;
        error = fill_rows(ret_compare, &named_a, &named_b);
    }
    if (error == 0) {
        ret_compare->names = named_a.profile;
        named_a.profile = NULL;
    }
    release_named(&named_a);
    release_named(&named_b);
    return error;
}

void pando_compare_release(struct pando_compare *compare)
{
    free(compare->rows);
    pando_profile_free(compare->names);
    *compare = (struct pando_compare){0};
}
