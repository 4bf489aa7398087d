/* Why: debugInfo of a received body: for reading only, so nothing in it but broken JSON makes a profile refused.
 * Context: worker and own processes; one thread. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "base/error.h"
#include "profile/codeguru_decode.h"

/* "2023-11-14T22:13:20.000Z" */
static bool parse_stamp(const char *text, uint64_t *ret_wall_ms)
{
    static const struct {
        char before;
        uint16_t max;
    } parts[] = {{0, 9999}, {'-', 12}, {'-', 31}, {'T', 23}, {':', 59}, {':', 60}, {'.', 999}};
    struct pando_cursor cursor = pando_cursor_of_text(text);
    uint64_t values[7];
    for (size_t i = 0; i < 7; i++)
        if ((parts[i].before != 0 && pando_cursor_skip_char(&cursor, parts[i].before) != 0) ||
            pando_cursor_decimal(&cursor, parts[i].max, &values[i]) != 0)
            return false;
    struct tm utc = {.tm_year = (int)values[0] - 1900, .tm_mon = (int)values[1] - 1, .tm_mday = (int)values[2],
                     .tm_hour = (int)values[3], .tm_min = (int)values[4], .tm_sec = (int)values[5]};
    time_t seconds = timegm(&utc);
    if (seconds < 0 || pando_cursor_skip_char(&cursor, 'Z') != 0 || !pando_cursor_at_end(&cursor))
        return false;
    *ret_wall_ms = (uint64_t)seconds * 1000 + values[6];
    return true;
}

static uint64_t whole_value(const struct pando_json_number *number)
{
    if (number->is_whole)
        return number->is_negative ? 0 : number->whole;
    return number->value >= 1 && number->value < 18446744073709549568.0 ? (uint64_t)(number->value + 0.5) : 0;
}

/* Counters, of Pando's own only: another agent's generic metrics are timings in seconds, and its errors are its affair. */
static int read_counters(struct pando_codeguru_decode *decode, enum pando_json_token token)
{
    struct pando_json_reader *reader = &decode->reader;
    if (token != PANDO_JSON_OBJECT || !decode->from_pando)
        return pando_json_skip(reader, token) ? 0 : pando_codeguru_refuse_member(decode, "debugInfo", "");
    for (;;) {
        token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END)
            return 0;
        if (token != PANDO_JSON_KEY)
            return pando_codeguru_refuse_member(decode, "debugInfo", "");
        char name[PANDO_JSON_TEXT_MAX + 1];
        memcpy(name, reader->text, reader->text_bytes + 1);
        token = pando_json_next(reader);
        if (token != PANDO_JSON_NUMBER) {
            if (!pando_json_skip(reader, token))
                return pando_codeguru_refuse_member(decode, "debugInfo", "");
            continue;
        }
        uint64_t value = whole_value(&reader->number);
        int error = value != 0 ? pando_profile_builder_add_counter(decode->builder, name, value) : 0;
        if (error == PANDO_ERR_NO_MEMORY)
            return pando_codeguru_refuse_memory(decode, error);
    }
}

static int keep_text(struct pando_codeguru_decode *decode, uint32_t *field)
{
    int64_t string = pando_profile_builder_string(decode->builder, decode->reader.text, decode->reader.text_bytes);
    if (string < 0)
        return pando_codeguru_refuse_memory(decode, string);
    *field = (uint32_t)string;
    return 0;
}

int pando_codeguru_decode_debug_info(struct pando_codeguru_decode *decode)
{
    struct pando_json_reader *reader = &decode->reader;
    struct pando_profile_meta *meta = pando_profile_builder_meta(decode->builder);
    pando_json_reader_move(reader, decode->debug_info);
    if (pando_json_next(reader) != PANDO_JSON_OBJECT)
        return pando_codeguru_refuse_member(decode, "debugInfo", "must be an object");
    for (;;) {
        enum pando_json_token token = pando_json_next(reader);
        if (token == PANDO_JSON_OBJECT_END)
            return 0;
        if (token != PANDO_JSON_KEY)
            return pando_codeguru_refuse_member(decode, "debugInfo", "");
        char name[32];
        snprintf(name, sizeof name, "%.31s", reader->text);
        token = pando_json_next(reader);
        int error = 0;
        if (strcmp(name, "errorsCount") == 0 || strcmp(name, "genericMetrics") == 0)
            error = read_counters(decode, token);
        else if (token == PANDO_JSON_NUMBER && strcmp(name, "processId") == 0)
            meta->pid = whole_value(&reader->number) <= UINT32_MAX ? (uint32_t)whole_value(&reader->number) : 0;
        else if (token == PANDO_JSON_STRING && strcmp(name, "agentStartTime") == 0)
            parse_stamp(reader->text, &meta->agent_start_wall_ms);
        else if (token == PANDO_JSON_TIME && strcmp(name, "agentStartTime") == 0)
            meta->agent_start_wall_ms = whole_value(&reader->number);
        else if (token == PANDO_JSON_STRING && strcmp(name, "processName") == 0)
            error = keep_text(decode, &meta->process_name);
        else if (token == PANDO_JSON_STRING && strcmp(name, "hostName") == 0)
            error = keep_text(decode, &meta->host_name);
        else if (!pando_json_skip(reader, token))
            error = pando_codeguru_refuse_member(decode, "debugInfo", "");
        if (error != 0)
            return error;
    }
}
