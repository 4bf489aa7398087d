/* Why: profile/value_writer.h. Context: as there. */
#include "profile/value_writer.h"

#include <string.h>

#include "profile/ion_writer.h"
#include "profile/json_reader.h"
#include "profile/json_writer.h"

int pando_value_failed(const struct pando_value_writer *writer)
{
    return writer->ion != NULL ? pando_ion_writer_failed(writer->ion) : writer->out->failed;
}

/* What comes before a value in JSON: the comma, and the name if it has one. */
static void json_lead(struct pando_buffer *out, const char *name)
{
    if (name != NULL)
        pando_json_key(out, name);
    else if (out->len_bytes != 0 && out->bytes[out->len_bytes - 1] != '[')
        pando_buffer_append_char(out, ',');
}

static void begin(struct pando_value_writer *writer, const char *name, char bracket)
{
    if (writer->ion != NULL) {
        pando_ion_write_name(writer->ion, name);
        pando_ion_write_begin(writer->ion, bracket == '{' ? PANDO_ION_STRUCT : PANDO_ION_LIST);
        return;
    }
    json_lead(writer->out, name);
    pando_buffer_append_char(writer->out, bracket);
}

static void end(struct pando_value_writer *writer, char bracket)
{
    if (writer->ion != NULL)
        pando_ion_write_end(writer->ion);
    else
        pando_buffer_append_char(writer->out, bracket);
}

void pando_value_begin_object(struct pando_value_writer *writer, const char *name)
{
    begin(writer, name, '{');
}

void pando_value_end_object(struct pando_value_writer *writer)
{
    end(writer, '}');
}

void pando_value_begin_list(struct pando_value_writer *writer, const char *name)
{
    begin(writer, name, '[');
}

void pando_value_end_list(struct pando_value_writer *writer)
{
    end(writer, ']');
}

void pando_value_uint(struct pando_value_writer *writer, const char *name, uint64_t value)
{
    if (writer->ion != NULL) {
        pando_ion_write_name(writer->ion, name);
        pando_ion_write_int(writer->ion, value, false);
        return;
    }
    json_lead(writer->out, name);
    pando_json_write_uint(writer->out, value);
}

void pando_value_double(struct pando_value_writer *writer, const char *name, double value)
{
    if (writer->ion != NULL) {
        pando_ion_write_name(writer->ion, name);
        pando_ion_write_float(writer->ion, value);
        return;
    }
    json_lead(writer->out, name);
    pando_json_write_double(writer->out, value);
}

void pando_value_text(struct pando_value_writer *writer, const char *name, const char *text)
{
    if (writer->ion != NULL) {
        pando_ion_write_name(writer->ion, name);
        pando_ion_write_text(writer->ion, text, strlen(text));
        return;
    }
    json_lead(writer->out, name);
    pando_json_write_string(writer->out, text);
}

void pando_value_text_if(struct pando_value_writer *writer, const char *name, const char *text)
{
    if (text[0] != '\0')
        pando_value_text(writer, name, text);
}

static void ion_of_json(struct pando_ion_writer *ion, const char *json)
{
    struct pando_json_reader reader;
    pando_json_reader_init(&reader, json, strlen(json));
    for (;;) {
        enum pando_json_token token = pando_json_next(&reader);
        switch (token) {
        case PANDO_JSON_OBJECT:
        case PANDO_JSON_ARRAY:
            pando_ion_write_begin(ion, token == PANDO_JSON_OBJECT ? PANDO_ION_STRUCT : PANDO_ION_LIST);
            break;
        case PANDO_JSON_OBJECT_END:
        case PANDO_JSON_ARRAY_END:
            pando_ion_write_end(ion);
            break;
        case PANDO_JSON_KEY:
            pando_ion_write_name(ion, reader.text);
            break;
        case PANDO_JSON_STRING:
            pando_ion_write_text(ion, reader.text, reader.text_bytes);
            break;
        case PANDO_JSON_NUMBER:
            if (reader.number.is_whole)
                pando_ion_write_int(ion, reader.number.whole, reader.number.is_negative);
            else
                pando_ion_write_float(ion, reader.number.value);
            break;
        case PANDO_JSON_TRUE:
        case PANDO_JSON_FALSE:
            pando_ion_write_bool(ion, token == PANDO_JSON_TRUE);
            break;
        case PANDO_JSON_NULL:
            pando_ion_write_null(ion);
            break;
        default:
            return;
        }
    }
}

void pando_value_json(struct pando_value_writer *writer, const char *name, const char *json)
{
    if (writer->ion != NULL) {
        pando_ion_write_name(writer->ion, name);
        ion_of_json(writer->ion, json);
        return;
    }
    json_lead(writer->out, name);
    pando_buffer_append_text(writer->out, json);
}
