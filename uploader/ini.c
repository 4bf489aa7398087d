/* Why: uploader/ini.h. Context: any thread. */
#include "uploader/ini.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"

struct slice {
    const char *at;
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trimmed(struct slice text)
{
    while (text.len != 0 && is_blank(text.at[0]))
        text = (struct slice){text.at + 1, text.len - 1};
    while (text.len != 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

static bool is_text(struct slice slice, const char *text)
{
    return strlen(text) == slice.len && memcmp(slice.at, text, slice.len) == 0;
}

static struct slice next_line(const char **at, const char *end)
{
    const char *start = *at, *stop = memchr(start, '\n', (size_t)(end - start));
    *at = stop != NULL ? stop + 1 : end;
    return (struct slice){start, (size_t)((stop != NULL ? stop : end) - start)};
}

/* Whether "[...]" is the profile's section. */
static bool is_section_of(const struct pando_ini *ini, struct slice line, const char *profile)
{
    const char *stop = memchr(line.at, ']', line.len);
    if (stop == NULL)
        return false;
    struct slice name = trimmed((struct slice){line.at + 1, (size_t)(stop - line.at - 1)});
    if (ini->kind == PANDO_INI_CONFIG && name.len > 8 && memcmp(name.at, "profile", 7) == 0 && is_blank(name.at[7]))
        name = trimmed((struct slice){name.at + 7, name.len - 7});
    else if (ini->kind == PANDO_INI_CONFIG && strcmp(profile, "default") != 0)
        return false;
    if (name.len >= 2 && (name.at[0] == '"' || name.at[0] == '\'') && name.at[name.len - 1] == name.at[0])
        name = (struct slice){name.at + 1, name.len - 2};
    return is_text(name, profile);
}

static struct slice without_comment(struct slice value)
{
    for (size_t i = 1; i < value.len; i++) {
        if ((value.at[i] == '#' || value.at[i] == ';') && is_blank(value.at[i - 1]))
            return (struct slice){value.at, i};
    }
    return value;
}

/* The value of the line, if it is one of `name`. */
static bool has_name(struct slice line, const char *name, struct slice *ret_value)
{
    const char *equals = memchr(line.at, '=', line.len);
    if (equals == NULL)
        return false;
    struct slice key = trimmed((struct slice){line.at, (size_t)(equals - line.at)});
    if (strlen(name) != key.len || strncasecmp(key.at, name, key.len) != 0)
        return false;
    struct slice value = {equals + 1, line.len - (size_t)(equals + 1 - line.at)};
    *ret_value = trimmed(without_comment(value));
    return true;
}

/* `name` NULL: whether there is the section at all. */
static bool find(const struct pando_ini *ini, const char *profile, const char *name, struct slice *ret_value)
{
    const char *at = ini->bytes, *end = ini->bytes + ini->len_bytes;
    bool is_inside = false, found = false;
    while (at < end) {
        struct slice line = next_line(&at, end);
        if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';' || is_blank(line.at[0]))
            continue;
        if (line.at[0] == '[') {
            is_inside = is_section_of(ini, line, profile);
            found |= name == NULL && is_inside;
        } else if (is_inside && name != NULL) {
            found |= has_name(line, name, ret_value);
        }
    }
    return found;
}

bool pando_ini_has(const struct pando_ini *ini, const char *profile)
{
    return find(ini, profile, NULL, NULL);
}

int pando_ini_get(const struct pando_ini *ini, const char *profile, const char *name, char *value, size_t value_bytes)
{
    struct slice found = {0};
    if (!find(ini, profile, name, &found) || found.len == 0)
        return PANDO_ERR_NOT_FOUND;
    if (found.len >= value_bytes)
        return PANDO_ERR_LIMIT;
    memcpy(value, found.at, found.len);
    value[found.len] = '\0';
    return 0;
}
