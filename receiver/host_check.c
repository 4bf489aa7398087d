/* Why: receiver/host_check.h. Context: own process. */
#include "receiver/host_check.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 255 };

/* The name without its port and brackets. */
static bool name_of(const char *host, char name[NAME_MAX_BYTES + 1])
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    const char *start = end != NULL ? host + 1 : host;
    const char *port = end != NULL ? end + 1 : strchr(host, ':');
    size_t len = end != NULL ? (size_t)(end - start) : port != NULL ? (size_t)(port - start) : strlen(start);
    if (len == 0 || len > NAME_MAX_BYTES)
        return false;
    if (port != NULL && *port != '\0' && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
        return false;
    memcpy(name, start, len);
    name[len] = '\0';
    return true;
}

static bool is_listed(const char *names, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = names; at != NULL && *at != '\0'; at += strcspn(at, ",")) {
        at += *at == ',';
        if (strcspn(at, ",") == len && strncasecmp(at, name, len) == 0)
            return true;
    }
    return false;
}

static bool is_address(const char *name)
{
    unsigned char unused[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, unused) == 1 || inet_pton(AF_INET6, name, unused) == 1;
}

bool pando_host_is_ours(const struct pando_host_rule *rule, const char *host)
{
    char name[NAME_MAX_BYTES + 1];
    if (host == NULL || !name_of(host, name))
        return false;
    return is_listed("localhost,127.0.0.1,::1", name) || strcasecmp(rule->listen_host, name) == 0 ||
           is_listed(rule->more_names, name) || (rule->allow_remote && is_address(name));
}

bool pando_origin_is_ours(const char *origin, const char *host)
{
    static const char *const schemes[] = {"http://", "https://"}; /* a proxy may have the other one */
    if (origin == NULL)
        return true;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0] && host != NULL; i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(origin, schemes[i], len) == 0 && strcasecmp(origin + len, host) == 0)
            return true;
    }
    return false;
}
