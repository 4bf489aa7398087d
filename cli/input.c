/* Why: cli/input.h. Context: own process. */
#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/progress.h"
#include "profile/codeguru_ion.h"
#include "profile/import.h"
#include "receiver/gzip_body.h"
#include "receiver/tree_json.h"

#define SAMPLE_NS 10000000u /* of folded stacks that count samples */

enum {
    FILE_MAX_BYTES = 1 << 30,
    MEMORY_MAX_BYTES = 1 << 30,
    STEP_BYTES = 1 << 16,
    LOOK_BYTES = 4096,
    REASON_BYTES = 512,
};
static const char STORE_MAGIC[16] = "SQLite format 3"; /* with its NUL */

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "the standard input" : path;
}

bool pando_input_is_store(const char *path)
{
    char first[sizeof STORE_MAGIC];
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) /* a pipe can be read only once */
        return false;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return false;
    bool is_store = fread(first, 1, sizeof first, file) == sizeof first && memcmp(first, STORE_MAGIC, sizeof first) == 0;
    fclose(file);
    return is_store;
}

static int read_file(const char *path, struct pando_buffer *out, char *reason)
{
    char step[STEP_BYTES];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    if (file == NULL) {
        snprintf(reason, REASON_BYTES, "%s.", strerror(errno));
        return PANDO_ERR_IO;
    }
    size_t got;
    int error = 0;
    struct stat status;
    uint64_t all_bytes = fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    pando_progress_begin("reading %s", name_of(path));
    while (error == 0 && (got = fread(step, 1, sizeof step, file)) > 0) {
        error = pando_buffer_append(out, step, got);
        pando_progress_count(out->len_bytes, all_bytes);
    }
    if (error == 0 && ferror(file)) {
        snprintf(reason, REASON_BYTES, "%s.", strerror(errno));
        error = PANDO_ERR_IO;
    } else if (error != 0) {
        snprintf(reason, REASON_BYTES, "it is larger than %d MiB.", FILE_MAX_BYTES >> 20);
    } else if (out->len_bytes == 0) {
        snprintf(reason, REASON_BYTES, "it is empty.");
        error = PANDO_ERR_INVALID;
    }
    if (file != stdin)
        fclose(file);
    return error;
}

static int unpack(struct pando_buffer *bytes, char *reason)
{
    struct pando_buffer plain;
    if (bytes->len_bytes < 2 || memcmp(bytes->bytes, "\x1f\x8b", 2) != 0)
        return 0;
    pando_buffer_init(&plain, FILE_MAX_BYTES);
    int error = pando_gzip_unpack(bytes->bytes, bytes->len_bytes, &plain);
    if (error != 0) {
        snprintf(reason, REASON_BYTES, "its gzip cannot be unpacked: %s.", pando_error_text(error));
        pando_buffer_release(&plain);
        return error;
    }
    pando_buffer_release(bytes);
    *bytes = plain;
    if (bytes->len_bytes != 0)
        return 0;
    snprintf(reason, REASON_BYTES, "it is empty.");
    return PANDO_ERR_INVALID;
}

static bool has_control_characters(const char *bytes, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes && i < LOOK_BYTES; i++)
        if ((unsigned char)bytes[i] < 0x20 && strchr("\t\n\r\x1b", bytes[i]) == NULL)
            return true;
    return memchr(bytes, '\0', len_bytes < LOOK_BYTES ? len_bytes : LOOK_BYTES) != NULL;
}

static enum pando_input_kind kind_of(const struct pando_buffer *bytes)
{
    static const char tree[] = "\"callgraph\"";
    size_t blanks = strspn(bytes->bytes, " \t\r\n");
    if (bytes->len_bytes >= 4 && memcmp(bytes->bytes, "\xe0\x01\x00\xea", 4) == 0)
        return PANDO_INPUT_CODEGURU;
    if (bytes->bytes[blanks] == '{' && !has_control_characters(bytes->bytes, bytes->len_bytes))
        return memmem(bytes->bytes, bytes->len_bytes, tree, sizeof tree - 1) != NULL ? PANDO_INPUT_CODEGURU : PANDO_INPUT_REPORT;
    return has_control_characters(bytes->bytes, bytes->len_bytes) ? PANDO_INPUT_PPROF : PANDO_INPUT_FOLDED;
}

