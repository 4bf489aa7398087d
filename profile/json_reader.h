/* Why: profiles come from the network, as deep and as large as the sender likes. This reads JSON (RFC 8259) as a stream of
 * tokens: no tree, no recursion, no allocation, so that neither depth nor size of a body costs more than the body.
 * (jansson needs ten times the body, and stops at 2048 levels: docs/delivery.md has the numbers.)
 * Amazon Ion says the same in binary: after pando_ion_reader_init (profile/ion_reader.h) the same calls read that.
 * Context: worker and own processes; one thread. Private to profile/. */
#ifndef PANDO_PROFILE_JSON_READER_H
#define PANDO_PROFILE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PANDO_JSON_DEPTH_MAX = 24576,  /* nested objects and arrays */
    PANDO_JSON_TEXT_MAX = 4096,    /* bytes kept of a string, cut on a character */
};

enum pando_json_token {
    PANDO_JSON_ERROR = 0, /* reader->error says why; every later call returns it again */
    PANDO_JSON_OBJECT,    /* { */
    PANDO_JSON_OBJECT_END,
    PANDO_JSON_ARRAY,
    PANDO_JSON_ARRAY_END,
    PANDO_JSON_KEY,       /* text; its value is the next token */
    PANDO_JSON_STRING,    /* text */
    PANDO_JSON_NUMBER,    /* number */
    PANDO_JSON_TRUE,
    PANDO_JSON_FALSE,
    PANDO_JSON_NULL,
    PANDO_JSON_TIME,      /* Ion only: number is in milliseconds since 1970 */
    PANDO_JSON_OTHER,     /* Ion only: a value that JSON has not (a blob, an S-expression, ...), passed over */
    PANDO_JSON_END,       /* after the one value that a text is */
};

struct pando_json_number {
    double value;         /* +-HUGE_VAL when out of range */
    uint64_t whole;       /* the magnitude, if is_whole */
    bool is_whole;        /* without point and exponent, magnitude below 2^64 */
    bool is_negative;
};

struct pando_ion_reader;

struct pando_json_reader {
    const char *start, *at, *end;
    struct pando_ion_reader *ion; /* NULL: text */
    int error;            /* 0, PANDO_ERR_SYNTAX or PANDO_ERR_LIMIT (depth; Ion: also symbols), Ion: PANDO_ERR_NO_MEMORY */
    const char *problem;  /* static clause: "expected a value" */
    uint32_t depth;
    bool expect_value;    /* a value must come: after a key, after '[' a comma, at the start */
    bool after_value;     /* a comma or an end must come */
    uint8_t is_object[PANDO_JSON_DEPTH_MAX / 8];
    char text[PANDO_JSON_TEXT_MAX + 1]; /* NUL-terminated; may hold NULs too */
    size_t text_bytes;
    struct pando_json_number number;
};

void pando_json_reader_init(struct pando_json_reader *reader, const char *bytes, size_t len_bytes);
/* Begins again at the value at `value`, which an earlier pass of this reader met: it is the outermost one now. */
void pando_json_reader_move(struct pando_json_reader *reader, const char *value);
enum pando_json_token pando_json_next(struct pando_json_reader *reader);
/* After a token that begins a value: passes over the rest of that value. False on an error. */
bool pando_json_skip(struct pando_json_reader *reader, enum pando_json_token first);
/* How far the reader is, in bytes: for messages. */
size_t pando_json_offset(const struct pando_json_reader *reader);
/* For readers of other notations: fails with `problem`; adds to the text, cut on a character. */
enum pando_json_token pando_json_fail(struct pando_json_reader *reader, int error, const char *problem);
void pando_json_keep_text(struct pando_json_reader *reader, bool *cut, const char *bytes, size_t len_bytes);

#endif
