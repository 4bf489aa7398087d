/* Why: profile/ion_reader.h. Context: as there.
 * Form: https://amazon-ion.github.io/ion-docs/docs/binary.html and symbols.html. A value's length stands before it, so each value
 * is held against the end of what it lies in before anything of it is read. */
#include "profile/ion_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/utf8.h"

enum {
    TYPE_NULL = 0,
    TYPE_BOOL = 1,
    TYPE_SYMBOL = 7,
    TYPE_STRING = 8,
    TYPE_LIST = 11,
    TYPE_STRUCT = 13,
    TYPE_ANNOTATED = 14,
    LOW_LONG = 14, /* the length follows */
    LOW_NULL = 15,
    SYMBOL_TABLE_ID = 3,
    IMPORTS_ID = 6,
    SYMBOLS_ID = 7,
    FIRST_LOCAL_SYMBOL = 10,
    MARKER_BYTES = 4,
};
static const char marker[MARKER_BYTES] = "\xe0\x01\x00\xea"; /* Ion 1.0 begins */
static const char *const system_symbols[FIRST_LOCAL_SYMBOL] = {
    NULL, "$ion", "$ion_1_0", "$ion_symbol_table", "name", "version", "imports", "symbols", "max_id",
    "$ion_shared_symbol_table",
};

static enum pando_json_token bad(struct pando_json_reader *reader, const char *problem)
{
    return pando_json_fail(reader, PANDO_ERR_SYNTAX, problem);
}

void pando_ion_reader_init(struct pando_json_reader *reader, struct pando_ion_reader *ion, const char *bytes, size_t len_bytes,
                           size_t memory_bytes, size_t text_max_bytes)
{
    *ion = (struct pando_ion_reader){
        .symbols_max = memory_bytes / sizeof *ion->symbols, .text_max_bytes = text_max_bytes, .body = bytes};
    pando_json_reader_init(reader, bytes, len_bytes);
    reader->ion = ion;
}

void pando_ion_reader_release(struct pando_ion_reader *ion)
{
    free(ion->symbols);
    free(ion->levels);
    *ion = (struct pando_ion_reader){0};
}

/* Room for one more element. */
static bool grow(void *array_pointer, size_t *capacity, size_t count, size_t element_bytes)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity + *capacity / 2 + 64;
    void *array;
    memcpy(&array, array_pointer, sizeof array);
    array = realloc(array, wanted * element_bytes);
    if (array == NULL)
        return false;
    memcpy(array_pointer, &array, sizeof array);
    *capacity = wanted;
    return true;
}

/* Steps over a value's first bytes to its contents, which lie before `end`. */
static bool read_head(struct pando_json_reader *reader, const char **at, const char *end, struct pando_ion_value *ret)
{
    uint64_t len = 0;
    if (*at >= end) {
        bad(reader, "an end too soon");
        return false;
    }
    unsigned char first = (unsigned char)*(*at)++;
    *ret = (struct pando_ion_value){.type = first >> 4, .low = first & 15};
    /* 1 in a struct: its members are in order, which helps nobody here. */
    bool is_long = ret->low == LOW_LONG || (ret->type == TYPE_STRUCT && ret->low == 1);
    if (ret->type > TYPE_ANNOTATED || (ret->type == TYPE_ANNOTATED && ret->low == LOW_NULL)) {
        bad(reader, "a type that Ion 1.0 does not have");
        return false;
    }
    if (is_long && !pando_ion_varuint(at, end, &len)) {
        bad(reader, "a wrong length");
        return false;
    }
    if (!is_long && ret->low != LOW_NULL && ret->type != TYPE_BOOL)
        len = ret->low;
    if (len > (uint64_t)(end - *at)) {
        bad(reader, "a value that is longer than what it lies in");
        return false;
    }
    ret->at = *at;
    ret->len_bytes = (size_t)len;
    return true;
}

/* Gives out a text of the body, as far as reader->text has room. */
static enum pando_json_token give_text(struct pando_json_reader *reader, const char *text, size_t len_bytes,
                                       enum pando_json_token token)
{
    struct pando_ion_reader *ion = reader->ion;
    bool cut = false;
    reader->text_bytes = 0;
    if (len_bytes > ion->text_max_bytes - ion->text_bytes)
        return pando_json_fail(reader, PANDO_ERR_LIMIT, "symbols whose text, written out, would be too much");
    ion->text_bytes += len_bytes;
    for (size_t i = 0; i < len_bytes;) {
        size_t len = pando_utf8_sequence(text + i, len_bytes - i);
        if (len == 0)
            return bad(reader, "bytes that are not UTF-8 in a string");
        pando_json_keep_text(reader, &cut, text + i, len);
        i += len;
    }
    reader->text[reader->text_bytes] = '\0';
    return token;
}

