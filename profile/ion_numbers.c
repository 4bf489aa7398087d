/* Why: Ion's numbers and timestamps, as profile/ion_reader.h hands them on. Context: as there. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "profile/ion_reader.h"

static enum pando_json_token bad(struct pando_json_reader *reader, const char *problem)
{
    return pando_json_fail(reader, PANDO_ERR_SYNTAX, problem);
}

bool pando_ion_varuint(const char **at, const char *end, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (const char *byte = *at; byte < end; byte++) {
        if (value >> 57 != 0)
            return false;
        value = value << 7 | ((unsigned char)*byte & 0x7f);
        if (((unsigned char)*byte & 0x80) != 0) {
            *at = byte + 1;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* The same with a sign, the second bit of the first byte. */
static bool varint(const char **at, const char *end, int64_t *ret_value)
{
    if (*at == end)
        return false;
    unsigned char first = (unsigned char)**at;
    uint64_t value = first & 0x3f;
    ++*at;
    if ((first & 0x80) == 0) {
        uint64_t rest;
        const char *from = *at;
        if (!pando_ion_varuint(at, end, &rest) || *at - from > 4)
            return false;
        value = value << (7 * (*at - from)) | rest;
    }
    *ret_value = (first & 0x40) != 0 ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Bytes, the highest first. False: over 64 bits (*ret_value is then what fits a double). */
static bool magnitude(const char *at, size_t len_bytes, uint64_t *ret_value, double *ret_double)
{
    uint64_t value = 0;
    double approximate = 0;
    bool fits = true;
    for (size_t i = 0; i < len_bytes; i++) {
        fits = fits && value >> 56 == 0;
        value = value << 8 | (unsigned char)at[i];
        approximate = approximate * 256 + (unsigned char)at[i];
    }
    *ret_value = value;
    *ret_double = fits ? (double)value : approximate;
    return fits;
}

static enum pando_json_token read_int(struct pando_json_reader *reader, const struct pando_ion_value *value)
{
    struct pando_json_number *number = &reader->number;
    *number = (struct pando_json_number){.is_negative = value->type == 3};
    number->is_whole = magnitude(value->at, value->len_bytes, &number->whole, &number->value);
    if (number->is_negative && number->is_whole && number->whole == 0)
        return bad(reader, "a negative zero");
    if (number->is_negative)
        number->value = -number->value;
    return PANDO_JSON_NUMBER;
}

static enum pando_json_token read_float(struct pando_json_reader *reader, const struct pando_ion_value *value)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < value->len_bytes; i++)
        bits = bits << 8 | (unsigned char)value->at[i];
    double real = 0;
    if (value->len_bytes == 8) {
        memcpy(&real, &bits, sizeof real);
    } else if (value->len_bytes == 4) {
        float small;
        memcpy(&small, &(uint32_t){(uint32_t)bits}, sizeof small);
        real = small;
    } else if (value->len_bytes != 0) {
        return bad(reader, "a float of another size than 0, 4 or 8 bytes");
    }
    reader->number = (struct pando_json_number){.value = real, .is_negative = signbit(real) != 0};
    return PANDO_JSON_NUMBER;
}

/* An integer whose first bit is its sign: the coefficient of a decimal or of a second's fraction. */
static bool read_coefficient(const char *at, const char *end, uint64_t *ret_magnitude, bool *ret_negative)
{
    *ret_magnitude = 0;
    *ret_negative = false;
    if (at == end)
        return true;
    double unused;
    uint64_t rest;
    *ret_negative = ((unsigned char)*at & 0x80) != 0;
    if (!magnitude(at + 1, (size_t)(end - at) - 1, &rest, &unused))
        return false;
    uint64_t first = (unsigned char)*at & 0x7f;
    size_t shift = ((size_t)(end - at) - 1) * 8;
    if (first != 0 && shift >= 64)
        return false;
    *ret_magnitude = rest | (first != 0 ? first << shift : 0);
    return first == 0 || (first << shift) >> shift == first;
}

static enum pando_json_token read_decimal(struct pando_json_reader *reader, const struct pando_ion_value *value)
{
    struct pando_json_number *number = &reader->number;
    const char *at = value->at, *end = value->at + value->len_bytes;
    int64_t exponent = 0;
    *number = (struct pando_json_number){0};
    if (at < end && !varint(&at, end, &exponent))
        return bad(reader, "a decimal without its exponent");
    if (!read_coefficient(at, end, &number->whole, &number->is_negative))
        return PANDO_JSON_OTHER;
    /* No point, so no locale: the nearest double, as for the same number in JSON. */
    char text[64];
    snprintf(text, sizeof text, "%llue%lld", (unsigned long long)number->whole, (long long)exponent);
    number->value = number->is_negative ? -strtod(text, NULL) : strtod(text, NULL);
    number->is_whole = exponent == 0;
    return PANDO_JSON_NUMBER;
}

/* Milliseconds of a fraction of coefficient * 10^exponent seconds, which is below 1. */
static uint64_t fraction_ms(uint64_t coefficient, int64_t exponent)
{
    uint64_t ms = coefficient;
    for (int64_t e = exponent; e < -3 && ms != 0; e++)
        ms /= 10;
    for (int64_t e = exponent; e > -3 && e < 0; e--)
        ms *= 10;
    return exponent < 0 && ms < 1000 ? ms : 0;
}

/* Fields may end after the year, the month, the day, the minute, the second. They are in UTC; the offset is for show. */
static enum pando_json_token read_timestamp(struct pando_json_reader *reader, const struct pando_ion_value *value)
{
    static const uint64_t least[] = {1, 1, 1, 0, 0, 0}, most[] = {9999, 12, 31, 23, 59, 59};
    const char *at = value->at, *end = value->at + value->len_bytes;
    uint64_t fields[] = {1970, 1, 1, 0, 0, 0};
    int64_t offset_minutes, exponent = 0;
    uint64_t fraction = 0;
    bool is_negative = false;
    if (!varint(&at, end, &offset_minutes))
        return bad(reader, "a timestamp without its offset");
    for (size_t i = 0; i < 6 && (i == 0 || at < end); i++)
        if (!pando_ion_varuint(&at, end, &fields[i]) || fields[i] < least[i] || fields[i] > most[i])
            return bad(reader, "a timestamp of no known form");
    if (at < end && (!varint(&at, end, &exponent) || !read_coefficient(at, end, &fraction, &is_negative)))
        return bad(reader, "a timestamp of no known form");
    struct tm utc = {.tm_year = (int)fields[0] - 1900, .tm_mon = (int)fields[1] - 1, .tm_mday = (int)fields[2],
                     .tm_hour = (int)fields[3], .tm_min = (int)fields[4], .tm_sec = (int)fields[5]};
    int64_t ms = (int64_t)timegm(&utc) * 1000 + (int64_t)(is_negative ? 0 : fraction_ms(fraction, exponent));
    reader->number = (struct pando_json_number){.value = (double)ms, .is_whole = true, .is_negative = ms < 0,
                                                .whole = ms < 0 ? (uint64_t)-ms : (uint64_t)ms};
    return PANDO_JSON_TIME;
}

enum pando_json_token pando_ion_number(struct pando_json_reader *reader, const struct pando_ion_value *value)
{
    switch (value->type) {
    case 4:
        return read_float(reader, value);
    case 5:
        return read_decimal(reader, value);
    case 6:
        return read_timestamp(reader, value);
    default:
        return read_int(reader, value);
    }
}
