/* Why: uploader/spool_file.h. Context: worker. Checksum: CRC-32 (IEEE 802.3), against halves and rot, not against malice: the folder
 * is nobody else's. */
#include "uploader/spool_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/error.h"

static const char form[] = "pando-spool-1", suffix[] = ".profile", new_prefix[] = ".new-";
static const char *const content_types[] = {"application/json", "application/x-amzn-ion"};
enum { CONTENT_TYPES = sizeof content_types / sizeof content_types[0] };

static uint32_t checksum(uint32_t crc, const char *bytes, size_t len_bytes)
{
    static const uint32_t of_nibble[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                           0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                           0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    crc = ~crc;
    for (size_t i = 0; i < len_bytes; i++) {
        crc ^= (unsigned char)bytes[i];
        crc = (crc >> 4) ^ of_nibble[crc & 15];
        crc = (crc >> 4) ^ of_nibble[crc & 15];
    }
    return ~crc;
}

uint64_t pando_spool_group_hash(const char *group)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *group != '\0'; group++)
        hash = (hash ^ (unsigned char)*group) * 0x100000001b3u;
    return hash;
}

void pando_spool_name_write(const struct pando_spool_name *name, char text[PANDO_SPOOL_NAME_BYTES])
{
    snprintf(text, PANDO_SPOOL_NAME_BYTES, "%016llx.%llu.%u.%llu.%.36s%s", (unsigned long long)name->group_hash,
             (unsigned long long)name->sealed_wall_ms, name->owner_pid, (unsigned long long)name->owner_start, name->token, suffix);
}

void pando_spool_new_name_write(const struct pando_spool_name *name, char text[PANDO_SPOOL_NAME_BYTES])
{
    snprintf(text, PANDO_SPOOL_NAME_BYTES, "%s%u.%llu.%.36s", new_prefix, name->owner_pid, (unsigned long long)name->owner_start,
             name->token);
}

static bool is_token(const char *text, size_t len)
{
    return len == PANDO_TOKEN_SIZE - 1 && strspn(text, "0123456789abcdef-") >= len;
}

bool pando_spool_name_read(const char *text, struct pando_spool_name *ret_name)
{
    struct pando_spool_name name;
    uint64_t pid;
    size_t len = strlen(text);
    if (len >= PANDO_SPOOL_NAME_BYTES || len < sizeof suffix || strcmp(text + len - (sizeof suffix - 1), suffix) != 0)
        return false;
    struct pando_cursor cursor = pando_cursor_of(text, len - (sizeof suffix - 1));
    bool good = pando_cursor_hex(&cursor, UINT64_MAX, &name.group_hash) == 0 && pando_cursor_skip_char(&cursor, '.') == 0 &&
                pando_cursor_decimal(&cursor, UINT64_MAX, &name.sealed_wall_ms) == 0 && pando_cursor_skip_char(&cursor, '.') == 0 &&
                pando_cursor_decimal(&cursor, UINT32_MAX, &pid) == 0 && pando_cursor_skip_char(&cursor, '.') == 0 &&
                pando_cursor_decimal(&cursor, UINT64_MAX, &name.owner_start) == 0 && pando_cursor_skip_char(&cursor, '.') == 0 &&
                is_token(cursor.at, (size_t)(cursor.end - cursor.at));
    if (!good)
        return false;
    name.owner_pid = (uint32_t)pid;
    memcpy(name.token, cursor.at, PANDO_TOKEN_SIZE - 1);
    name.token[PANDO_TOKEN_SIZE - 1] = '\0';
    *ret_name = name;
    return true;
}

bool pando_spool_new_name_read(const char *text, uint32_t *ret_owner_pid, uint64_t *ret_owner_start)
{
    uint64_t pid;
    if (strncmp(text, new_prefix, sizeof new_prefix - 1) != 0)
        return false;
    struct pando_cursor cursor = pando_cursor_of_text(text + sizeof new_prefix - 1);
    bool good = pando_cursor_decimal(&cursor, UINT32_MAX, &pid) == 0 && pando_cursor_skip_char(&cursor, '.') == 0 &&
                pando_cursor_decimal(&cursor, UINT64_MAX, ret_owner_start) == 0 && pando_cursor_skip_char(&cursor, '.') == 0 &&
                is_token(cursor.at, (size_t)(cursor.end - cursor.at));
    *ret_owner_pid = good ? (uint32_t)pid : 0;
    return good;
}