static enum pando_json_token give_symbol(struct pando_json_reader *reader, uint64_t id, enum pando_json_token token)
{
    const struct pando_ion_reader *ion = reader->ion;
    struct pando_ion_symbol symbol = {0};
    if (id < FIRST_LOCAL_SYMBOL) {
        symbol.text = system_symbols[id];
        symbol.len_bytes = symbol.text != NULL ? strlen(symbol.text) : 0;
    } else if (id - FIRST_LOCAL_SYMBOL < ion->symbol_count) {
        symbol = ion->symbols[id - FIRST_LOCAL_SYMBOL];
    }
    return symbol.text != NULL ? give_text(reader, symbol.text, symbol.len_bytes, token)
                               : bad(reader, "a symbol that its table does not have");
}

/* One value of a list of symbols' texts. */
static bool add_symbol(struct pando_json_reader *reader, const struct pando_ion_value *value)
{
    struct pando_ion_reader *ion = reader->ion;
    if (ion->symbol_count >= ion->symbols_max) {
        pando_json_fail(reader, PANDO_ERR_LIMIT, "too many symbols");
        return false;
    }
    if (!grow(&ion->symbols, &ion->symbol_capacity, ion->symbol_count, sizeof *ion->symbols)) {
        pando_json_fail(reader, PANDO_ERR_NO_MEMORY, "no memory");
        return false;
    }
    bool has_text = value->type == TYPE_STRING && value->low != LOW_NULL;
    ion->symbols[ion->symbol_count++] =
        (struct pando_ion_symbol){.text = has_text ? value->at : NULL, .len_bytes = has_text ? value->len_bytes : 0};
    return true;
}

static bool add_symbols(struct pando_json_reader *reader, const struct pando_ion_value *list)
{
    const char *at = list->at, *end = list->at + list->len_bytes;
    while (at < end) {
        struct pando_ion_value value;
        if (!read_head(reader, &at, end, &value))
            return false;
        at = value.at + value.len_bytes;
        bool is_padding = value.type == TYPE_NULL && value.low != LOW_NULL;
        if (!is_padding && !add_symbol(reader, &value))
            return false;
    }
    return true;
}

/* A member of the struct of a symbol table whose name has this number; *ret_value->at is NULL when there is none. */
static bool find_member(struct pando_json_reader *reader, const struct pando_ion_value *table, uint64_t id,
                        struct pando_ion_value *ret_value)
{
    const char *at = table->at, *end = table->at + table->len_bytes;
    *ret_value = (struct pando_ion_value){0};
    while (at < end) {
        uint64_t name;
        struct pando_ion_value value;
        if (!pando_ion_varuint(&at, end, &name)) {
            bad(reader, "a wrong symbol");
            return false;
        }
        if (!read_head(reader, &at, end, &value))
            return false;
        at = value.at + value.len_bytes;
        if (name == id && value.low != LOW_NULL)
            *ret_value = value;
    }
    return true;
}

/* Texts come from this table alone, or also (imports: $ion_symbol_table) from the one before it. Shared tables have their texts
 * elsewhere: only the sender knows where. */
static bool read_symbol_table(struct pando_json_reader *reader, const struct pando_ion_value *table)
{
    struct pando_ion_value imports, symbols;
    if (!find_member(reader, table, IMPORTS_ID, &imports) || !find_member(reader, table, SYMBOLS_ID, &symbols))
        return false;
    bool is_sequel = imports.type == TYPE_SYMBOL && imports.len_bytes == 1 && (unsigned char)imports.at[0] == SYMBOL_TABLE_ID;
    if (imports.type == TYPE_LIST && imports.len_bytes != 0) {
        bad(reader, "symbols of a shared table, which is not at hand here (send them in a local one)");
        return false;
    }
    if (!is_sequel)
        reader->ion->symbol_count = 0;
    return symbols.type != TYPE_LIST || add_symbols(reader, &symbols);
}

/* Inside of an annotation: the value is what stays. */
static bool read_annotation(struct pando_json_reader *reader, struct pando_ion_value *value, uint64_t *ret_first_id)
{
    const char *at = value->at, *end = value->at + value->len_bytes;
    uint64_t ids_bytes;
    if (!pando_ion_varuint(&at, end, &ids_bytes) || ids_bytes == 0 || ids_bytes > (uint64_t)(end - at)) {
        bad(reader, "a wrong annotation");
        return false;
    }
    const char *ids_end = at + ids_bytes;
    for (bool is_first = true; at < ids_end; is_first = false) {
        uint64_t id;
        if (!pando_ion_varuint(&at, ids_end, &id)) {
            bad(reader, "a wrong annotation");
            return false;
        }
        if (is_first)
            *ret_first_id = id;
    }
    if (!read_head(reader, &at, end, value))
        return false;
    if (value->type == TYPE_ANNOTATED || (value->type == TYPE_NULL && value->low != LOW_NULL) ||
        value->at + value->len_bytes != end) {
        bad(reader, "a wrong annotation");
        return false;
    }
    return true;
}

