/* Why: receiver/accept.h. Context: own process. Pure. */
#include "receiver/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* "0.5" as 500; what is no number is all. */
static int read_quality(const char *at, const char *end)
{
    int quality = 0, digits = 0;
    if (at == end || (*at != '0' && *at != '1'))
        return 1000;
    if (*at == '1')
        return 1000;
    at++;
    if (at < end && *at == '.')
        for (at++; at < end && *at >= '0' && *at <= '9' && digits < 3; at++, digits++)
            quality = quality * 10 + (*at - '0');
    for (; digits < 3; digits++)
        quality *= 10;
    return quality;
}

/* The parameter q of "type/subtype; q=0.5". */
static int quality_of(const char *at, const char *end)
{
    while ((at = memchr(at, ';', (size_t)(end - at))) != NULL) {
        for (at++; at < end && is_blank(*at); at++)
            continue;
        if (end - at >= 2 && (at[0] == 'q' || at[0] == 'Q') && at[1] == '=')
            return read_quality(at + 2, end);
    }
    return 1000;
}

/* How a list of ranges likes `exact`; what is more exact counts more, as RFC 9110 has it. -1: it is not named. */
static int quality_in(const char *list, const char *const *names, size_t name_count)
{
    int quality = -1;
    size_t best = name_count;
    while (*list != '\0') {
        const char *end = list + strcspn(list, ",");
        while (list < end && is_blank(*list))
            list++;
        size_t len = strcspn(list, ",; \t");
        for (size_t i = 0; i < best; i++) {
            if (strlen(names[i]) == len && strncasecmp(list, names[i], len) == 0) {
                best = i;
                quality = quality_of(list, end);
            }
        }
        list = *end == ',' ? end + 1 : end;
    }
    return quality;
}

enum pando_accept pando_accept_choose(const char *accept)
{
    static const char *const ion[] = {"application/x-amzn-ion", "application/*", "*/*"};
    static const char *const json[] = {"application/json", "application/*", "*/*"};
    if (accept == NULL || accept[strspn(accept, " \t")] == '\0')
        return PANDO_ACCEPT_ION;
    int ion_quality = quality_in(accept, ion, 3), json_quality = quality_in(accept, json, 3);
    if (ion_quality <= 0 && json_quality <= 0)
        return PANDO_ACCEPT_NEITHER;
    return json_quality > ion_quality ? PANDO_ACCEPT_JSON : PANDO_ACCEPT_ION;
}

bool pando_accept_gzip(const char *accept_encoding)
{
    static const char *const gzip[] = {"gzip", "*"};
    return accept_encoding != NULL && quality_in(accept_encoding, gzip, 2) > 0;
}
