// link: pando_receiver pando_profile pando_aws pando_base
/* Why: soak test of what the receiver reads of a request besides its body: times, durations, signatures, paths, Host, Accept, cookies and
 * packed bodies. Whatever comes is read, or refused; nothing is let in that was not made with the secret.
 * Usage: request_fuzz ROUNDS SEED FILE...; the first byte of the input chooses the reader, as in tests/fuzz/corpus/request. With
 * -DPANDO_LIBFUZZER it is a target of libFuzzer. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_time.h"
#include "aws/sigv4_verify.h"
#include "base/buffer.h"
#include "fuzz_main.h"
#include "receiver/accept.h"
#include "receiver/auth.h"
#include "receiver/gzip_body.h"
#include "receiver/host_check.h"
#include "receiver/routes.h"

enum { REQUEST_MAX_BYTES = 1 << 16, LINES = 24, UNPACKED_MAX_BYTES = 1 << 22 };

static void read_time(const char *text)
{
    int64_t wall_ms = 0, wall_s = 0, again_ms = 0;
    uint64_t ms = 0;
    char form[PANDO_AWS_TIME_MS_SIZE];
    if (pando_aws_time_parse_ms(text, &wall_ms) == 0) {
        require(pando_aws_time_parse(text, &wall_s) == 0 && wall_s <= wall_ms / 1000 && wall_s >= wall_ms / 1000 - 1, "two times of one");
        if (wall_ms >= 0 && wall_ms < 253402300800000) {
            pando_aws_time_format_ms((uint64_t)wall_ms, form);
            require(pando_aws_time_parse_ms(form, &again_ms) == 0 && again_ms == wall_ms, "a time is not what it was");
        }
    }
    pando_aws_time_parse_compact(text, &wall_s);
    require(pando_aws_duration_parse(text, &ms) != 0 || (ms >= 1000 && ms <= 1000ull * 366 * 86400 * 1000), "a duration out of bounds");
}

/* Lines: Authorization, method, path, query, then "name: value"; what follows an empty line is the body. */
static void read_signature(char *text)
{
    char *lines[LINES];
    size_t count = 0;
    struct pando_sigv4_header headers[LINES];
    struct pando_sigv4_claim claim;
    while (count < LINES && *text != '\0' && *text != '\n') {
        lines[count++] = text;
        text += strcspn(text, "\n");
        if (*text != '\0')
            *text++ = '\0';
    }
    if (count < 4 || pando_sigv4_claim_read(lines[0], &claim) != 0)
        return;
    require(strlen(claim.day) == 8 && strlen(claim.signature) == 64 && claim.access_key_id[0] != '\0', "half a claim");
    for (size_t i = 4; i < count; i++) {
        char *colon = strchr(lines[i], ':');
        headers[i - 4] = (struct pando_sigv4_header){.name = lines[i], .value = colon != NULL ? colon + 1 : ""};
        if (colon != NULL)
            *colon = '\0';
    }
    const struct pando_sigv4_request request = {.method = lines[1], .path = lines[2], .query = lines[3], .headers = headers,
                                                .headers_count = count - 4, .body = text, .body_bytes = strlen(text)};
    require(pando_sigv4_verify(&request, &claim, "a secret that no signature of the corpus was made with") != 0, "let in");
}

static void read_path(char *text)
{
    struct pando_request request = {.method = text};
    char *path = strchr(text, ' ');
    if (path == NULL)
        return;
    *path++ = '\0';
    bool found = pando_route_find(&request, path) == 0;
    require(found == (request.route != NULL), "a route and no route");
    require(found || (request.answer.status >= 400 && request.answer.message[0] != '\0'), "refused without a word");
    if (found && pando_route_check_group(&request) == 0 && strstr(request.route->pattern, "{group}") != NULL)
        require(pando_is_name(request.group, 255), "a group's name that is none");
}

static void read_headers(const char *text)
{
    const struct pando_host_rule rule = {.listen_host = "127.0.0.1", .more_names = "pando.example"};
    if (pando_host_is_ours(&rule, text))
        require(strncasecmp(text, "localhost", 9) == 0 || strncmp(text, "127.0.0.1", 9) == 0 || strncmp(text, "[", 1) == 0 ||
                strncasecmp(text, "pando.example", 13) == 0, "a foreign host");
    require(!pando_origin_is_ours(text, "127.0.0.1") || strstr(text, "127.0.0.1") != NULL, "a foreign origin");
    pando_accept_choose(text);
    pando_accept_gzip(text);
    static struct pando_auth *auth;
    if (auth == NULL)
        auth = pando_auth_new();
    require(auth != NULL, "no memory");
    require(!pando_auth_is_session(auth, text, 0), "a session that was not begun");
    require(!pando_auth_is_token(auth, text), "a token that nobody gave");
}

static void unpack(const char *bytes, size_t len_bytes)
{
    struct pando_buffer out;
    pando_buffer_init(&out, UNPACKED_MAX_BYTES);
    pando_gzip_unpack(bytes, len_bytes, &out);
    require(out.len_bytes <= UNPACKED_MAX_BYTES, "more than there may be");
    pando_buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    if (len_bytes == 0 || len_bytes > REQUEST_MAX_BYTES)
        return 0;
    /* A copy of its own size, so that a sanitizer sees what is read behind it. */
    char *text = malloc(len_bytes);
    require(text != NULL, "no memory");
    memcpy(text, bytes + 1, len_bytes - 1);
    text[len_bytes - 1] = '\0';
    switch (bytes[0]) {
    case 't':
        read_time(text);
        break;
    case 's':
        read_signature(text);
        break;
    case 'p':
        read_path(text);
        break;
    case 'h':
        read_headers(text);
        break;
    case 'z':
        unpack(text, len_bytes - 1);
        break;
    }
    free(text);
    return 0;
}
