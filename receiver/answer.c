/* Why: receiver/answer.h. Context: own process; the connection's thread. */
#include "receiver/answer.h"

#include <stdio.h>
#include <sys/random.h>

#include "profile/json_writer.h"

enum { ERROR_MAX_BYTES = 16384, UUID_BYTES = 37 };

static const char *const common_headers[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"X-Frame-Options", "DENY"},
    {"Server", "pando/" PANDO_VERSION},
};

static const char PAGE_POLICY[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* A random UUID (RFC 9562, version 4), for the sender's log and ours to be laid side by side. */
static void make_uuid(char uuid[UUID_BYTES])
{
    unsigned char b[16] = {0};
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        b[0] = 1; /* not unique then; better than no answer */
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(uuid, UUID_BYTES, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
             b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void write_error(struct pando_answer *answer)
{
    pando_buffer_release(&answer->body);
    pando_buffer_init(&answer->body, ERROR_MAX_BYTES);
    pando_buffer_append_text(&answer->body, "{\"message\":");
    pando_json_write_string(&answer->body, answer->message);
    pando_buffer_append_char(&answer->body, '}');
    answer->content_type = PANDO_TYPE_JSON;
    answer->content_encoding = NULL;
}

static struct MHD_Response *make_response(struct pando_answer *answer)
{
    if (answer->content_type == NULL)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (answer->fixed_bytes != NULL)
        return MHD_create_response_from_buffer(answer->fixed_len_bytes, (void *)answer->fixed_bytes, MHD_RESPMEM_PERSISTENT);
    size_t len_bytes;
    char *bytes = pando_buffer_detach(&answer->body, &len_bytes);
    return bytes != NULL ? MHD_create_response_from_buffer(len_bytes, bytes, MHD_RESPMEM_MUST_FREE) : NULL;
}

enum MHD_Result pando_answer_send(struct pando_request *request)
{
    struct pando_answer *answer = &request->answer;
    if (answer->error_type != NULL)
        write_error(answer);
    struct MHD_Response *response = make_response(answer);
    if (response == NULL)
        return MHD_NO;
    char uuid[UUID_BYTES];
    make_uuid(uuid);
    MHD_add_response_header(response, "x-amzn-RequestId", uuid);
    for (size_t i = 0; i < sizeof common_headers / sizeof common_headers[0]; i++)
        MHD_add_response_header(response, common_headers[i][0], common_headers[i][1]);
    MHD_add_response_header(response, "Content-Security-Policy", answer->content_policy != NULL ? answer->content_policy : PAGE_POLICY);
    /* no-cache: kept, but asked for again each time; errors are not kept at all. */
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, answer->etag[0] != '\0' ? "no-cache" : "no-store");
    if (answer->etag[0] != '\0')
        MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, answer->etag);
    if (answer->content_type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    if (answer->content_encoding != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, answer->content_encoding);
    if (answer->file_name[0] != '\0' && answer->error_type == NULL) {
        char disposition[sizeof answer->file_name + 32];
        snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", answer->file_name);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
    }
    if (answer->error_type != NULL)
        MHD_add_response_header(response, "x-amzn-ErrorType", answer->error_type);
    if (answer->allow != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (answer->cookie[0] != '\0')
        MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, answer->cookie);
    if (answer->wants_bearer)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"pando\"");
    if (answer->retry_later)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    enum MHD_Result result = MHD_queue_response(request->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}
