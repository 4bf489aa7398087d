/* Why: profile/json_reader.h. Context: worker and own processes; one thread. */
#include "profile/json_reader.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/ion_reader.h"
#include "profile/utf8.h"

enum { NUMBER_MAX_BYTES = 400 };

enum pando_json_token pando_json_fail(struct pando_json_reader *reader, int error, const char *problem)
{
    if (reader->error == 0) {
        reader->error = error;
        reader->problem = problem;
    }
    return PANDO_JSON_ERROR;
}

static enum pando_json_token bad(struct pando_json_reader *reader, const char *problem)
{
    return pando_json_fail(reader, PANDO_ERR_SYNTAX, problem);
}

void pando_json_reader_init(struct pando_json_reader *reader, const char *bytes, size_t len_bytes)
{
    /* Not the whole of it: the depth bits and the text are written before they are read. */
    reader->end = bytes + len_bytes;
    reader->ion = NULL;
    pando_json_reader_move(reader, bytes);
}

void pando_json_reader_move(struct pando_json_reader *reader, const char *value)
{
    if (reader->ion != NULL)
        reader->ion->text_bytes = 0;
    reader->start = reader->at = value;
    reader->error = 0;
    reader->problem = "";
    reader->depth = 0;
    reader->expect_value = true;
    reader->after_value = false;
    reader->text_bytes = 0;
    reader->text[0] = '\0';
}

size_t pando_json_offset(const struct pando_json_reader *reader)
{
    return (size_t)(reader->at - reader->start);
}

static bool in_object(const struct pando_json_reader *reader)
{
    uint32_t level = reader->depth - 1;
    return reader->depth != 0 && (reader->is_object[level / 8] >> (level % 8) & 1) != 0;
}

static void skip_blanks(struct pando_json_reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

/* Once something did not fit nothing shorter may follow it: the text is a prefix. */
void pando_json_keep_text(struct pando_json_reader *reader, bool *cut, const char *bytes, size_t len_bytes)
{
    if (*cut || reader->text_bytes + len_bytes > PANDO_JSON_TEXT_MAX) {
        *cut = true;
        return;
    }
    memcpy(reader->text + reader->text_bytes, bytes, len_bytes);
    reader->text_bytes += len_bytes;
}

static bool read_hex4(struct pando_json_reader *reader, uint32_t *ret_value)
{
    if (reader->end - reader->at < 4)
        return false;
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = reader->at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        value = value << 4 | digit;
    }
    reader->at += 4;
    *ret_value = value;
    return true;
}

/* After "\u". A surrogate without its other half becomes U+FFFD (Python writes such for file names that are not UTF-8). */
static bool read_code_point(struct pando_json_reader *reader, uint32_t *ret_value)
{
    uint32_t high, low;
    if (!read_hex4(reader, &high))
        return false;
    *ret_value = high;
    if (high < 0xd800 || high > 0xdbff || reader->end - reader->at < 6 || reader->at[0] != '\\' || reader->at[1] != 'u')
        return true;
    const char *back = reader->at;
    reader->at += 2;
    if (!read_hex4(reader, &low))
        return false;
    if (low >= 0xdc00 && low <= 0xdfff)
        *ret_value = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    else
        reader->at = back;
    return true;
}

static bool read_escape(struct pando_json_reader *reader, bool *cut)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (reader->at == reader->end)
        return false;
    char c = *reader->at++;
    if (c == 'u') {
        uint32_t code_point;
        char bytes[4];
        if (!read_code_point(reader, &code_point))
            return false;
        pando_json_keep_text(reader, cut, bytes, pando_utf8_put(code_point, bytes));
        return true;
    }
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    if (known == NULL)
        return false;
    pando_json_keep_text(reader, cut, &to[known - from], 1);
    return true;
}

/* After the opening quote. */
static bool read_string(struct pando_json_reader *reader)
{
    bool cut = false;
    reader->text_bytes = 0;
    while (reader->at < reader->end) {
        unsigned char c = (unsigned char)*reader->at;
        if (c == '"') {
            reader->at++;
            reader->text[reader->text_bytes] = '\0';
            return true;
        }
        if (c < 0x20) {
            bad(reader, "a control character in a string");
            return false;
        }
        if (c == '\\') {
            reader->at++;
            if (!read_escape(reader, &cut)) {
                bad(reader, "a wrong escape in a string");
                return false;
            }
            continue;
        }
        size_t len = pando_utf8_sequence(reader->at, (size_t)(reader->end - reader->at));
        if (len == 0) {
            bad(reader, "bytes that are not UTF-8 in a string");
            return false;
        }
        pando_json_keep_text(reader, &cut, reader->at, len);
        reader->at += len;
    }
    bad(reader, "a string without its end");
    return false;
}

static size_t digits(struct pando_json_reader *reader)
{
    const char *from = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t)(reader->at - from);
}

static void whole_of(struct pando_json_number *number, const char *from, const char *to)
{
    number->is_whole = true;
    number->whole = 0;
    for (; from < to; from++) {
        uint64_t digit = (uint64_t)(*from - '0');
        if (number->whole > (UINT64_MAX - digit) / 10) {
            number->is_whole = false;
            return;
        }
        number->whole = number->whole * 10 + digit;
    }
}