static unsigned number_of_type(const char *content_type)
{
    for (unsigned i = 0; i < CONTENT_TYPES; i++) {
        if (strcmp(content_types[i], content_type) == 0)
            return i;
    }
    return 0;
}

size_t pando_spool_header_write(const struct pando_payload *payload, const char *group, char header[PANDO_SPOOL_HEADER_BYTES])
{
    int len = snprintf(header, PANDO_SPOOL_HEADER_BYTES, "%s %.255s %s %u %llu %zu ", form, group, payload->token,
                       number_of_type(payload->content_type), (unsigned long long)payload->samples, payload->len_bytes);
    uint32_t crc = checksum(checksum(0, header, (size_t)len), payload->bytes, payload->len_bytes);
    len += snprintf(header + len, PANDO_SPOOL_HEADER_BYTES - (size_t)len, "%08x\n", crc);
    return (size_t)len;
}

/* The next word of the header, as a slice; a blank stands behind it. */
static bool take_word(struct pando_cursor *cursor, const char **ret_word, size_t *ret_len)
{
    return pando_cursor_until(cursor, ' ', PANDO_SPOOL_HEADER_BYTES, ret_word, ret_len) == 0 && *ret_len != 0;
}

static bool take_number(struct pando_cursor *cursor, uint64_t max, uint64_t *ret_value)
{
    return pando_cursor_decimal(cursor, max, ret_value) == 0 && pando_cursor_skip_char(cursor, ' ') == 0;
}

int pando_spool_file_read(const char *bytes, size_t len_bytes, const char *group, struct pando_payload **ret_payload)
{
    const char *line_end = memchr(bytes, '\n', len_bytes < PANDO_SPOOL_HEADER_BYTES ? len_bytes : PANDO_SPOOL_HEADER_BYTES);
    if (line_end == NULL)
        return PANDO_ERR_SYNTAX;
    struct pando_cursor cursor = pando_cursor_of(bytes, (size_t)(line_end - bytes));
    const char *words[3], *body = line_end + 1;
    size_t lens[3];
    uint64_t type, samples, body_bytes, crc;
    for (int i = 0; i < 3; i++) {
        if (!take_word(&cursor, &words[i], &lens[i]))
            return PANDO_ERR_SYNTAX;
    }
    bool good = lens[0] == sizeof form - 1 && memcmp(words[0], form, lens[0]) == 0 && is_token(words[2], lens[2]) &&
                take_number(&cursor, CONTENT_TYPES - 1, &type) && take_number(&cursor, UINT64_MAX, &samples) &&
                take_number(&cursor, SIZE_MAX, &body_bytes) && body_bytes == len_bytes - (size_t)(body - bytes);
    size_t checked_bytes = good ? (size_t)(cursor.at - bytes) : 0;
    good = good && pando_cursor_hex(&cursor, UINT32_MAX, &crc) == 0 && pando_cursor_at_end(&cursor) &&
           crc == checksum(checksum(0, bytes, checked_bytes), body, body_bytes);
    if (!good)
        return PANDO_ERR_SYNTAX;
    if (strlen(group) != lens[1] || memcmp(group, words[1], lens[1]) != 0)
        return PANDO_ERR_NOT_FOUND;
    struct pando_payload *payload = calloc(1, sizeof *payload);
    char *copy = malloc(body_bytes + 1);
    if (payload == NULL || copy == NULL) {
        free(payload);
        free(copy);
        return PANDO_ERR_NO_MEMORY;
    }
    memcpy(copy, body, body_bytes);
    memcpy(payload->token, words[2], lens[2]);
    payload->bytes = copy;
    payload->len_bytes = body_bytes;
    payload->content_type = content_types[type];
    payload->samples = samples;
    payload->sealed_mono_ns = pando_clock_mono_ns();
    *ret_payload = payload;
    return 0;
}
