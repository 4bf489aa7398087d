// link: pando_profile pando_base
/* Why: soak test of the body that a receiver is sent: whatever it says, it is refused in a sentence or becomes a profile whose views,
 * lists and encodings hold together. Run by hand or by a fuzzer.
 * Usage: codeguru_json_fuzz FILE [ROUNDS [SEED]]: damages FILE ROUNDS times (0: as it is) and reads it each time. With
 * -DPANDO_LIBFUZZER it is a target of libFuzzer; tests/data/bodies is a corpus to begin with. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/codeguru_json.h"
#include "profile/slices.h"
#include "profile/states.h"

enum { BODY_BYTES = 1 << 20, MEMORY_BYTES = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

static const struct pando_codeguru_json_limits limits = {
    .body_bytes = BODY_BYTES, .depth_frames = 1000, .memory_bytes = MEMORY_BYTES};

static void demand(int condition)
{
    if (!condition)
        abort();
}

/* Up to the largest number, which sums stay at: then they cannot be compared. */
static uint64_t weight(const struct pando_profile *profile, int *ret_is_exact)
{
    uint64_t sum = 0;
    *ret_is_exact = 1;
    for (uint32_t i = 0; i < profile->node_count; i++) {
        demand(i == 0 || profile->nodes[i].parent < i);
        *ret_is_exact = *ret_is_exact && profile->nodes[i].self < UINT64_MAX / 4 && sum < UINT64_MAX / 4;
        sum += profile->nodes[i].self;
    }
    return sum;
}

static void check_views(struct pando_profile *profile)
{
    struct pando_profile *selected, *shown;
    struct pando_slice_list list;
    struct pando_slice_sums sums;
    int is_exact, is_too;
    uint64_t whole = weight(profile, &is_exact), in_list = 0;
    demand(pando_profile_slice_list(profile, &list) == 0 && pando_profile_slice_sums(&list, &sums) == 0);
    for (uint32_t i = 0; i < list.count; i++)
        in_list += list.slices[i].cpu + list.slices[i].wall;
    demand(!is_exact || in_list + list.outside_cpu + list.outside_wall == whole);
    pando_profile_slice_sums_release(&sums);
    pando_profile_slice_list_release(&list);
    demand(pando_profile_select(profile, NULL, &selected) == 0);
    demand(weight(selected, &is_too) == whole || !is_exact);
    demand(pando_profile_view(selected, PANDO_VIEW_DEFAULT, &shown) == 0);
    if (shown != selected)
        pando_profile_free(shown);
    if (selected != profile)
        pando_profile_free(selected);
}

/* What is written is read, and weighs the same. */
static void check_encoding(const struct pando_profile *profile, int (*encode)(const struct pando_profile *, struct pando_buffer *))
{
    struct pando_buffer out;
    struct pando_profile *again;
    char message[256];
    int is_exact, is_too;
    pando_buffer_init(&out, 16 << 20);
    if (encode(profile, &out) != 0)
        return;
    const struct pando_codeguru_json_limits wide = {.body_bytes = 16 << 20, .depth_frames = 1000, .memory_bytes = 64 << 20};
    demand(pando_codeguru_json_decode(out.bytes, out.len_bytes, &wide, &again, message, sizeof message) == 0);
    uint64_t whole = weight(profile, &is_exact);
    demand(weight(again, &is_too) == whole || !is_exact);
    pando_profile_free(again);
    pando_buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    struct pando_profile *profile;
    char message[256] = "";
    char *own = malloc(len_bytes + 1);
    if (own == NULL)
        return 0;
    memcpy(own, bytes, len_bytes);
    int error = pando_codeguru_json_decode(own, len_bytes, &limits, &profile, message, sizeof message);
    demand(error == 0 || message[0] != '\0');
    if (error == 0) {
        check_views(profile);
        check_encoding(profile, pando_codeguru_json_encode);
        check_encoding(profile, pando_codeguru_json_encode_extended);
        pando_profile_free(profile);
    }
    free(own);
    return 0;
}

#ifndef PANDO_LIBFUZZER
static void damage(uint8_t *bytes, size_t len_bytes)
{
    for (int i = rand() % 8; i >= 0 && len_bytes != 0; i--) {
        size_t at = (size_t)rand() % len_bytes, from = (size_t)rand() % len_bytes, count = (size_t)rand() % 40;
        if (rand() % 3 == 0)
            bytes[at] = (uint8_t)"{}[]\":,0129-.\\e"[rand() % 15];
        else if (rand() % 2 == 0)
            bytes[at] ^= (uint8_t)(1 << rand() % 8);
        else if (at + count <= len_bytes && from + count <= len_bytes)
            memmove(bytes + at, bytes + from, count);
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[BODY_BYTES], damaged[BODY_BYTES];
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: codeguru_json_fuzz FILE [ROUNDS [SEED]]\n");
        return 2;
    }
    size_t len_bytes = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    int rounds = argc > 2 ? atoi(argv[2]) : 0;
    srand(argc > 3 ? (unsigned)atoi(argv[3]) : 1);
    LLVMFuzzerTestOneInput(bytes, len_bytes);
    for (int i = 0; i < rounds; i++) {
        memcpy(damaged, bytes, len_bytes);
        damage(damaged, len_bytes);
        LLVMFuzzerTestOneInput(damaged, len_bytes - (rand() % 4 == 0 ? (size_t)rand() % (len_bytes + 1) : 0));
    }
    return 0;
}
#endif
