/* Why: profile/pprof_tables.h. Context: as there. */
#include "profile/pprof_tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Fields of the message. */
enum {
    FIELD_SAMPLE_TYPE = 1, FIELD_SAMPLE = 2, FIELD_MAPPING = 3, FIELD_LOCATION = 4, FIELD_FUNCTION = 5, FIELD_STRING = 6,
    FIELD_TIME = 9, FIELD_DURATION = 10, FIELD_PERIOD_TYPE = 11, FIELD_PERIOD = 12, FIELD_DEFAULT_TYPE = 14,
};

/* The first number in a field of a message; 0: not there. False: it is damaged. */
static bool find_number(const char *bytes, size_t len_bytes, uint32_t field, uint64_t *ret_number)
{
    struct pando_proto message = pando_proto_of(bytes, len_bytes);
    *ret_number = 0;
    while (pando_proto_next(&message))
        if (message.field == field && message.wire == PANDO_PROTO_NUMBER)
            *ret_number = message.number;
    return !message.failed;
}

static int add_piece(struct pando_pprof_tables *tables, struct pando_pprof_table *table, const struct pando_proto *message)
{
    int error = pando_array_reserve(&tables->budget, &table->pieces, &table->capacity, table->count, sizeof *table->pieces);
    if (error != 0)
        return error;
    struct pando_pprof_piece *piece = &table->pieces[table->count];
    *piece = (struct pando_pprof_piece){.id = table->count, .bytes = message->bytes, .len_bytes = message->len_bytes};
    if (table != &tables->strings && !find_number(message->bytes, message->len_bytes, 1, &piece->id))
        return PANDO_ERR_SYNTAX;
    table->count++;
    return 0;
}

static int read_type(struct pando_pprof_type *type, const struct pando_proto *message)
{
    return find_number(message->bytes, message->len_bytes, 1, &type->type) &&
           find_number(message->bytes, message->len_bytes, 2, &type->unit) ? 0 : PANDO_ERR_SYNTAX;
}

static int read_bytes(struct pando_pprof_tables *tables, const struct pando_proto *message)
{
    switch (message->field) {
    case FIELD_SAMPLE_TYPE:
        return tables->type_count < PANDO_PPROF_TYPES_MAX ? read_type(&tables->types[tables->type_count++], message) : PANDO_ERR_LIMIT;
    case FIELD_PERIOD_TYPE:
        return read_type(&tables->period_type, message);
    case FIELD_MAPPING:
        return add_piece(tables, &tables->mappings, message);
    case FIELD_LOCATION:
        return add_piece(tables, &tables->locations, message);
    case FIELD_FUNCTION:
        return add_piece(tables, &tables->functions, message);
    case FIELD_STRING:
        return add_piece(tables, &tables->strings, message);
    default:
        return 0;
    }
}

static void read_number(struct pando_pprof_tables *tables, const struct pando_proto *message)
{
    uint64_t *fields[] = {[FIELD_TIME] = &tables->time_ns, [FIELD_DURATION] = &tables->duration_ns,
                          [FIELD_PERIOD] = &tables->period, [FIELD_DEFAULT_TYPE] = &tables->default_type};
    if (message->field < sizeof fields / sizeof fields[0] && fields[message->field] != NULL && (int64_t)message->number >= 0)
        *fields[message->field] = message->number;
}

static int by_id(const void *a, const void *b)
{
    uint64_t left = ((const struct pando_pprof_piece *)a)->id, right = ((const struct pando_pprof_piece *)b)->id;
    return left < right ? -1 : left > right;
}

int pando_pprof_tables_read(struct pando_pprof_tables *tables, const char *bytes, size_t len_bytes, size_t memory_bytes)
{
    struct pando_proto message = pando_proto_of(bytes, len_bytes);
    int error = 0;
    *tables = (struct pando_pprof_tables){.budget = {.limit_bytes = memory_bytes}};
    while (error == 0 && pando_proto_next(&message)) {
        if (message.wire == PANDO_PROTO_BYTES)
            error = read_bytes(tables, &message);
        else if (message.wire == PANDO_PROTO_NUMBER)
            read_number(tables, &message);
    }
    if (error == 0 && message.failed)
        error = PANDO_ERR_SYNTAX;
    struct pando_pprof_table *const numbered[] = {&tables->mappings, &tables->locations, &tables->functions};
    for (size_t i = 0; error == 0 && i < 3; i++)
        if (numbered[i]->count != 0)
            qsort(numbered[i]->pieces, numbered[i]->count, sizeof *numbered[i]->pieces, by_id);
    return error;
}

