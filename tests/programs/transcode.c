// link: pando_profile pando_base
/* The CodeGuru body from one notation into the other, any number of them, for the tests with other people's Ion libraries.
 * In: records of 'j' or 'i' (what comes), 'j' or 'i' (what is wanted), 'b' body, 'x' extended body or 'a' aggregate, a byte that is
 * not used, depth (0: all) and length, both of 4 bytes in this machine's order, and the bytes. Out: for each the error (0: none)
 * and a length, both of 4 bytes, and the body or the sentence. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/codeguru_ion.h"

struct record {
    char from, to, form, unused;
    uint32_t depth, len_bytes;
};

static void answer(int error, const void *bytes, size_t len_bytes)
{
    int32_t head[2] = {error, (int32_t)len_bytes};
    fwrite(head, sizeof head, 1, stdout);
    fwrite(bytes, 1, len_bytes, stdout);
    fflush(stdout);
}

static void transcode(const struct record *record, const char *body)
{
    static const struct pando_codeguru_json_limits limits = {
        .body_bytes = 64 << 20, .depth_frames = 10000, .memory_bytes = 256 << 20};
    struct pando_profile *profile = NULL;
    struct pando_buffer out;
    char message[256];
    int error = (record->from == 'i' ? pando_codeguru_ion_decode : pando_codeguru_json_decode)(
        body, record->len_bytes, &limits, &profile, message, sizeof message);
    if (error != 0) {
        answer(error, message, strlen(message));
        return;
    }
    pando_buffer_init(&out, 256 << 20);
    struct pando_codeguru_form form = {.is_ion = record->to == 'i', .is_extended = record->form == 'x',
                                       .is_aggregate = record->form == 'a', .max_depth = record->depth};
    error = pando_codeguru_encode(profile, &form, &out);
    answer(error, out.bytes, out.len_bytes);
    pando_buffer_release(&out);
    pando_profile_free(profile);
}

int main(void)
{
    struct record record;
    while (fread(&record, sizeof record, 1, stdin) == 1) {
        char *body = malloc(record.len_bytes + 1);
        if (body == NULL || fread(body, 1, record.len_bytes, stdin) != record.len_bytes)
            return 1;
        transcode(&record, body);
        free(body);
    }
    return 0;
}
