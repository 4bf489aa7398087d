/* Why: everything about the destination that can be wrong is found at the start and said in one sentence; and everything
 * that libcurl would look up in the environment is read once, here. Context: setup, the host's thread. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/environment.h"
#include "base/error.h"
#include "uploader/http_settings.h"

enum { URL_MAX_BYTES = 4096, GROUP_MAX_BYTES = 255 };

static bool is_group(const char *group)
{
    size_t len = strspn(group, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len >= 1 && len <= GROUP_MAX_BYTES && group[len] == '\0';
}

bool pando_http_is_loopback(const char *host)
{
    struct in_addr address; /* "127.example.com" is none */
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

static int invalid(char *message, size_t message_bytes, const char *url, const char *why)
{
    snprintf(message, message_bytes, "The receiver's URL \"%.200s\" %s.", url, why);
    return PANDO_ERR_INVALID;
}

/* Checks the parsed URL; *ret_https, *ret_loopback tell what it is. */
static int check_parts(CURLU *parts, const char *url, bool *ret_https, bool *ret_loopback, char *message,
                       size_t message_bytes)
{
    char *text = NULL;
    if (curl_url_get(parts, CURLUPART_SCHEME, &text, 0) != CURLUE_OK)
        return invalid(message, message_bytes, url, "has no scheme: it must begin with http:// or https://");
    *ret_https = strcmp(text, "https") == 0;
    bool known = *ret_https || strcmp(text, "http") == 0;
    curl_free(text);
    if (!known)
        return invalid(message, message_bytes, url, "must begin with http:// or https://");
    if (curl_url_get(parts, CURLUPART_HOST, &text, 0) != CURLUE_OK)
        return invalid(message, message_bytes, url, "names no host");
    *ret_loopback = pando_http_is_loopback(text);
    curl_free(text);
    static const struct {
        CURLUPart part;
        const char *why;
    } unwanted[] = {
        {CURLUPART_USER, "must not carry a user name or password"},
        {CURLUPART_QUERY, "must not carry a query (what follows the ?)"},
        {CURLUPART_FRAGMENT, "must not carry a fragment (what follows the #)"},
    };
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
        if (curl_url_get(parts, unwanted[i].part, &text, 0) == CURLUE_OK) {
            curl_free(text);
            return invalid(message, message_bytes, url, unwanted[i].why);
        }
    }
    return 0;
}

static const char *first_set(const char *environment, const char *const *names)
{
    const char *value = NULL;
    for (; *names != NULL && value == NULL; names++)
        value = pando_environment_get(environment, *names);
    return value;
}

/* The same variables in the same order as libcurl's; upper-case HTTP_PROXY is left out on purpose there (CGI sets it). */
static const char *proxy_for(const char *environment, bool https, bool loopback)
{
    static const char *const for_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
    static const char *const for_http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    const char *proxy = loopback ? NULL : first_set(environment, https ? for_https : for_http);
    return proxy != NULL ? proxy : "";
}

static int copy(char **ret_copy, const char *text)
{
    *ret_copy = strdup(text);
    return *ret_copy != NULL ? 0 : PANDO_ERR_NO_MEMORY;
}

static int fill(struct pando_http_settings *settings, const char *url, const char *user_agent, const char *environment, bool https,
                bool loopback)
{
    static const char *const ca_names[] = {"AWS_CA_BUNDLE", "SSL_CERT_FILE", NULL};
    static const char *const no_proxy_names[] = {"no_proxy", "NO_PROXY", NULL};
    const char *no_proxy = first_set(environment, no_proxy_names), *ca_file = first_set(environment, ca_names);
    settings->in_clear = !https && !loopback;
    int error = copy(&settings->base_url, url);
    if (error == 0) {
        char *end = settings->base_url + strlen(url);
        while (end > settings->base_url && end[-1] == '/')
            *--end = '\0';
        const char *authority = strstr(settings->base_url, "://") + 3;
        size_t authority_bytes = strcspn(authority, "/");
        settings->authority = strndup(authority, authority_bytes);
        error = settings->authority != NULL ? copy(&settings->prefix, authority + authority_bytes) : PANDO_ERR_NO_MEMORY;
    }
    if (error == 0)
        error = copy(&settings->user_agent, user_agent != NULL ? user_agent : "Pando");
    if (error == 0)
        error = copy(&settings->proxy, proxy_for(environment, https, loopback));
    settings->needs_tls = https || (settings->proxy != NULL && strncasecmp(settings->proxy, "https://", 8) == 0);
    if (error == 0)
        error = copy(&settings->no_proxy, no_proxy != NULL ? no_proxy : "");
    if (error == 0 && ca_file != NULL)
        error = copy(&settings->ca_file, ca_file);
    return error;
}

int pando_http_settings_make(const char *url, const char *group, const char *user_agent, const char *environment,
                             struct pando_http_settings *settings, char *message, size_t message_bytes)
{
    *settings = (struct pando_http_settings){0};
    if (url == NULL || url[0] == '\0') {
        snprintf(message, message_bytes, "The receiver's URL is missing.");
        return PANDO_ERR_INVALID;
    }
    if (strlen(url) > URL_MAX_BYTES)
        return invalid(message, message_bytes, url, "is too long");
    if (group == NULL || !is_group(group)) {
        snprintf(message, message_bytes,
                 "The profiling group's name \"%.300s\" must be 1 to 255 letters, digits, hyphens or underscores.",
                 group != NULL ? group : "");
        return PANDO_ERR_INVALID;
    }
    CURLU *parts = curl_url();
    if (parts == NULL)
        return PANDO_ERR_NO_MEMORY;
    bool https = false, loopback = false;
    int error;
    if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        error = invalid(message, message_bytes, url, "is no URL of the form http://host:port or https://host");
    else
        error = check_parts(parts, url, &https, &loopback, message, message_bytes);
    curl_url_cleanup(parts);
    if (error == 0)
        error = fill(settings, url, user_agent, environment, https, loopback);
    return error;
}

void pando_http_settings_release(struct pando_http_settings *settings)
{
    free(settings->base_url);
    free(settings->authority);
    free(settings->prefix);
    free(settings->user_agent);
    free(settings->proxy);
    free(settings->no_proxy);
    free(settings->ca_file);
    *settings = (struct pando_http_settings){0};
}