void pando_pprof_tables_release(struct pando_pprof_tables *tables)
{
    free(tables->strings.pieces);
    free(tables->mappings.pieces);
    free(tables->locations.pieces);
    free(tables->functions.pieces);
    *tables = (struct pando_pprof_tables){0};
}

static const struct pando_pprof_piece *find(const struct pando_pprof_table *table, uint64_t id)
{
    const struct pando_pprof_piece key = {.id = id};
    return table->count != 0 ? bsearch(&key, table->pieces, table->count, sizeof key, by_id) : NULL;
}

bool pando_pprof_string(const struct pando_pprof_tables *tables, uint64_t number, const char **ret_bytes, size_t *ret_len_bytes)
{
    if (number >= tables->strings.count)
        return false;
    *ret_bytes = tables->strings.pieces[number].bytes;
    *ret_len_bytes = tables->strings.pieces[number].len_bytes;
    return true;
}

void pando_pprof_text(const struct pando_pprof_tables *tables, uint64_t number, char *text, size_t text_bytes)
{
    const char *bytes;
    size_t len = 0;
    if (pando_pprof_string(tables, number, &bytes, &len)) {
        len = len < text_bytes ? len : text_bytes - 1;
        memcpy(text, bytes, len);
    }
    text[len] = '\0';
}

static bool find_two(const struct pando_pprof_table *table, uint64_t id, uint32_t first, uint64_t *ret_first, uint32_t second,
                     uint64_t *ret_second)
{
    const struct pando_pprof_piece *piece = find(table, id);
    return piece != NULL && find_number(piece->bytes, piece->len_bytes, first, ret_first) &&
           find_number(piece->bytes, piece->len_bytes, second, ret_second);
}

bool pando_pprof_mapping(const struct pando_pprof_tables *tables, uint64_t id, uint64_t *ret_file, uint64_t *ret_build_id)
{
    return find_two(&tables->mappings, id, 5, ret_file, 6, ret_build_id);
}

bool pando_pprof_function(const struct pando_pprof_tables *tables, uint64_t id, uint64_t *ret_name, uint64_t *ret_file)
{
    return find_two(&tables->functions, id, 2, ret_name, 4, ret_file);
}

uint32_t pando_pprof_location_place(const struct pando_pprof_tables *tables, uint64_t id)
{
    const struct pando_pprof_piece *piece = find(&tables->locations, id);
    return piece != NULL ? (uint32_t)(piece - tables->locations.pieces) : UINT32_MAX;
}

bool pando_pprof_location(const struct pando_pprof_tables *tables, uint64_t id, struct pando_pprof_location *ret_location)
{
    const struct pando_pprof_piece *piece = find(&tables->locations, id);
    if (piece == NULL)
        return false;
    struct pando_proto message = pando_proto_of(piece->bytes, piece->len_bytes);
    ret_location->mapping = ret_location->address = ret_location->line_count = 0;
    while (pando_proto_next(&message)) {
        if (message.field == 2 && message.wire == PANDO_PROTO_NUMBER)
            ret_location->mapping = message.number;
        if (message.field == 3 && message.wire == PANDO_PROTO_NUMBER)
            ret_location->address = message.number;
        if (message.field != 4 || message.wire != PANDO_PROTO_BYTES || ret_location->line_count == PANDO_PPROF_LINES_MAX)
            continue;
        struct pando_pprof_line *line = &ret_location->lines[ret_location->line_count++];
        if (!find_number(message.bytes, message.len_bytes, 1, &line->function) ||
            !find_number(message.bytes, message.len_bytes, 2, &line->line))
            return false;
    }
    return !message.failed;
}
