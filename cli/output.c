/* Why: cli/output.h. Context: own process. */
#include "cli/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/cli.h"
#include "receiver/gzip_body.h"

enum { OUTPUT_MAX_BYTES = 1 << 30 };

bool pando_output_set_format(struct pando_output *output, const char *option, const char *name)
{
    output->has_format = true;
    output->format = pando_export_by_name(name);
    output->kind = output->format != NULL            ? PANDO_OUTPUT_EXPORT
                   : strcmp(name, "json") == 0 ? PANDO_OUTPUT_JSON
                   : strcmp(name, "html") == 0 ? PANDO_OUTPUT_HTML
                                               : PANDO_OUTPUT_TEXT;
    if (output->kind != PANDO_OUTPUT_TEXT || strcmp(name, "text") == 0)
        return true;
    char names[256] = "text, json, html";
    for (const struct pando_export_format *format = pando_export_formats; format->name != NULL; format++) {
        size_t len = strlen(names);
        snprintf(names + len, sizeof names - len, ", %s", format->name);
    }
    pando_cli_complain("%s is one of %s, not \"%s\".", option, names, name);
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

bool pando_output_settle(struct pando_output *output)
{
    if (!output->has_format && output->path != NULL) {
        output->format = pando_export_by_file(output->path);
        output->kind = output->format != NULL              ? PANDO_OUTPUT_EXPORT
                       : ends_with(output->path, ".json") ? PANDO_OUTPUT_JSON
                       : ends_with(output->path, ".html") ? PANDO_OUTPUT_HTML
                                                           : PANDO_OUTPUT_TEXT;
        if (output->kind == PANDO_OUTPUT_TEXT && !ends_with(output->path, ".txt")) {
            pando_cli_complain("the name \"%s\" does not tell the format: give --format too, or end it with .pb.gz, .folded, "
                               ".speedscope.json, .md, .html, .json or .txt.", output->path);
            return false;
        }
    }
    if (output->path == NULL && output->format != NULL && output->format->is_binary && isatty(STDOUT_FILENO)) {
        pando_cli_complain("%s is not for a terminal: give -o FILE.", output->format->name);
        return false;
    }
    return true;
}

FILE *pando_output_open(const struct pando_output *output)
{
    FILE *file = output->path != NULL ? fopen(output->path, "wbe") : stdout;
    if (file == NULL)
        pando_cli_complain("%s cannot be written: %s.", output->path, strerror(errno));
    return file;
}

bool pando_output_close(const struct pando_output *output, FILE *file)
{
    bool is_good = fflush(file) == 0 && !ferror(file);
    int error = errno;
    if (file != stdout && fclose(file) != 0 && is_good) {
        is_good = false;
        error = errno;
    }
    if (!is_good)
        pando_cli_complain("%s cannot be written: %s.", output->path != NULL ? output->path : "the standard output", strerror(error));
    return is_good;
}

int pando_output_export(FILE *file, const struct pando_export_format *format, const struct pando_profile *profile,
                        const struct pando_export_about *about)
{
    struct pando_buffer plain, packed;
    pando_buffer_init(&plain, OUTPUT_MAX_BYTES);
    pando_buffer_init(&packed, OUTPUT_MAX_BYTES);
    int error = format->encode(profile, about, &plain);
    if (error == 0 && format->is_gzip)
        error = pando_gzip_pack(plain.bytes, plain.len_bytes, &packed);
    const struct pando_buffer *result = format->is_gzip ? &packed : &plain;
    if (error == 0 && result->len_bytes != 0 && fwrite(result->bytes, 1, result->len_bytes, file) != result->len_bytes)
        error = PANDO_ERR_IO;
    pando_buffer_release(&plain);
    pando_buffer_release(&packed);
    return error;
}
