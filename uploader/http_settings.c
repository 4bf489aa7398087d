/* Why: everything about the destination that can be wrong is found at the start and said in one sentence; and everything
 * that libcurl would look up in the environment is read once, here. Context: setup, the host's thread. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/error.h"
#include "uploader/http.h"

enum { URL_MAX_BYTES = 4096, GROUP_MAX_BYTES = 255 };

static bool is_group(const char *group)
{
    size_t len = strspn(group, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len >= 1 && len <= GROUP_MAX_BYTES && group[len] == '\0';
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
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
    *ret_loopback = is_loopback(text);
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

static const char *first_set(const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *value = secure_getenv(*names);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

/* The same variables in the same order as libcurl's; upper-case HTTP_PROXY is left out on purpose there (CGI sets it). */
static const char *proxy_for(bool https, bool loopback)
{
    static const char *const for_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
    static const char *const for_http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    const char *proxy = loopback ? NULL : first_set(https ? for_https : for_http);
    return proxy != NULL ? proxy : "";
}

static int copy(char **ret_copy, const char *text)
{
    *ret_copy = strdup(text);
    return *ret_copy != NULL ? 0 : PANDO_ERR_NO_MEMORY;
}

static int fill(struct pando_http_settings *settings, const char *url, const char *group, const char *user_agent,
                bool https, bool loopback)
{
    static const char *const ca_names[] = {"AWS_CA_BUNDLE", "SSL_CERT_FILE", NULL};
    static const char *const no_proxy_names[] = {"no_proxy", "NO_PROXY", NULL};
    size_t url_bytes = strlen(url);
    while (url_bytes > 0 && url[url_bytes - 1] == '/')
        url_bytes--;
    struct pando_buffer endpoint;
    pando_buffer_init(&endpoint, URL_MAX_BYTES + GROUP_MAX_BYTES + 128);
    pando_buffer_append(&endpoint, url, url_bytes);
    pando_buffer_append_format(&endpoint, "/profilingGroups/%s/agentProfile?profileToken=", group);
    size_t endpoint_bytes;
    settings->endpoint = pando_buffer_detach(&endpoint, &endpoint_bytes);
    if (settings->endpoint == NULL)
        return PANDO_ERR_NO_MEMORY;
    const char *no_proxy = first_set(no_proxy_names);
    const char *ca_file = first_set(ca_names);
    settings->in_clear = !https && !loopback;
    int error = copy(&settings->user_agent, user_agent != NULL ? user_agent : "Pando");
    if (error == 0)
        error = copy(&settings->proxy, proxy_for(https, loopback));
    settings->needs_tls = https || (settings->proxy != NULL && strncasecmp(settings->proxy, "https://", 8) == 0);
    if (error == 0)
        error = copy(&settings->no_proxy, no_proxy != NULL ? no_proxy : "");
    if (error == 0 && ca_file != NULL)
        error = copy(&settings->ca_file, ca_file);
    return error;
}

int pando_http_settings_make(const char *url, const char *group, const char *user_agent,
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
        error = fill(settings, url, group, user_agent, https, loopback);
    return error;
}

void pando_http_settings_release(struct pando_http_settings *settings)
{
    free(settings->endpoint);
    free(settings->user_agent);
    free(settings->proxy);
    free(settings->no_proxy);
    free(settings->ca_file);
    *settings = (struct pando_http_settings){0};
}
