/* Why: profile/ion_writer.h. Context: as there.
 * `raw` holds everything but the containers' heads; `containers` says, in the order in which they begin, where each head
 * belongs and how long its contents are, the heads in it included. */
#include "profile/ion_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "profile/intern.h"

enum {
    FIRST_LOCAL_SYMBOL = 10, /* those below are of Ion itself */
    ION_STRING = 0x8,
    SYMBOL_TABLE_ID = 3,     /* $ion_symbol_table */
    SYMBOLS_ID = 7,          /* symbols */
    HEAD_MAX_BYTES = 11,
};

struct container {
    uint64_t bytes; /* of its contents */
    uint32_t at;    /* in raw */
    uint32_t type;
};

struct pando_ion_writer {
    struct pando_buffer raw;
    struct pando_budget budget;
    struct container *containers;
    uint32_t *open; /* numbers of the containers that have begun; while open, .bytes counts what lies in them beside raw bytes */
    uint32_t container_count, container_capacity, depth, depth_capacity;
    struct pando_strings symbols;
    uint64_t secret[2];
    int failed;
};

struct pando_ion_writer *pando_ion_writer_new(size_t max_bytes)
{
    struct pando_ion_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return NULL;
    pando_buffer_init(&writer->raw, max_bytes < UINT32_MAX ? max_bytes : UINT32_MAX);
    writer->budget.limit_bytes = SIZE_MAX;
    if (getrandom(writer->secret, sizeof writer->secret, GRND_NONBLOCK) != sizeof writer->secret)
        writer->secret[0] = (uintptr_t)writer;
    return writer;
}

void pando_ion_writer_free(struct pando_ion_writer *writer)
{
    if (writer == NULL)
        return;
    pando_buffer_release(&writer->raw);
    free(writer->containers);
    free(writer->open);
    pando_strings_release(&writer->symbols);
    free(writer);
}

int pando_ion_writer_failed(const struct pando_ion_writer *writer)
{
    return writer->failed != 0 ? writer->failed : writer->raw.failed;
}

/* 7 bits a byte, the highest first; the last byte has its top bit set. */
static size_t put_varuint(unsigned char out[10], uint64_t value)
{
    unsigned char reversed[10];
    size_t len = 0;
    do {
        reversed[len++] = (unsigned char)(value & 0x7f);
        value >>= 7;
    } while (value != 0);
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    out[len - 1] |= 0x80;
    return len;
}

/* Type and length of a value. */
static size_t put_head(unsigned char out[HEAD_MAX_BYTES], uint32_t type, uint64_t len_bytes)
{
    if (len_bytes < 14) {
        out[0] = (unsigned char)(type << 4 | len_bytes);
        return 1;
    }
    out[0] = (unsigned char)(type << 4 | 14);
    return 1 + put_varuint(out + 1, len_bytes);
}

static void append_head(struct pando_buffer *out, uint32_t type, uint64_t len_bytes)
{
    unsigned char head[HEAD_MAX_BYTES];
    pando_buffer_append(out, head, put_head(head, type, len_bytes));
}

void pando_ion_write_name(struct pando_ion_writer *writer, const char *name)
{
    if (name == NULL || pando_ion_writer_failed(writer) != 0)
        return;
    int64_t number = pando_strings_put(&writer->budget, &writer->symbols, writer->secret, name, strlen(name));
    if (number < 0) {
        writer->failed = (int)number;
        return;
    }
    unsigned char id[10];
    pando_buffer_append(&writer->raw, id, put_varuint(id, (uint64_t)number + FIRST_LOCAL_SYMBOL));
}

void pando_ion_write_begin(struct pando_ion_writer *writer, enum pando_ion_container type)
{
    if (pando_ion_writer_failed(writer) != 0)
        return;
    int error = pando_array_reserve(&writer->budget, &writer->containers, &writer->container_capacity,
                                    writer->container_count, sizeof *writer->containers);
    if (error == 0)
        error = pando_array_reserve(&writer->budget, &writer->open, &writer->depth_capacity, writer->depth,
                                    sizeof *writer->open);
    if (error != 0) {
        writer->failed = error;
        return;
    }
    writer->open[writer->depth++] = writer->container_count;
    writer->containers[writer->container_count++] =
        (struct container){.at = (uint32_t)writer->raw.len_bytes, .type = (uint32_t)type};
}

