/* Why: pprof and OTLP are messages of Protocol Buffers, of which two of the wire's four forms are used: whole numbers and bytes with
 * their length. A generated library would build the whole message in memory twice; this neither allocates nor recurses.
 * (https://protobuf.dev/programming-guides/encoding; docs/dependencies.md weighs the libraries.)
 * Context: own processes. Pure. Private to profile/. */
#ifndef PANDO_PROFILE_PROTOBUF_H
#define PANDO_PROFILE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Writers: a bare number, a field that is one (left out when 0, as the rules are), and a field of bytes, text or a message. */
void pando_proto_write_number(struct pando_buffer *out, uint64_t value);
void pando_proto_field_number(struct pando_buffer *out, uint32_t field, uint64_t value);
void pando_proto_field_fixed64(struct pando_buffer *out, uint32_t field, uint64_t value);
void pando_proto_field_bytes(struct pando_buffer *out, uint32_t field, const void *bytes, size_t len_bytes);

enum pando_proto_wire { PANDO_PROTO_NUMBER = 0, PANDO_PROTO_FIXED64 = 1, PANDO_PROTO_BYTES = 2, PANDO_PROTO_FIXED32 = 5 };

/* A message that is read field by field. */
struct pando_proto {
    const char *at, *end;
    bool failed;
    /* The field that pando_proto_next stepped over: */
    uint32_t field;
    enum pando_proto_wire wire;
    uint64_t number;        /* NUMBER and the fixed ones */
    const char *bytes;      /* BYTES, in the message */
    size_t len_bytes;
};

struct pando_proto pando_proto_of(const char *bytes, size_t len_bytes);
/* False: at the end, or `failed`. */
bool pando_proto_next(struct pando_proto *message);
/* The numbers of a repeated field, packed or single, whose field was just stepped over: *cursor is NULL at first. False: there are no
 * more, or the message failed. */
bool pando_proto_numbers(struct pando_proto *message, const char **cursor, uint64_t *ret_number);

#endif
