/* Why: uploader/http.h. Context: the uploader's thread, all signals blocked.
 * A multi handle, although there is one transfer at a time: curl_easy_perform looks up only once a second, and a host that
 * ends must not wait so long for us. */
#include "uploader/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "uploader/response.h"
#include "uploader/tls_guard.h"

enum { ANSWER_MAX_BYTES = 64 * 1024, LOOK_UP_MS = 50, DESCRIPTOR_MIN = 10, URL_BYTES = 8192 };

struct pando_http {
    const struct pando_http_settings *settings;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    bool has_curl;
    bool guards_tls;     /* between the first TLS transfer and the rest: connections stay open */
    struct pando_buffer answer;
    char error_text[CURL_ERROR_SIZE];
    char url[URL_BYTES];
};

struct pando_http *pando_http_new(const struct pando_http_settings *settings)
{
    struct pando_http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return NULL;
    http->settings = settings;
    pando_buffer_init(&http->answer, ANSWER_MAX_BYTES);
    pando_tls_guard_init();
    /* Counted by libcurl and safe against the host's own call (since 7.84). There is no curl_global_cleanup: it would take
     * TLS away from a name look-up that is still under way in a thread of libcurl's. It uses OpenSSL whatever the URL is: when
     * the host has cleaned that up already (we are late in its exit), libcurl must not be touched any more. */
    if (pando_tls_guard_enter()) {
        http->has_curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
        pando_tls_guard_leave();
    }
    return http;
}

void pando_http_free(struct pando_http *http)
{
    if (http == NULL)
        return;
    pando_http_rest(http);
    pando_buffer_release(&http->answer);
    free(http);
}

void pando_http_rest(struct pando_http *http)
{
    if (http->easy != NULL)
        curl_easy_cleanup(http->easy);
    if (http->multi != NULL)
        curl_multi_cleanup(http->multi);
    curl_slist_free_all(http->headers);
    http->easy = NULL;
    http->multi = NULL;
    http->headers = NULL;
    if (http->guards_tls)
        pando_tls_guard_leave();
    http->guards_tls = false;
}

/* Where the thread could not leave the host's table: the low descriptors are the host's, which may count on getting them. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context;
    (void)purpose;
    int low = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (low < 0 || low >= DESCRIPTOR_MIN)
        return low < 0 ? CURL_SOCKET_BAD : low;
    int high = fcntl(low, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
    close(low);
    return high < 0 ? CURL_SOCKET_BAD : high;
}

static size_t keep_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct pando_http *http = context;
    size_t len = size * count;
    size_t room = http->answer.max_bytes - http->answer.len_bytes;
    pando_buffer_append(&http->answer, bytes, len < room ? len : room);
    return len <= room ? len : 0; /* 0 ends the transfer: the status is known, more words are of no use */
}

static bool set_fixed_options(struct pando_http *http)
{
    const struct pando_http_settings *settings = http->settings;
    CURL *easy = http->easy;
    CURLcode bad = CURLE_OK;
#define SET(option, value) (bad = bad != CURLE_OK ? bad : curl_easy_setopt(easy, option, value))
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_ERRORBUFFER, http->error_text);
    SET(CURLOPT_USERAGENT, settings->user_agent);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PROXY, settings->proxy);
    SET(CURLOPT_NOPROXY, settings->no_proxy);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)settings->total_timeout_ms);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_WRITEFUNCTION, keep_answer);
    SET(CURLOPT_WRITEDATA, http);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, 1L); /* an end must not wait for a name look-up */
#endif
    if (settings->ca_file != NULL)
        SET(CURLOPT_CAINFO, settings->ca_file);
#undef SET
    return bad == CURLE_OK;
}

static bool add_header(struct pando_http *http, const char *header)
{
    struct curl_slist *longer = curl_slist_append(http->headers, header);
    if (longer != NULL)
        http->headers = longer;
    return longer != NULL;
}

static bool prepare(struct pando_http *http, const struct pando_payload *payload)
{
    if (http->multi == NULL) {
        http->multi = curl_multi_init();
        http->easy = curl_easy_init();
        if (http->multi == NULL || http->easy == NULL || !set_fixed_options(http)) {
            pando_http_rest(http);
            return false;
        }
    }
    char content_type[128];
    snprintf(content_type, sizeof content_type, "Content-Type: %s", payload->content_type);
    curl_slist_free_all(http->headers);
    http->headers = NULL;
    /* Without "Expect:" a large body would first wait a second for a server that knows no 100 Continue. */
    bool ready = add_header(http, content_type) && add_header(http, "Expect:");
    int len = snprintf(http->url, sizeof http->url, "%s%s", http->settings->endpoint, payload->token);
    CURL *easy = http->easy;
    return ready && len > 0 && (size_t)len < sizeof http->url &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, http->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)payload->len_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, payload->bytes != NULL ? payload->bytes : "") == CURLE_OK;
}

