/* Why: cli/doctor.h: how findings are told, to a person or as JSON. Context: own process. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/terminal_text.h"

enum { SENTENCE_BYTES = 8192, FILE_BYTES_MAX = 16 << 20, ABOUT_WIDTH = 9 };

static const char *const levels[] = {"ok", "note", "problem"};

void pando_doctor_begin(struct pando_doctor *doctor, FILE *out, bool as_json)
{
    *doctor = (struct pando_doctor){.out = out, .as_json = as_json, .root = json_pack("{s:[]}", "findings")};
}

json_t *pando_doctor_text(const char *text)
{
    if (text == NULL)
        return json_null();
    json_t *string = json_string(text);
    if (string != NULL)
        return string;
    char *copy = strdup(text);
    for (char *at = copy; at != NULL && *at != '\0'; at++)
        *at = (unsigned char)*at < 0x80 ? *at : '?';
    string = json_string(copy);
    free(copy);
    return string;
}

void pando_doctor_say(struct pando_doctor *doctor, enum pando_doctor_level level, const char *about, const char *format, ...)
{
    char raw[SENTENCE_BYTES], text[SENTENCE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    pando_terminal_text(raw, text, sizeof text);
    doctor->has_problem |= level == PANDO_DOCTOR_PROBLEM;
    if (!doctor->as_json)
        fprintf(doctor->out, "%-8s %-*s %s\n", levels[level], ABOUT_WIDTH, about, text);
    json_array_append_new(json_object_get(doctor->root, "findings"),
                          json_pack("{s:s, s:s, s:o}", "level", levels[level], "about", about, "text", pando_doctor_text(text)));
}

void pando_doctor_add(struct pando_doctor *doctor, const char *list, json_t *item)
{
    if (json_object_get(doctor->root, list) == NULL)
        json_object_set_new(doctor->root, list, json_array());
    json_array_append_new(json_object_get(doctor->root, list), item);
}

int pando_doctor_end(struct pando_doctor *doctor)
{
    if (doctor->as_json) {
        json_object_set_new(doctor->root, "canBeProfiled", json_boolean(!doctor->has_problem));
        json_dumpf(doctor->root, doctor->out, JSON_INDENT(1));
        fputc('\n', doctor->out);
    }
    json_decref(doctor->root);
    return doctor->has_problem ? PANDO_EXIT_FAILED : PANDO_EXIT_OK;
}

char *pando_doctor_read_file(const char *path, size_t *ret_len)
{
    struct pando_buffer buffer;
    char piece[16384];
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    pando_buffer_init(&buffer, FILE_BYTES_MAX);
    pando_buffer_append_text(&buffer, "");
    while ((got = read(fd, piece, sizeof piece)) > 0)
        pando_buffer_append(&buffer, piece, (size_t)got);
    close(fd);
    if (got == 0 && buffer.failed == 0)
        return pando_buffer_detach(&buffer, ret_len);
    pando_buffer_release(&buffer);
    return NULL;
}