static enum pando_json_token read_number(struct pando_json_reader *reader)
{
    struct pando_json_number *number = &reader->number;
    const char *from = reader->at;
    *number = (struct pando_json_number){.is_negative = *from == '-'};
    if (number->is_negative)
        reader->at++;
    const char *first = reader->at;
    size_t whole_digits = digits(reader);
    if (whole_digits == 0 || (whole_digits > 1 && *first == '0'))
        return bad(reader, "a wrong number");
    const char *last = reader->at;
    bool has_point = reader->at < reader->end && *reader->at == '.';
    if (has_point) {
        reader->at++;
        if (digits(reader) == 0)
            return bad(reader, "a wrong number");
    }
    bool has_exponent = reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E');
    if (has_exponent) {
        reader->at++;
        if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-'))
            reader->at++;
        if (digits(reader) == 0)
            return bad(reader, "a wrong number");
    }
    size_t len = (size_t)(reader->at - from);
    char text[NUMBER_MAX_BYTES + 1];
    if (len > NUMBER_MAX_BYTES)
        return bad(reader, "a number of too many digits");
    memcpy(text, from, len);
    text[len] = '\0';
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain != (locale_t)0) {
        number->value = strtod_l(text, NULL, plain);
        freelocale(plain);
    }
    if (!has_point && !has_exponent)
        whole_of(number, first, last);
    return PANDO_JSON_NUMBER;
}

static enum pando_json_token read_word(struct pando_json_reader *reader)
{
    static const struct {
        const char *word;
        enum pando_json_token token;
    } words[] = {{"true", PANDO_JSON_TRUE}, {"false", PANDO_JSON_FALSE}, {"null", PANDO_JSON_NULL}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i].word);
        if ((size_t)(reader->end - reader->at) >= len && memcmp(reader->at, words[i].word, len) == 0) {
            reader->at += len;
            return words[i].token;
        }
    }
    return bad(reader, "something that is no JSON value");
}

static enum pando_json_token open_level(struct pando_json_reader *reader, bool is_object)
{
    if (reader->depth == PANDO_JSON_DEPTH_MAX)
        return pando_json_fail(reader, PANDO_ERR_LIMIT, "too many levels");
    uint32_t level = reader->depth++;
    uint8_t bit = (uint8_t)(1u << (level % 8));
    if (is_object)
        reader->is_object[level / 8] |= bit;
    else
        reader->is_object[level / 8] &= (uint8_t)~bit;
    reader->at++;
    reader->after_value = false;
    reader->expect_value = false; /* the level may end at once */
    return is_object ? PANDO_JSON_OBJECT : PANDO_JSON_ARRAY;
}

static enum pando_json_token close_level(struct pando_json_reader *reader)
{
    bool is_object = in_object(reader);
    if (*reader->at != (is_object ? '}' : ']'))
        return bad(reader, "an end of another kind than the beginning");
    reader->at++;
    reader->depth--;
    reader->after_value = true;
    return is_object ? PANDO_JSON_OBJECT_END : PANDO_JSON_ARRAY_END;
}

static enum pando_json_token read_value(struct pando_json_reader *reader)
{
    char c = *reader->at;
    if (c == '{' || c == '[')
        return open_level(reader, c == '{');
    enum pando_json_token token;
    if (c == '"') {
        reader->at++;
        token = read_string(reader) ? PANDO_JSON_STRING : PANDO_JSON_ERROR;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        token = read_number(reader);
    } else {
        token = read_word(reader);
    }
    reader->expect_value = false;
    reader->after_value = true;
    return token;
}

static enum pando_json_token read_key(struct pando_json_reader *reader)
{
    if (*reader->at != '"')
        return bad(reader, "no member name where one must be");
    reader->at++;
    if (!read_string(reader))
        return PANDO_JSON_ERROR;
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != ':')
        return bad(reader, "no colon after a member name");
    reader->at++;
    reader->expect_value = true;
    reader->after_value = false;
    return PANDO_JSON_KEY;
}

enum pando_json_token pando_json_next(struct pando_json_reader *reader)
{
    if (reader->error != 0)
        return PANDO_JSON_ERROR;
    if (reader->ion != NULL)
        return pando_ion_next(reader);
    skip_blanks(reader);
    bool at_end = reader->at == reader->end;
    if (reader->depth == 0 && reader->after_value)
        return at_end ? PANDO_JSON_END : bad(reader, "something after the end");
    if (at_end)
        return bad(reader, "an end too soon");
    if (reader->expect_value)
        return read_value(reader);
    char c = *reader->at;
    if (c == '}' || c == ']')
        return close_level(reader);
    if (reader->after_value) {
        if (c != ',')
            return bad(reader, "no comma where one must be");
        reader->at++;
        skip_blanks(reader);
        if (reader->at == reader->end)
            return bad(reader, "an end too soon");
    }
    return in_object(reader) ? read_key(reader) : read_value(reader);
}

bool pando_json_skip(struct pando_json_reader *reader, enum pando_json_token first)
{
    if (first != PANDO_JSON_OBJECT && first != PANDO_JSON_ARRAY)
        return first != PANDO_JSON_ERROR;
    if (reader->ion != NULL)
        return pando_ion_leave(reader);
    uint32_t outside = reader->depth - 1;
    while (reader->depth > outside)
        if (pando_json_next(reader) == PANDO_JSON_ERROR)
            return false;
    return true;
}