/* Runs the transfer; false when it was aborted. */
static bool run(struct pando_http *http, const atomic_bool *abort, CURLcode *ret_code)
{
    *ret_code = CURLE_FAILED_INIT;
    if (curl_multi_add_handle(http->multi, http->easy) != CURLM_OK)
        return true;
    bool aborted = false;
    int running = 1;
    while (!aborted) {
        if (curl_multi_perform(http->multi, &running) != CURLM_OK || running == 0)
            break;
        curl_multi_poll(http->multi, NULL, 0, LOOK_UP_MS, NULL);
        aborted = atomic_load_explicit(abort, memory_order_relaxed) ||
                  (http->guards_tls && pando_tls_guard_is_closing());
    }
    int left;
    for (CURLMsg *done; (done = curl_multi_info_read(http->multi, &left)) != NULL;)
        if (done->msg == CURLMSG_DONE)
            *ret_code = done->data.result;
    curl_multi_remove_handle(http->multi, http->easy);
    return !aborted;
}

static enum pando_try_failure failure_of(CURL *easy, CURLcode code)
{
    curl_off_t connected_us = 0;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return PANDO_TRY_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
        return connected_us == 0 ? PANDO_TRY_UNREACHABLE : PANDO_TRY_INTERRUPTED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return PANDO_TRY_UNTRUSTED;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_NOT_BUILT_IN:
        return PANDO_TRY_IMPOSSIBLE;
    default:
        return PANDO_TRY_INTERRUPTED;
    }
}

static void explain_status(const struct pando_http *http, long status, char *reason, size_t reason_bytes)
{
    char quote[300] = "";
    pando_response_quote(http->answer.bytes != NULL ? http->answer.bytes : "", http->answer.len_bytes, quote,
                         sizeof quote);
    if (status >= 300 && status <= 399)
        snprintf(reason, reason_bytes, "HTTP %ld, a redirect, which is not followed", status);
    else if (quote[0] == '\0')
        snprintf(reason, reason_bytes, "HTTP %ld", status);
    else
        snprintf(reason, reason_bytes, "HTTP %ld: %s", status, quote);
}

struct pando_try_outcome pando_http_post(struct pando_http *http, const struct pando_payload *payload,
                                         const atomic_bool *abort, char *reason, size_t reason_bytes)
{
    struct pando_try_outcome outcome = {.failure = PANDO_TRY_IMPOSSIBLE};
    http->error_text[0] = '\0';
    pando_buffer_clear(&http->answer);
    if (http->settings->needs_tls && http->has_curl && !http->guards_tls)
        http->guards_tls = pando_tls_guard_enter();
    if (!http->has_curl || (http->settings->needs_tls && !http->guards_tls)) {
        snprintf(reason, reason_bytes, "the program's OpenSSL is shut down already");
        outcome.failure = PANDO_TRY_UNREACHABLE;
        return outcome;
    }
    snprintf(reason, reason_bytes, "the request could not be prepared");
    if (!prepare(http, payload))
        return outcome;
    CURLcode code;
    if (!run(http, abort, &code)) {
        snprintf(reason, reason_bytes, "aborted");
        bool by_exit = !atomic_load_explicit(abort, memory_order_relaxed);
        if (by_exit) {
            pando_http_rest(http);
            snprintf(reason, reason_bytes, "the program shut its OpenSSL down meanwhile");
            outcome.failure = PANDO_TRY_UNREACHABLE;
            return outcome;
        }
        outcome.failure = PANDO_TRY_ABORTED;
        return outcome;
    }
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &outcome.status);
    if (outcome.status >= 200) {
        /* The status line is what counts: what went wrong after it cannot undo what the server did. */
        curl_off_t retry_after_s = 0;
        curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        outcome.failure = PANDO_TRY_ANSWERED;
        outcome.retry_after_s = retry_after_s < 0              ? 0
                                : retry_after_s > UINT32_MAX   ? UINT32_MAX
                                                               : (uint32_t)retry_after_s;
        explain_status(http, outcome.status, reason, reason_bytes);
        return outcome;
    }
    outcome.failure = failure_of(http->easy, code);
    snprintf(reason, reason_bytes, "%s", http->error_text[0] != '\0' ? http->error_text : curl_easy_strerror(code));
    return outcome;
}
