/* Why: cli/http_get.h. Context: own process. */
#include "cli/http_get.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/error.h"

enum { CONNECT_TIMEOUT_S = 10, TOTAL_TIMEOUT_S = 120 };

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct pando_buffer *body = context;
    return pando_buffer_append(body, bytes, size * count) == 0 ? size * count : 0;
}

int pando_http_get(const char *url, struct pando_buffer *body, char *message, size_t message_bytes)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        snprintf(message, message_bytes, "there is no memory for a connection.");
        return PANDO_ERR_NO_MEMORY;
    }
    char reason[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TOTAL_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "pando/" PANDO_VERSION);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
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
