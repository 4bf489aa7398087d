/* Why: how this process reaches the network: proxy, certificates, time limits; checked and fixed at the start.
 * Context: setup. Private to uploader/. */
#ifndef PANDO_UPLOADER_HTTP_SETTINGS_H
#define PANDO_UPLOADER_HTTP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pando_http_settings {
    char *base_url;      /* "https://host:port/prefix", without a slash at the end */
    char *authority;     /* "host:port" of it, as Host says it */
    char *prefix;        /* "/prefix" of it, or "" */
    char *user_agent;
    char *proxy;         /* "" none. As the environment had it when these were made: getenv in a later moment could */
    char *no_proxy;      /* run into the host's setenv */
    char *ca_file;       /* NULL: the system's */
    uint32_t connect_timeout_ms, total_timeout_ms;
    bool needs_tls;      /* https, a proxy that is, or signatures: OpenSSL is used */
    bool in_clear;       /* http to a host that is not this one */
};

/* Checks `url` and `group` and fills `settings` (release also after an error). Setup. `environment` as in base/environment.h.
 * Returns 0, PANDO_ERR_INVALID with a sentence in `message`, or PANDO_ERR_NO_MEMORY. The two timeouts are the caller's. */
int pando_http_settings_make(const char *url, const char *group, const char *user_agent, const char *environment,
                             struct pando_http_settings *settings, char *message, size_t message_bytes);
void pando_http_settings_release(struct pando_http_settings *settings);
/* Whether `host` (as in a URL, an address of version 6 in brackets) is this machine. */
bool pando_http_is_loopback(const char *host);

#endif