void pando_ion_write_end(struct pando_ion_writer *writer)
{
    if (pando_ion_writer_failed(writer) != 0)
        return;
    struct container *ended = &writer->containers[writer->open[--writer->depth]];
    unsigned char head[HEAD_MAX_BYTES];
    uint64_t heads_in_it = ended->bytes;
    ended->bytes += writer->raw.len_bytes - ended->at;
    if (writer->depth != 0)
        writer->containers[writer->open[writer->depth - 1]].bytes +=
            heads_in_it + put_head(head, ended->type, ended->bytes);
}

void pando_ion_write_int(struct pando_ion_writer *writer, uint64_t magnitude, bool is_negative)
{
    unsigned char bytes[9];
    size_t len = 0;
    for (int shift = 56; shift >= 0; shift -= 8)
        if (len != 0 || magnitude >> shift != 0)
            bytes[++len] = (unsigned char)(magnitude >> shift);
    bytes[0] = (unsigned char)((is_negative && magnitude != 0 ? 0x30 : 0x20) | len);
    pando_buffer_append(&writer->raw, bytes, len + 1);
}

void pando_ion_write_float(struct pando_ion_writer *writer, double value)
{
    uint64_t bits;
    if (!isfinite(value))
        value = 0; /* as in JSON */
    memcpy(&bits, &value, sizeof bits);
    unsigned char bytes[9] = {0x48};
    for (size_t i = 0; i < 8; i++)
        bytes[i + 1] = (unsigned char)(bits >> (56 - 8 * i));
    pando_buffer_append(&writer->raw, bytes, sizeof bytes);
}

void pando_ion_write_text(struct pando_ion_writer *writer, const char *text, size_t len_bytes)
{
    append_head(&writer->raw, ION_STRING, len_bytes);
    pando_buffer_append(&writer->raw, text, len_bytes);
}

void pando_ion_write_bool(struct pando_ion_writer *writer, bool value)
{
    pando_buffer_append_char(&writer->raw, value ? 0x11 : 0x10);
}

void pando_ion_write_null(struct pando_ion_writer *writer)
{
    pando_buffer_append_char(&writer->raw, 0x0f);
}

/* $ion_symbol_table::{symbols: [...]} */
static void append_symbols(const struct pando_strings *symbols, struct pando_buffer *out)
{
    unsigned char head[HEAD_MAX_BYTES];
    uint64_t list = 0;
    for (uint32_t i = 0; i < symbols->count; i++)
        list += put_head(head, ION_STRING, symbols->lens[i]) + symbols->lens[i];
    uint64_t table = 1 + put_head(head, PANDO_ION_LIST, list) + list;
    append_head(out, 0xe, 2 + put_head(head, PANDO_ION_STRUCT, table) + table);
    pando_buffer_append(out, (unsigned char[]){0x81, 0x80 | SYMBOL_TABLE_ID}, 2);
    append_head(out, PANDO_ION_STRUCT, table);
    pando_buffer_append_char(out, (char)(0x80 | SYMBOLS_ID));
    append_head(out, PANDO_ION_LIST, list);
    for (uint32_t i = 0; i < symbols->count; i++) {
        append_head(out, ION_STRING, symbols->lens[i]);
        pando_buffer_append(out, symbols->texts[i], symbols->lens[i]);
    }
}

int pando_ion_writer_finish(struct pando_ion_writer *writer, struct pando_buffer *out)
{
    int error = pando_ion_writer_failed(writer);
    if (error != 0)
        return error;
    pando_buffer_append(out, "\xe0\x01\x00\xea", 4);
    if (writer->symbols.count != 0)
        append_symbols(&writer->symbols, out);
    size_t at = 0;
    for (uint32_t i = 0; i < writer->container_count; i++) {
        const struct container *container = &writer->containers[i];
        if (container->at != at)
            pando_buffer_append(out, writer->raw.bytes + at, container->at - at);
        at = container->at;
        append_head(out, container->type, container->bytes);
    }
    if (writer->raw.len_bytes != at)
        pando_buffer_append(out, writer->raw.bytes + at, writer->raw.len_bytes - at);
    return out->failed;
}
