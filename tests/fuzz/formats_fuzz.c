// link: pando_profile pando_base
/* Why: soak test of what reads other people's profiles: whatever comes is read or refused with a sentence, within the limits; and
 * what was read can be written and read again.
 * Usage: formats_fuzz ROUNDS SEED FILE...: reads each FILE as it is, then damaged ROUNDS times. The first byte of the input chooses the reader,
 * as in tests/fuzz/corpus/formats. With -DPANDO_LIBFUZZER it is a target of libFuzzer. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_main.h"
#include "profile/codeguru_ion.h"
#include "profile/export.h"
#include "profile/import.h"

static const struct pando_codeguru_json_limits limits = {
    .body_bytes = INPUT_MAX_BYTES, .depth_frames = 1000, .memory_bytes = 16 << 20};

static void write_and_read_again(const struct pando_profile *profile, int is_ion)
{
    struct pando_buffer out;
    struct pando_profile *again = NULL;
    char message[256];
    const struct pando_codeguru_json_limits wide = {.body_bytes = SIZE_MAX / 2, .depth_frames = 1000, .memory_bytes = 64 << 20};
    pando_buffer_init(&out, 256 << 20);
    const struct pando_codeguru_form form = {.is_ion = is_ion != 0, .is_extended = true};
    require(pando_codeguru_encode(profile, &form, &out) == 0, "what was read cannot be written");
    int error = (is_ion ? pando_codeguru_ion_decode : pando_codeguru_json_decode)(out.bytes, out.len_bytes, &wide, &again, message,
                                                                                sizeof message);
    require(error == 0, error == 0 ? "" : message);
    require(again->node_count <= profile->node_count, "there is more than was written");
    pando_profile_free(again);
    pando_buffer_release(&out);
}

static void read_codeguru(const char *bytes, size_t len_bytes, int is_ion)
{
    struct pando_profile *profile = NULL;
    char message[256];
    int error = (is_ion ? pando_codeguru_ion_decode : pando_codeguru_json_decode)(bytes, len_bytes, &limits, &profile, message,
                                                                                sizeof message);
    require(error == 0 || message[0] != '\0', "refused without a word");
    if (error != 0)
        return;
    write_and_read_again(profile, is_ion);
    write_and_read_again(profile, !is_ion);
    pando_profile_free(profile);
}

static uint64_t total_of(const struct pando_profile *profile)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < profile->node_count; i++)
        total = total > UINT64_MAX - profile->nodes[i].self ? UINT64_MAX : total + profile->nodes[i].self;
    return total;
}

/* Other tools' forms, and all that is written of them. */
static void read_import(const char *bytes, size_t len_bytes, int is_pprof)
{
    struct pando_profile *profile = NULL, *again = NULL;
    char message[512] = "";
    const struct pando_import import = {.memory_bytes = 16 << 20, .ns_per_count = 1000, .message = message, .message_bytes = sizeof message};
    int error = (is_pprof ? pando_pprof_decode : pando_folded_decode)(bytes, len_bytes, &import, &profile);
    require(error == 0 || message[0] != '\0', "refused without a word");
    if (error != 0)
        return;
    const struct pando_export_about about = {.title = "fuzz", .ns_per_sample = pando_export_ns_per_sample(profile)};
    for (const struct pando_export_format *format = pando_export_formats; format->name != NULL; format++) {
        struct pando_buffer out;
        pando_buffer_init(&out, 256 << 20);
        require(format->encode(profile, &about, &out) == 0, "what was read cannot be written");
        const struct pando_import wide = {.memory_bytes = 256 << 20, .ns_per_count = 1, .message = message, .message_bytes = sizeof message};
        if (strcmp(format->name, "pprof") == 0) {
            error = pando_pprof_decode(out.bytes, out.len_bytes, &wide, &again);
            require(error == 0, error == 0 ? "" : message);
            require(total_of(again) <= total_of(profile), "there is more than was written");
            pando_profile_free(again);
        }
        pando_buffer_release(&out);
    }
    pando_profile_free(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    if (len_bytes == 0 || len_bytes > INPUT_MAX_BYTES)
        return 0;
    /* A copy of its own size, so that a sanitizer sees what is read behind it. */
    char *own = malloc(len_bytes);
    require(own != NULL, "no memory");
    memcpy(own, bytes + 1, len_bytes - 1);
    char *exact = len_bytes > 1 ? realloc(own, len_bytes - 1) : own;
    if (bytes[0] == 'i' || bytes[0] == 'j')
        read_codeguru(exact, len_bytes - 1, bytes[0] == 'i');
    else if (bytes[0] == 'p' || bytes[0] == 'f')
        read_import(exact, len_bytes - 1, bytes[0] == 'p');
    free(exact);
    return 0;
}
