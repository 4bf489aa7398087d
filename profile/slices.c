/* Why: profile/slices.h: a slice, its name as a frame, and which slices are wished. Context: as there. */
#include "profile/slices.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "profile/utf8.h"

/* Copies `text` into room for `max_bytes` and a NUL: valid UTF-8, whole characters. */
static void put_clean(char *to, size_t max_bytes, const char *text, size_t len_bytes)
{
    size_t used = 0;
    for (size_t at = 0; at < len_bytes;) {
        size_t step = text[at] == '\0' ? 0 : pando_utf8_sequence(text + at, len_bytes - at);
        const char *from = step == 0 ? PANDO_UTF8_REPLACEMENT : text + at;
        size_t from_bytes = step == 0 ? PANDO_UTF8_REPLACEMENT_BYTES : step;
        if (used + from_bytes > max_bytes)
            break;
        memcpy(to + used, from, from_bytes);
        used += from_bytes;
        at += step == 0 ? 1 : step;
    }
    memset(to + used, 0, max_bytes + 1 - used); /* so that equal slices are equal bytes */
}

void pando_slice_set_thread(struct pando_slice *slice, const char *name, size_t name_bytes)
{
    put_clean(slice->thread, PANDO_SLICE_THREAD_BYTES, name, name_bytes);
}

bool pando_slice_set_label(struct pando_slice *slice, const char *key, size_t key_bytes, const char *value, size_t value_bytes)
{
    struct pando_slice_label label;
    put_clean(label.key, PANDO_SLICE_KEY_BYTES, key, key_bytes);
    put_clean(label.value, PANDO_SLICE_VALUE_BYTES, value, value_bytes);
    uint32_t at = 0;
    while (at < slice->label_count && strcmp(slice->labels[at].key, label.key) < 0)
        at++;
    bool is_known = at < slice->label_count && strcmp(slice->labels[at].key, label.key) == 0;
    if (label.key[0] == '\0' || (!is_known && slice->label_count == PANDO_SLICE_LABELS_MAX))
        return false;
    if (!is_known) {
        memmove(&slice->labels[at + 1], &slice->labels[at], (slice->label_count - at) * sizeof slice->labels[0]);
        slice->label_count++;
    }
    slice->labels[at] = label;
    return true;
}

void pando_slice_clear_label(struct pando_slice *slice, const char *key)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < slice->label_count; i++)
        if (strcmp(slice->labels[i].key, key) != 0)
            slice->labels[kept++] = slice->labels[i];
    if (kept != slice->label_count)
        memset(&slice->labels[kept], 0, sizeof slice->labels[0]);
    slice->label_count = kept;
}

static bool is_escaped(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f || byte == '%' || byte == ';' || byte == '=';
}

/* Appends `text`; returns the new length. What does not fit is left out, but counted. */
static size_t append(char *name, size_t len, const char *text, bool escape)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        const char escaped[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        size_t bytes = escape && is_escaped(byte) ? sizeof escaped : 1;
        if (len + bytes < PANDO_SLICE_NAME_BYTES)
            memcpy(name + len, bytes == 1 ? text : escaped, bytes);
        len += bytes;
    }
    return len;
}

