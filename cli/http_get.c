/* Why: cli/http_get.h. Context: own process. */
#include "cli/http_get.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/http_auth.h"
#include "cli/progress.h"

enum { CONNECT_TIMEOUT_S = 10, TOTAL_TIMEOUT_S = 120, HTTP_UNAUTHORIZED = 401, HTTP_FORBIDDEN = 403 };

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct pando_buffer *body = context;
    pando_progress_count(body->len_bytes + size * count, 0);
    return pando_buffer_append(body, bytes, size * count) == 0 ? size * count : 0;
}

/* The file of trusted certificates, by the names that the agent knows too; libcurl's own choice when there is none. */
static void trust(CURL *curl)
{
    const char *file = getenv("AWS_CA_BUNDLE");
    if (file == NULL || file[0] == '\0')
        file = getenv("SSL_CERT_FILE");
    if (file != NULL && file[0] != '\0')
        curl_easy_setopt(curl, CURLOPT_CAINFO, file);
}

static void set_up(CURL *curl, const char *url, long timeout_s, struct pando_buffer *body, char *reason)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* it is signed as it is */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "pando/" PANDO_VERSION);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    trust(curl);
}

static CURLcode perform(CURL *curl, struct curl_slist *headers, long *ret_status)
{
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    return code;
}

/* With a token if there is one; with a signature only when the receiver asks who we are. */
static CURLcode ask(CURL *curl, const char *url, struct pando_buffer *body, long *ret_status)
{
    struct curl_slist *headers = NULL;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (pando_http_auth_token(&headers))
        code = perform(curl, headers, ret_status);
    if (code == CURLE_OK && (*ret_status == HTTP_UNAUTHORIZED || *ret_status == HTTP_FORBIDDEN) && pando_http_auth_can_sign() &&
        pando_http_auth_sign(url, &headers)) {
        pando_buffer_clear(body);
        code = perform(curl, headers, ret_status);
    }
    pando_http_auth_release(headers);
    return code;
}

int pando_http_get(const char *url, struct pando_buffer *body, char *message, size_t message_bytes)
{
    return pando_http_get_within(url, TOTAL_TIMEOUT_S, body, message, message_bytes);
}

int pando_http_get_within(const char *url, long timeout_s, struct pando_buffer *body, char *message, size_t message_bytes)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        snprintf(message, message_bytes, "there is no memory for a connection.");
        return PANDO_ERR_NO_MEMORY;
    }
    char reason[CURL_ERROR_SIZE] = "";
    long status = 0;
    set_up(curl, url, timeout_s, body, reason);
    const char *host = strstr(url, "://"), *end = host != NULL ? host + 3 + strcspn(host + 3, "/?#") : url;
    for (const char *at = host; at != NULL && at < end; at++)
        host = *at == '@' ? at : host; /* what is before it may be a password */
    host = host == NULL ? url : host + (*host == '@' ? 1 : 3);
    pando_progress_begin("asking %.*s", (int)(end - host), host);
    CURLcode code = ask(curl, url, body, &status);
    pando_progress_end();
    curl_easy_cleanup(curl);
    if (code == CURLE_OK)
        return (int)status;
    if (body->failed == PANDO_ERR_LIMIT) {
        snprintf(message, message_bytes, "the answer of %s is larger than %zu bytes.", url, body->max_bytes);
        return PANDO_ERR_LIMIT;
    }
    snprintf(message, message_bytes, "%s cannot be read: %s.", url, reason[0] != '\0' ? reason : curl_easy_strerror(code));
    return PANDO_ERR_NETWORK;
}
