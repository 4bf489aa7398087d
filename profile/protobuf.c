/* Why: profile/protobuf.h. Context: as there. */
#include "profile/protobuf.h"

void pando_proto_write_number(struct pando_buffer *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (unsigned char)(value | 0x80);
    bytes[len++] = (unsigned char)value;
    pando_buffer_append(out, bytes, len);
}

void pando_proto_field_number(struct pando_buffer *out, uint32_t field, uint64_t value)
{
    if (value == 0)
        return;
    pando_proto_write_number(out, (uint64_t)field << 3 | PANDO_PROTO_NUMBER);
    pando_proto_write_number(out, value);
}

void pando_proto_field_fixed64(struct pando_buffer *out, uint32_t field, uint64_t value)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    pando_proto_write_number(out, (uint64_t)field << 3 | PANDO_PROTO_FIXED64);
    pando_buffer_append(out, bytes, sizeof bytes);
}

void pando_proto_field_bytes(struct pando_buffer *out, uint32_t field, const void *bytes, size_t len_bytes)
{
    pando_proto_write_number(out, (uint64_t)field << 3 | PANDO_PROTO_BYTES);
    pando_proto_write_number(out, len_bytes);
    if (len_bytes != 0)
        pando_buffer_append(out, bytes, len_bytes);
}

struct pando_proto pando_proto_of(const char *bytes, size_t len_bytes)
{
    return (struct pando_proto){.at = bytes, .end = len_bytes != 0 ? bytes + len_bytes : bytes};
}

/* Also of negative numbers, which take all ten bytes. */
static bool read_number(const char **at, const char *end, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && *at < end; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;
        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool read_fixed(struct pando_proto *message, size_t len_bytes)
{
    if ((size_t)(message->end - message->at) < len_bytes)
        return false;
    message->number = 0;
    for (size_t i = len_bytes; i-- > 0;)
        message->number = message->number << 8 | (unsigned char)message->at[i];
    message->at += len_bytes;
    return true;
}

bool pando_proto_next(struct pando_proto *message)
{
    uint64_t tag, len;
    if (message->failed || message->at == message->end)
        return false;
    bool good = read_number(&message->at, message->end, &tag) && tag >> 3 != 0 && tag >> 3 <= UINT32_MAX >> 3;
    message->field = good ? (uint32_t)(tag >> 3) : 0;
    message->wire = good ? (enum pando_proto_wire)(tag & 7) : PANDO_PROTO_NUMBER;
    message->len_bytes = 0;
    if (good && message->wire == PANDO_PROTO_NUMBER) {
        good = read_number(&message->at, message->end, &message->number);
    } else if (good && message->wire == PANDO_PROTO_BYTES) {
        good = read_number(&message->at, message->end, &len) && len <= (uint64_t)(message->end - message->at);
        message->bytes = message->at;
        message->len_bytes = good ? (size_t)len : 0;
        message->at += message->len_bytes;
    } else if (good) {
        good = (message->wire == PANDO_PROTO_FIXED64 || message->wire == PANDO_PROTO_FIXED32) &&
               read_fixed(message, message->wire == PANDO_PROTO_FIXED64 ? 8 : 4);
    }
    message->failed = !good;
    return good;
}

bool pando_proto_numbers(struct pando_proto *message, const char **cursor, uint64_t *ret_number)
{
    if (message->wire == PANDO_PROTO_NUMBER) {
        bool is_first = *cursor == NULL;
        *cursor = message->at;
        *ret_number = message->number;
        return is_first;
    }
    if (message->wire != PANDO_PROTO_BYTES) {
        message->failed = true;
        return false;
    }
    if (*cursor == NULL)
        *cursor = message->bytes;
    if (*cursor == message->bytes + message->len_bytes)
        return false;
    if (!read_number(cursor, message->bytes + message->len_bytes, ret_number))
        message->failed = true;
    return !message->failed;
}
