/* Why: uploader/http.h. Context: the uploader's thread, all signals blocked.
 * A multi handle, although there is one transfer at a time: curl_easy_perform looks up only once a second, and a host that
 * ends must not wait so long for us. */
#include "uploader/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "uploader/response.h"
#include "uploader/tls_guard.h"

enum {
    ANSWER_MAX_BYTES = 64 * 1024,
    ANSWER_FIRST_BYTES = 16 * 1024,
    HEADERS_MAX_BYTES = 16 * 1024,
    LOOK_UP_MS = 50,
    DESCRIPTOR_MIN = 10,
    HEADER_LINE_BYTES = 20 * 1024,  /* a session token, or a token of a file, and a name */
};

struct pando_http {
    const struct pando_http_settings *settings;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    bool has_curl;
    bool guards_tls;     /* between the first TLS transfer and the rest: connections stay open */
    struct pando_buffer answer;
    size_t header_bytes; /* of the answer so far */
    int64_t date_wall_s;
    char error_type[96];
    char error_text[CURL_ERROR_SIZE];
};

struct pando_http *pando_http_new(const struct pando_http_settings *settings)
{
    struct pando_http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return NULL;
    http->settings = settings;
    /* In one piece from the start: a buffer that moved would leave parts of credentials in memory given back. */
    pando_buffer_init(&http->answer, ANSWER_MAX_BYTES);
    for (size_t i = 0; i < ANSWER_FIRST_BYTES; i++)
        pando_buffer_append_char(&http->answer, ' ');
    pando_buffer_clear(&http->answer);
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
    if (http->answer.bytes != NULL)
        explicit_bzero(http->answer.bytes, http->answer.len_bytes);
    pando_buffer_release(&http->answer);
    free(http);
}

/* The strings of the list may hold tokens. */
static void forget_headers(struct pando_http *http)
{
    for (struct curl_slist *line = http->headers; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(http->headers);
    http->headers = NULL;
}

void pando_http_rest(struct pando_http *http)
{
    if (http->easy != NULL)
        curl_easy_cleanup(http->easy);
    if (http->multi != NULL)
        curl_multi_cleanup(http->multi);
    forget_headers(http);
    http->easy = NULL;
    http->multi = NULL;
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

void pando_http_read_header(const char *line, size_t len, int64_t *date_wall_s, char *error_type, size_t error_type_bytes)
{
    static const char date[] = "date:", type[] = "x-amzn-errortype:";
    char value[128];
    size_t skip = len > sizeof date && strncasecmp(line, date, sizeof date - 1) == 0   ? sizeof date - 1
                  : len > sizeof type && strncasecmp(line, type, sizeof type - 1) == 0 ? sizeof type - 1
                                                                                       : 0;
    bool is_date = skip == sizeof date - 1;
    if (skip == 0)
        return;
    while (skip < len && line[skip] == ' ')
        skip++;
    snprintf(value, sizeof value, "%.*s", (int)(len - skip < 100 ? len - skip : 100), line + skip);
    value[strcspn(value, "\r\n")] = '\0';
    int64_t wall_s = is_date ? (int64_t)curl_getdate(value, NULL) : 0;
    if (is_date)
        *date_wall_s = wall_s > 0 ? wall_s : 0;
    else
        pando_response_error_type(value, strlen(value), error_type, error_type_bytes);
}

/* The headers that matter, and an end to those that never end. */
static size_t look_at_header(char *line, size_t size, size_t count, void *context)
{
    struct pando_http *http = context;
    size_t len = size * count;
    http->header_bytes += len;
    if (http->header_bytes > HEADERS_MAX_BYTES)
        return 0;
    pando_http_read_header(line, len, &http->date_wall_s, http->error_type, sizeof http->error_type);
    return len;
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
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_NOPROXY, settings->no_proxy);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_WRITEFUNCTION, keep_answer);
    SET(CURLOPT_WRITEDATA, http);
    SET(CURLOPT_HEADERFUNCTION, look_at_header);
    SET(CURLOPT_HEADERDATA, http);
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

static bool add_header(struct pando_http *http, const char *name, const char *value)
{
    char line[HEADER_LINE_BYTES];
    /* A line break would begin a header, or a request, of somebody else's choice. */
    bool is_sound = strpbrk(value, "\r\n") == NULL && strpbrk(name, "\r\n: ") == NULL;
    int len = snprintf(line, sizeof line, value[0] != '\0' ? "%s: %s" : "%s:", name, value);
    struct curl_slist *longer = NULL;
    if (is_sound && len > 0 && (size_t)len < sizeof line)
        longer = curl_slist_append(http->headers, line);
    explicit_bzero(line, sizeof line);
    if (longer != NULL)
        http->headers = longer;
    return longer != NULL;
}

static bool set_body(CURL *easy, const struct pando_http_request *request)
{
    bool is_get = strcmp(request->method, "GET") == 0;
    if (is_get)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "") == CURLE_OK;
}

