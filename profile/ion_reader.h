/* Why: profiles come as Amazon Ion too. This gives the tokens of profile/json_reader.h from Ion 1.0's binary form, so that one
 * decoder reads both. Bounded as that one is: what symbols expand to counts as if it had come as text.
 * Context: worker and own processes; one thread. No recursion. Private to profile/. */
#ifndef PANDO_PROFILE_ION_READER_H
#define PANDO_PROFILE_ION_READER_H

#include "profile/json_reader.h"

struct pando_ion_symbol {
    const char *text; /* in the body, not checked yet; NULL: a symbol without text */
    size_t len_bytes;
};

struct pando_ion_level {
    const char *end;
    bool is_struct;
};

struct pando_ion_reader {
    struct pando_ion_symbol *symbols; /* local ones */
    struct pando_ion_level *levels;
    size_t symbol_count, symbol_capacity, symbols_max, level_capacity;
    size_t text_bytes, text_max_bytes; /* text given out in this pass */
    const char *body;
};

/* What a value is, from its first bytes. */
struct pando_ion_value {
    const char *at;    /* its contents, len_bytes of them */
    size_t len_bytes;
    unsigned type;     /* 0 null or padding, 1 bool, 2 and 3 int, 4 float, 5 decimal, 6 timestamp, 7 symbol, 8 string, ... */
    unsigned low;      /* the first byte's lower half: 15 is null of that type */
};

/* 7 bits a byte, the highest first, the last byte with its top bit set. False: it does not end before `end`, or is over 64 bits. */
bool pando_ion_varuint(const char **at, const char *end, uint64_t *ret_value);
/* Numbers and timestamps (profile/ion_numbers.c). PANDO_JSON_NUMBER, _TIME, _OTHER (a decimal of over 64 bits) or _ERROR. */
enum pando_json_token pando_ion_number(struct pando_json_reader *reader, const struct pando_ion_value *value);

/* Makes `reader` read the Ion stream of `len_bytes` at `bytes` with `ion`, whose memory pando_ion_reader_release frees. Symbols
 * take at most `memory_bytes`, text given out in one pass at most `text_max_bytes`. */
void pando_ion_reader_init(struct pando_json_reader *reader, struct pando_ion_reader *ion, const char *bytes, size_t len_bytes,
                           size_t memory_bytes, size_t text_max_bytes);
void pando_ion_reader_release(struct pando_ion_reader *ion);

/* What pando_json_next and pando_json_skip do with Ion. */
enum pando_json_token pando_ion_next(struct pando_json_reader *reader);
bool pando_ion_leave(struct pando_json_reader *reader);

#endif