static enum pando_json_token open_level(struct pando_json_reader *reader, const struct pando_ion_value *value)
{
    struct pando_ion_reader *ion = reader->ion;
    if (reader->depth == PANDO_JSON_DEPTH_MAX)
        return pando_json_fail(reader, PANDO_ERR_LIMIT, "too many levels");
    if (!grow(&ion->levels, &ion->level_capacity, reader->depth, sizeof *ion->levels))
        return pando_json_fail(reader, PANDO_ERR_NO_MEMORY, "no memory");
    bool is_struct = value->type == TYPE_STRUCT;
    ion->levels[reader->depth++] = (struct pando_ion_level){.end = value->at + value->len_bytes, .is_struct = is_struct};
    reader->at = value->at;
    return is_struct ? PANDO_JSON_OBJECT : PANDO_JSON_ARRAY;
}

/* A value whose head is read. reader->at is behind it, or in it if it is a container. */
static enum pando_json_token give_value(struct pando_json_reader *reader, const struct pando_ion_value *value)
{
    reader->expect_value = false;
    reader->after_value = true;
    reader->at = value->at + value->len_bytes;
    if (value->low == LOW_NULL)
        return PANDO_JSON_NULL;
    uint64_t id = 0;
    switch (value->type) {
    case TYPE_BOOL:
        return value->low > 1 ? bad(reader, "a wrong bool") : value->low == 1 ? PANDO_JSON_TRUE : PANDO_JSON_FALSE;
    case TYPE_SYMBOL:
        for (size_t i = 0; i < value->len_bytes; i++)
            id = id >> 56 != 0 ? UINT64_MAX : id << 8 | (unsigned char)value->at[i];
        return give_symbol(reader, id, PANDO_JSON_STRING);
    case TYPE_STRING:
        return give_text(reader, value->at, value->len_bytes, PANDO_JSON_STRING);
    case TYPE_LIST:
    case TYPE_STRUCT:
        return open_level(reader, value);
    default:
        return value->type < TYPE_SYMBOL ? pando_ion_number(reader, value) : PANDO_JSON_OTHER;
    }
}

/* Between the values at the outermost level: markers, symbol tables, padding; then the one value, then the end. */
static enum pando_json_token next_outside(struct pando_json_reader *reader)
{
    bool is_body = reader->start == reader->ion->body;
    if (is_body && reader->at == reader->start &&
        (reader->end - reader->at < MARKER_BYTES || memcmp(reader->at, marker, MARKER_BYTES) != 0))
        return bad(reader, "no Ion 1.0 version marker at the beginning");
    while (reader->at < reader->end) {
        struct pando_ion_value value;
        uint64_t annotation = 0;
        if (is_body && reader->end - reader->at >= MARKER_BYTES && memcmp(reader->at, marker, MARKER_BYTES) == 0) {
            reader->ion->symbol_count = 0;
            reader->at += MARKER_BYTES;
            continue;
        }
        if (!read_head(reader, &reader->at, reader->end, &value))
            return PANDO_JSON_ERROR;
        reader->at = value.at + value.len_bytes;
        if (value.type == TYPE_NULL && value.low != LOW_NULL)
            continue;
        if (value.type == TYPE_ANNOTATED && !read_annotation(reader, &value, &annotation))
            return PANDO_JSON_ERROR;
        if (is_body && annotation == SYMBOL_TABLE_ID && value.type == TYPE_STRUCT) {
            if (value.low != LOW_NULL && !read_symbol_table(reader, &value))
                return PANDO_JSON_ERROR;
            continue;
        }
        return reader->after_value ? bad(reader, "something after the end") : give_value(reader, &value);
    }
    return reader->after_value ? PANDO_JSON_END : bad(reader, "an end too soon");
}

/* The next member's name, or the value after one, or a list's next value; what is only padding is passed over. */
static enum pando_json_token next_inside(struct pando_json_reader *reader)
{
    const struct pando_ion_level *level = &reader->ion->levels[reader->depth - 1];
    for (;;) {
        uint64_t unused, id = 0;
        struct pando_ion_value value;
        if (reader->at == level->end && !reader->expect_value) {
            reader->depth--;
            return level->is_struct ? PANDO_JSON_OBJECT_END : PANDO_JSON_ARRAY_END;
        }
        bool is_name = level->is_struct && !reader->expect_value;
        if (is_name && !pando_ion_varuint(&reader->at, level->end, &id))
            return bad(reader, "a wrong member name");
        const char *at = reader->at;
        if (!read_head(reader, &at, level->end, &value))
            return PANDO_JSON_ERROR;
        if (value.type == TYPE_NULL && value.low != LOW_NULL && !reader->expect_value) {
            reader->at = value.at + value.len_bytes;
            continue;
        }
        if (is_name) {
            reader->expect_value = true;
            return give_symbol(reader, id, PANDO_JSON_KEY);
        }
        if (value.type == TYPE_ANNOTATED && !read_annotation(reader, &value, &unused))
            return PANDO_JSON_ERROR;
        return give_value(reader, &value);
    }
}

enum pando_json_token pando_ion_next(struct pando_json_reader *reader)
{
    return reader->depth == 0 ? next_outside(reader) : next_inside(reader);
}

bool pando_ion_leave(struct pando_json_reader *reader)
{
    reader->at = reader->ion->levels[--reader->depth].end;
    return true;
}