static bool prepare(struct pando_http *http, const struct pando_http_request *request)
{
    const struct pando_http_settings *settings = http->settings;
    if (http->multi == NULL) {
        http->multi = curl_multi_init();
        http->easy = curl_easy_init();
        if (http->multi == NULL || http->easy == NULL || !set_fixed_options(http)) {
            pando_http_rest(http);
            return false;
        }
    }
    forget_headers(http);
    bool ready = true, has_type = false;
    for (size_t i = 0; i < request->headers_count && ready; i++) {
        has_type |= strcasecmp(request->headers[i].name, "content-type") == 0;
        ready = add_header(http, request->headers[i].name, request->headers[i].value);
    }
    /* Without "Expect:" a large body would first wait a second for a server that knows no 100 Continue; a type that nobody named
     * would be libcurl's invention. */
    ready = ready && add_header(http, "Expect", "") && (has_type || add_header(http, "Content-Type", ""));
    uint32_t connect_ms = request->connect_timeout_ms != 0 ? request->connect_timeout_ms : settings->connect_timeout_ms;
    uint32_t total_ms = request->total_timeout_ms != 0 ? request->total_timeout_ms : settings->total_timeout_ms;
    CURL *easy = http->easy;
    return ready && set_body(easy, request) && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, request->is_direct ? "" : settings->proxy) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)total_ms) == CURLE_OK;
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

static void explain_status(const struct pando_http *http, long status, bool quotes, char *reason, size_t reason_bytes)
{
    char quote[300] = "";
    if (quotes)
        pando_response_quote(http->answer.bytes != NULL ? http->answer.bytes : "", http->answer.len_bytes, quote, sizeof quote);
    const char *type = http->error_type, *between = type[0] != '\0' ? " " : "";
    if (status >= 300 && status <= 399)
        snprintf(reason, reason_bytes, "HTTP %ld, a redirect, which is not followed", status);
    else if (quote[0] == '\0')
        snprintf(reason, reason_bytes, "HTTP %ld%s%s", status, between, type);
    else
        snprintf(reason, reason_bytes, "HTTP %ld%s%s: %s", status, between, type, quote);
}

/* A status came: it is what counts, what went wrong after it cannot undo what the server did. */
static void read_status(struct pando_http *http, bool quotes, struct pando_http_answer *answer, char *reason, size_t reason_bytes)
{
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    answer->outcome.failure = PANDO_TRY_ANSWERED;
    answer->outcome.retry_after_s = retry_after_s < 0            ? 0
                                    : retry_after_s > UINT32_MAX ? UINT32_MAX
                                                                 : (uint32_t)retry_after_s;
    answer->body = http->answer.bytes != NULL ? http->answer.bytes : "";
    answer->body_bytes = http->answer.len_bytes;
    answer->date_wall_s = http->date_wall_s;
    if (answer->outcome.status >= 400 && http->error_type[0] == '\0')
        pando_response_body_error_type(answer->body, answer->body_bytes, http->error_type, sizeof http->error_type);
    memcpy(answer->error_type, http->error_type, sizeof answer->error_type);
    explain_status(http, answer->outcome.status, quotes, reason, reason_bytes);
}

bool pando_http_enter_tls(struct pando_http *http)
{
    if (http->settings->needs_tls && http->has_curl && !http->guards_tls)
        http->guards_tls = pando_tls_guard_enter();
    return http->has_curl && (!http->settings->needs_tls || http->guards_tls);
}

void pando_http_send(struct pando_http *http, const struct pando_http_request *request, bool quotes, const atomic_bool *abort,
                     struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes)
{
    *ret_answer = (struct pando_http_answer){.outcome.failure = PANDO_TRY_IMPOSSIBLE, .body = ""};
    http->error_text[0] = http->error_type[0] = '\0';
    http->header_bytes = 0;
    http->date_wall_s = 0;
    if (http->answer.bytes != NULL)
        explicit_bzero(http->answer.bytes, http->answer.len_bytes); /* it may have held credentials */
    pando_buffer_clear(&http->answer);
    if (!pando_http_enter_tls(http)) {
        snprintf(reason, reason_bytes, "the program's OpenSSL is shut down already");
        ret_answer->outcome.failure = PANDO_TRY_UNREACHABLE;
        return;
    }
    snprintf(reason, reason_bytes, "the request could not be prepared");
    if (!prepare(http, request))
        return;
    CURLcode code;
    bool is_done = run(http, abort, &code);
    curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
    forget_headers(http);
    if (!is_done) {
        snprintf(reason, reason_bytes, "aborted");
        ret_answer->outcome.failure = PANDO_TRY_ABORTED;
        if (!atomic_load_explicit(abort, memory_order_relaxed)) {
            pando_http_rest(http);
            snprintf(reason, reason_bytes, "the program shut its OpenSSL down meanwhile");
            ret_answer->outcome.failure = PANDO_TRY_UNREACHABLE;
        }
        return;
    }
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &ret_answer->outcome.status);
    if (ret_answer->outcome.status >= 200) {
        read_status(http, quotes, ret_answer, reason, reason_bytes);
        return;
    }
    ret_answer->outcome.failure = failure_of(http->easy, code);
    snprintf(reason, reason_bytes, "%s", http->error_text[0] != '\0' ? http->error_text : curl_easy_strerror(code));
}
