// link: pando_profile pando_base
/* Why: soak test of the body that a receiver is sent: whatever it says, it is refused in a sentence or becomes a profile whose views,
 * lists and encodings, of slices too, hold together. tests/fuzz/fuzz_main.h has the usage; the first byte is not looked at. */
#include "fuzz_main.h"

#include "profile/codeguru_json.h"
#include "profile/slices.h"
#include "profile/states.h"

enum { BODY_BYTES = 1 << 20, MEMORY_BYTES = 8 << 20 };

static const struct pando_codeguru_json_limits limits = {
    .body_bytes = BODY_BYTES, .depth_frames = 1000, .memory_bytes = MEMORY_BYTES};

/* Up to the largest number, which sums stay at: then they cannot be compared. */
static uint64_t weight(const struct pando_profile *profile, int *ret_is_exact)
{
    uint64_t sum = 0;
    *ret_is_exact = 1;
    for (uint32_t i = 0; i < profile->node_count; i++) {
        require(i == 0 || profile->nodes[i].parent < i, "it does not hold together");
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
    require(pando_profile_slice_list(profile, &list) == 0 && pando_profile_slice_sums(&list, &sums) == 0, "it does not hold together");
    for (uint32_t i = 0; i < list.count; i++)
        in_list += list.slices[i].cpu + list.slices[i].wall;
    require(!is_exact || in_list + list.outside_cpu + list.outside_wall == whole, "it does not hold together");
    pando_profile_slice_sums_release(&sums);
    pando_profile_slice_list_release(&list);
    require(pando_profile_select(profile, NULL, &selected) == 0, "it does not hold together");
    require(weight(selected, &is_too) == whole || !is_exact, "it does not hold together");
    require(pando_profile_view(selected, PANDO_VIEW_DEFAULT, &shown) == 0, "it does not hold together");
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
    require(pando_codeguru_json_decode(out.bytes, out.len_bytes, &wide, &again, message, sizeof message) == 0, "it does not hold together");
    uint64_t whole = weight(profile, &is_exact);
    require(weight(again, &is_too) == whole || !is_exact, "it does not hold together");
    pando_profile_free(again);
    pando_buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    struct pando_profile *profile;
    char message[256] = "";
    if (len_bytes == 0)
        return 0;
    char *own = malloc(len_bytes--); /* to the byte: a sanitizer sees a read behind the end */
    if (own == NULL)
        return 0;
    memcpy(own, bytes + 1, len_bytes);
    int error = pando_codeguru_json_decode(own, len_bytes, &limits, &profile, message, sizeof message);
    require(error == 0 || message[0] != '\0', "refused without a word");
    if (error == 0) {
        check_views(profile);
        check_encoding(profile, pando_codeguru_json_encode);
        check_encoding(profile, pando_codeguru_json_encode_extended);
        pando_profile_free(profile);
    }
    free(own);
    return 0;
}