size_t pando_slice_render(const struct pando_slice *slice, char name[PANDO_SLICE_NAME_BYTES])
{
    char number[16] = "";
    if (slice->tid != 0)
        snprintf(number, sizeof number, "%u", slice->tid);
    size_t len = append(name, 0, slice->thread, true);
    len = append(name, len, ";", false);
    len = append(name, len, number, false);
    for (uint32_t i = 0; i < slice->label_count; i++) {
        len = append(name, len, ";", false);
        len = append(name, len, slice->labels[i].key, true);
        len = append(name, len, "=", false);
        len = append(name, len, slice->labels[i].value, true);
    }
    if (len >= PANDO_SLICE_NAME_BYTES)
        len = 0;
    name[len] = '\0';
    return len;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads up to `stop` or ';' or the end, unescaped, into `out`; false when it is no such text or too long. */
static bool take(const char **at, char stop, char *out, size_t max_bytes, size_t *ret_bytes)
{
    size_t len = 0;
    const char *from = *at;
    for (; *from != '\0' && *from != ';' && *from != stop; from++) {
        int high = *from == '%' ? hex_digit(from[1]) : 0, low = *from == '%' && high >= 0 ? hex_digit(from[2]) : 0;
        if (len == max_bytes || high < 0 || low < 0)
            return false;
        out[len++] = *from == '%' ? (char)(high << 4 | low) : *from;
        from += *from == '%' ? 2 : 0;
    }
    *at = from;
    *ret_bytes = len;
    return true;
}

static bool parse(const char *at, struct pando_slice *slice)
{
    char text[PANDO_SLICE_THREAD_BYTES], value[PANDO_SLICE_VALUE_BYTES];
    size_t text_bytes, value_bytes;
    if (!take(&at, ';', text, PANDO_SLICE_THREAD_BYTES, &text_bytes) || *at++ != ';')
        return false;
    pando_slice_set_thread(slice, text, text_bytes);
    struct pando_cursor cursor = pando_cursor_of_text(at);
    uint64_t tid = 0;
    if (*at != ';' && *at != '\0' && pando_cursor_decimal(&cursor, UINT32_MAX, &tid) != 0)
        return false;
    slice->tid = (uint32_t)tid;
    at += strcspn(at, ";");
    while (*at == ';') {
        at++;
        if (!take(&at, '=', text, PANDO_SLICE_KEY_BYTES, &text_bytes) || *at++ != '=' ||
            !take(&at, ';', value, PANDO_SLICE_VALUE_BYTES, &value_bytes) ||
            !pando_slice_set_label(slice, text, text_bytes, value, value_bytes))
            return false;
    }
    return *at == '\0';
}

bool pando_slice_parse(const char *name, struct pando_slice *ret_slice)
{
    char again[PANDO_SLICE_NAME_BYTES];
    *ret_slice = (struct pando_slice){0};
    if (parse(name, ret_slice) && pando_slice_render(ret_slice, again) != 0 && strcmp(again, name) == 0)
        return true;
    *ret_slice = (struct pando_slice){0};
    return false;
}

bool pando_profile_frame_is_slice(const struct pando_profile *profile, uint32_t frame)
{
    return strcmp(profile->strings[profile->frames[frame].object], PANDO_PROFILE_SLICE_OBJECT) == 0;
}

int64_t pando_profile_builder_slice(struct pando_profile_builder *builder, const struct pando_slice *slice)
{
    char name[PANDO_SLICE_NAME_BYTES];
    size_t len = pando_slice_render(slice, name);
    if (len == 0) {
        struct pando_slice bare = {.tid = slice->tid};
        memcpy(bare.thread, slice->thread, sizeof bare.thread);
        len = pando_slice_render(&bare, name);
    }
    int64_t string = pando_profile_builder_string(builder, name, len);
    int64_t object = pando_profile_builder_string(builder, PANDO_PROFILE_SLICE_OBJECT, sizeof PANDO_PROFILE_SLICE_OBJECT - 1);
    if (string < 0 || object < 0)
        return string < 0 ? string : object;
    return pando_profile_builder_frame(builder, (struct pando_profile_frame){.name = (uint32_t)string, .object = (uint32_t)object});
}

bool pando_slice_wish_thread(struct pando_slice_wish *wish, const char *text)
{
    if (wish->thread_count == PANDO_SLICE_WISHES_MAX)
        return false;
    put_clean(wish->threads[wish->thread_count++], PANDO_SLICE_THREAD_BYTES, text, strlen(text));
    return true;
}

bool pando_slice_wish_label(struct pando_slice_wish *wish, const char *text)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL || colon == text || wish->label_count == PANDO_SLICE_WISHES_MAX)
        return false;
    struct pando_slice_label *label = &wish->labels[wish->label_count++];
    put_clean(label->key, PANDO_SLICE_KEY_BYTES, text, (size_t)(colon - text));
    put_clean(label->value, PANDO_SLICE_VALUE_BYTES, colon + 1, strlen(colon + 1));
    return true;
}

static const char *value_of(const struct pando_slice *slice, const char *key)
{
    for (uint32_t i = 0; i < slice->label_count; i++)
        if (strcmp(slice->labels[i].key, key) == 0)
            return slice->labels[i].value;
    return NULL;
}

bool pando_slice_is_wished(const struct pando_slice *slice, const struct pando_slice_wish *wish)
{
    bool is_wished = wish->thread_count == 0;
    for (uint32_t i = 0; i < wish->thread_count && !is_wished; i++)
        is_wished = strcmp(wish->threads[i], slice->thread) == 0;
    for (uint32_t i = 0; i < wish->label_count && is_wished; i++) {
        const char *key = wish->labels[i].key, *value = value_of(slice, key);
        is_wished = false;
        for (uint32_t k = 0; k < wish->label_count && !is_wished && value != NULL; k++)
            is_wished = strcmp(wish->labels[k].key, key) == 0 && strcmp(wish->labels[k].value, value) == 0;
    }
    return is_wished;
}
