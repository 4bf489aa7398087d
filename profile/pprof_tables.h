/* Why: a pprof message's strings, mappings, functions and locations, found by their numbers, wherever in it they are.
 * Context: own processes; one thread. Keeps pointers into the message. Private to profile/. */
#ifndef PANDO_PROFILE_PPROF_TABLES_H
#define PANDO_PROFILE_PPROF_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/intern.h"
#include "profile/protobuf.h"

enum { PANDO_PPROF_TYPES_MAX = 64, PANDO_PPROF_LINES_MAX = 256 };

struct pando_pprof_type {
    uint64_t type, unit; /* strings */
};

struct pando_pprof_piece {
    uint64_t id;
    const char *bytes;
    size_t len_bytes;
};

/* Entries of one kind, by their number once all are there. */
struct pando_pprof_table {
    struct pando_pprof_piece *pieces;
    uint32_t count, capacity;
};

struct pando_pprof_tables {
    struct pando_budget budget;
    struct pando_pprof_table strings, mappings, locations, functions;
    struct pando_pprof_type types[PANDO_PPROF_TYPES_MAX], period_type;
    uint32_t type_count;
    uint64_t default_type, period, time_ns, duration_ns;
};

struct pando_pprof_line {
    uint64_t function;
    uint64_t line;
};

struct pando_pprof_location {
    uint64_t mapping, address;
    uint32_t line_count; /* lines[0] is the innermost */
    struct pando_pprof_line lines[PANDO_PPROF_LINES_MAX];
};

/* PANDO_ERR_SYNTAX, PANDO_ERR_LIMIT, PANDO_ERR_NO_MEMORY. Release it in any case. */
int pando_pprof_tables_read(struct pando_pprof_tables *tables, const char *bytes, size_t len_bytes, size_t memory_bytes);
void pando_pprof_tables_release(struct pando_pprof_tables *tables);

/* Entries by their numbers. False: there is none, or it is damaged. */
bool pando_pprof_string(const struct pando_pprof_tables *tables, uint64_t number, const char **ret_bytes, size_t *ret_len_bytes);
bool pando_pprof_mapping(const struct pando_pprof_tables *tables, uint64_t id, uint64_t *ret_file, uint64_t *ret_build_id);
bool pando_pprof_function(const struct pando_pprof_tables *tables, uint64_t id, uint64_t *ret_name, uint64_t *ret_file);
bool pando_pprof_location(const struct pando_pprof_tables *tables, uint64_t id, struct pando_pprof_location *ret_location);
/* The place of a location in its table, below locations.count; UINT32_MAX: there is none. */
uint32_t pando_pprof_location_place(const struct pando_pprof_tables *tables, uint64_t id);
/* A string as C text, cut to `text_bytes` with its NUL; "" when there is none. */
void pando_pprof_text(const struct pando_pprof_tables *tables, uint64_t number, char *text, size_t text_bytes);

#endif