/* An agent's body counts in its own sampling intervals. */
static int in_nanoseconds(struct pando_profile *profile, struct pando_profile **ret_profile)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(SIZE_MAX);
    int error = builder != NULL ? pando_profile_builder_merge(builder, profile, 1e9) : PANDO_ERR_NO_MEMORY;
    if (error == 0) {
        struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
        meta->start_wall_ms = profile->meta.start_wall_ms;
        meta->end_wall_ms = profile->meta.end_wall_ms;
        meta->samples = profile->meta.samples;
        meta->cpu_time_s = profile->meta.cpu_time_s;
        meta->overhead_cpu_ms = profile->meta.overhead_cpu_ms;
        meta->weight_per_second = 1e9;
        *ret_profile = pando_profile_builder_finish(builder);
        error = *ret_profile != NULL ? 0 : PANDO_ERR_NO_MEMORY;
    } else {
        pando_profile_builder_free(builder);
    }
    pando_profile_free(profile);
    return error;
}

static int decode_codeguru(const struct pando_buffer *bytes, struct pando_profile **ret_profile, char *reason)
{
    static const struct pando_codeguru_json_limits limits = {
        .body_bytes = FILE_MAX_BYTES, .depth_frames = PANDO_IMPORT_DEPTH_MAX, .memory_bytes = MEMORY_MAX_BYTES};
    struct pando_profile *profile;
    bool is_ion = (unsigned char)bytes->bytes[0] == 0xe0;
    int error = (is_ion ? pando_codeguru_ion_decode : pando_codeguru_json_decode)(bytes->bytes, bytes->len_bytes, &limits, &profile,
                                                                                reason, REASON_BYTES);
    if (error == 0 && (error = in_nanoseconds(profile, ret_profile)) != 0)
        snprintf(reason, REASON_BYTES, "%s.", pando_error_text(error));
    return error;
}

static int decode(const struct pando_buffer *bytes, enum pando_input_kind kind, const struct pando_import *import,
                  struct pando_profile **ret_profile, uint64_t *ret_profile_count)
{
    *ret_profile_count = 1;
    switch (kind) {
    case PANDO_INPUT_CODEGURU:
        return decode_codeguru(bytes, ret_profile, import->message);
    case PANDO_INPUT_REPORT:
        return pando_tree_json_decode(bytes->bytes, bytes->len_bytes, ret_profile, ret_profile_count, import->message, import->message_bytes);
    case PANDO_INPUT_PPROF:
        return pando_pprof_decode(bytes->bytes, bytes->len_bytes, import, ret_profile);
    default:
        return pando_folded_decode(bytes->bytes, bytes->len_bytes, import, ret_profile);
    }
}

int pando_input_read(const char *path, uint64_t ns_per_count, struct pando_profile **ret_profile, enum pando_input_kind *ret_kind,
                     uint64_t *ret_profile_count, char *message, size_t message_bytes)
{
    char reason[REASON_BYTES] = "";
    struct pando_buffer bytes;
    const struct pando_import import = {.memory_bytes = MEMORY_MAX_BYTES, .ns_per_count = ns_per_count,
                                        .counts_are_samples = ns_per_count == SAMPLE_NS, .message = reason,
                                        .message_bytes = sizeof reason};
    pando_buffer_init(&bytes, FILE_MAX_BYTES);
    int error = read_file(path, &bytes, reason);
    pando_progress_begin("understanding %s", name_of(path));
    if (error == 0)
        error = unpack(&bytes, reason);
    if (error == 0) {
        *ret_kind = kind_of(&bytes);
        error = decode(&bytes, *ret_kind, &import, ret_profile, ret_profile_count);
    }
    pando_progress_end();
    pando_buffer_release(&bytes);
    if (error != 0)
        snprintf(message, message_bytes, "%.1000s cannot be read: %s", name_of(path), reason);
    return error;
}

bool pando_input_read_unit(const struct pando_cli_values *values, size_t option, uint64_t *ret_ns_per_count)
{
    const char *text = values->text[option];
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"samples", SAMPLE_NS}, {"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text != NULL && strcmp(text, units[i].name) == 0) {
            *ret_ns_per_count = units[i].ns;
            return true;
        }
    }
    if (text != NULL)
        pando_cli_complain("%s is ns, us, ms, s or samples (10 ms each), not \"%s\".", pando_cli_name_of(values, option), text);
    return text == NULL;
}
