/* Why: credentials of a container: ECS tasks, and EKS pods by Pod Identity, whose token file rotates and so is read each time.
 * Context: the upload thread. The token goes to hosts that AWS's own clients would give it to, and to no other. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "uploader/credentials_source.h"
#include "uploader/small_file.h"

enum { TRIES = 3, PAUSE_MS = 1000, TIMEOUT_MS = 2000, TOKEN_MAX_BYTES = 16 * 1024, URL_BYTES = 2048 };

/* https to anybody; http to this machine and to the addresses that ECS and EKS have for it. */
static int check_host(struct pando_credentials_fetch *fetch, const char *url, bool *ret_https)
{
    static const char *const known[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL;
    bool good = false;
    *ret_https = false;
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        *ret_https = strcmp(scheme, "https") == 0;
        good = *ret_https || (strcmp(scheme, "http") == 0 && pando_http_is_loopback(host));
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            good |= strcmp(scheme, "http") == 0 && strcmp(host, known[i]) == 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parts);
    return good ? 0 : pando_credentials_fail(fetch, PANDO_ERR_INVALID, "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of an "
                                             "address that may be asked over http");
}

static int make_url(struct pando_credentials_fetch *fetch, char url[URL_BYTES], bool *ret_https)
{
    const char *relative = pando_environment_get(fetch->environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = pando_environment_get(fetch->environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    *ret_https = false;
    if (relative == NULL && full == NULL)
        return PANDO_ERR_NOT_FOUND;
    if (relative != NULL && relative[0] != '/')
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash");
    int len = relative != NULL ? snprintf(url, URL_BYTES, "http://169.254.170.2%s", relative) : snprintf(url, URL_BYTES, "%s", full);
    if (len >= URL_BYTES)
        return pando_credentials_fail(fetch, PANDO_ERR_LIMIT, "the URI for the container's credentials is too long");
    return relative != NULL ? 0 : check_host(fetch, url, ret_https);
}

/* "" when there is none to be sent. */
static int read_token(struct pando_credentials_fetch *fetch, const char **ret_token)
{
    const char *path = pando_environment_get(fetch->environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *given = pando_environment_get(fetch->environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    *ret_token = given != NULL ? given : "";
    if (path != NULL) {
        size_t len;
        int error = pando_small_file_read(path, fetch->file, TOKEN_MAX_BYTES, &len);
        if (error != 0)
            return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "the file AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: %s",
                                          pando_error_text(error));
        while (len > 0 && strchr(" \t\r\n", fetch->file[len - 1]) != NULL)
            fetch->file[--len] = '\0';
        *ret_token = fetch->file;
    }
    if (strpbrk(*ret_token, "\r\n") != NULL)
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "the container's authorization token has line breaks");
    return 0;
}

static int ask(struct pando_credentials_fetch *fetch, const char *url, bool https, struct pando_credentials *credentials)
{
    const char *token;
    int error = read_token(fetch, &token);
    if (error != 0)
        return error;
    const struct pando_http_header headers[] = {{"Accept", "application/json"}, {"Authorization", token}};
    const struct pando_http_request request = {.method = "GET", .url = url, .headers = headers,
                                               .headers_count = token[0] != '\0' ? 2 : 1, .connect_timeout_ms = TIMEOUT_MS,
                                               .total_timeout_ms = TIMEOUT_MS, .is_direct = !https};
    struct pando_http_answer answer;
    char reason[160];
    pando_http_send(fetch->http, &request, false, fetch->abort, &answer, reason, sizeof reason);
    error = pando_credentials_answer_error(&answer);
    if (error != 0)
        return pando_credentials_fail(fetch, error, "the container's credentials cannot be had: %s", reason);
    credentials->source = "the container";
    return pando_credentials_read_reply(fetch, answer.body, answer.body_bytes, credentials);
}

int pando_credentials_from_container(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials)
{
    char url[URL_BYTES];
    bool https;
    int error = make_url(fetch, url, &https);
    if (error != 0)
        return error;
    for (int i = 0; i < TRIES; i++) {
        if (i != 0 && !pando_credentials_pause(fetch, PAUSE_MS))
            break;
        error = ask(fetch, url, https, credentials);
        if (error != PANDO_ERR_NETWORK && error != PANDO_ERR_REFUSED)
            break;
    }
    return error;
}
