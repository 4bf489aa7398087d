/* Why: aws/sigv4_verify.h. Context: own processes. */
#include "aws/sigv4_verify.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

#include "aws/sigv4_private.h"
#include "base/cursor.h"
#include "base/error.h"

static bool take_text(const char *at, size_t len, char *to, size_t to_bytes)
{
    if (len == 0 || len >= to_bytes)
        return false;
    memcpy(to, at, len);
    to[len] = '\0';
    return true;
}

/* ID/DAY/REGION/SERVICE/aws4_request */
static bool read_credential(const char *at, size_t len, struct pando_sigv4_claim *claim)
{
    struct {
        char *to;
        size_t bytes;
    } parts[] = {{claim->access_key_id, sizeof claim->access_key_id}, {claim->day, sizeof claim->day},
                 {claim->region, sizeof claim->region}, {claim->service, sizeof claim->service}};
    struct pando_cursor cursor = pando_cursor_of(at, len);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *part;
        size_t part_len;
        if (memchr(cursor.at, '/', (size_t)(cursor.end - cursor.at)) == NULL ||
            pando_cursor_until(&cursor, '/', parts[i].bytes, &part, &part_len) != 0 ||
            !take_text(part, part_len, parts[i].to, parts[i].bytes))
            return false;
    }
    static const char end[] = "aws4_request";
    return (size_t)(cursor.end - cursor.at) == sizeof end - 1 && memcmp(cursor.at, end, sizeof end - 1) == 0 &&
           strspn(claim->day, "0123456789") == 8;
}

/* Lower-case names, each once, in rising order: as all signers have them, and then none can be hidden among others. */
static bool are_names(const char *names)
{
    const char *before = "";
    size_t before_len = 0;
    for (const char *at = names;; at++) {
        size_t len = strcspn(at, ";");
        int order = memcmp(before, at, before_len < len ? before_len : len);
        if (len == 0 || strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-_.") < len ||
            !(order < 0 || (order == 0 && before_len < len)))
            return false;
        before = at;
        before_len = len;
        at += len;
        if (*at == '\0')
            return true;
    }
}

static bool read_part(const char *at, size_t len, struct pando_sigv4_claim *claim)
{
    const char *equals = memchr(at, '=', len);
    if (equals == NULL)
        return false;
    size_t name = (size_t)(equals - at), value = len - name - 1;
    if (name == 10 && memcmp(at, "Credential", name) == 0)
        return claim->access_key_id[0] == '\0' && read_credential(equals + 1, value, claim);
    if (name == 13 && memcmp(at, "SignedHeaders", name) == 0)
        return claim->signed_headers[0] == '\0' &&
               take_text(equals + 1, value, claim->signed_headers, sizeof claim->signed_headers) && are_names(claim->signed_headers);
    if (name == 9 && memcmp(at, "Signature", name) == 0)
        return claim->signature[0] == '\0' && take_text(equals + 1, value, claim->signature, sizeof claim->signature) &&
               strspn(claim->signature, "0123456789abcdef") == PANDO_SIGV4_HEX_SIZE - 1;
    return false;
}

int pando_sigv4_claim_read(const char *authorization, struct pando_sigv4_claim *ret_claim)
{
    struct pando_sigv4_claim claim;
    memset(&claim, 0, sizeof claim);
    size_t scheme = strcspn(authorization, " ");
    if (scheme != strlen(PANDO_SIGV4_ALGORITHM) || memcmp(authorization, PANDO_SIGV4_ALGORITHM, scheme) != 0)
        return PANDO_ERR_UNSUPPORTED;
    size_t len_bytes = strlen(authorization);
    struct pando_cursor cursor = pando_cursor_of(authorization + scheme, len_bytes - scheme);
    if (authorization[len_bytes - 1] == ',')
        return PANDO_ERR_SYNTAX;
    for (int i = 0; i < 3; i++) {
        const char *part;
        size_t len;
        pando_cursor_skip_blanks(&cursor);
        if (pando_cursor_until(&cursor, ',', PANDO_SIGV4_CANONICAL_MAX_BYTES, &part, &len) != 0 || !read_part(part, len, &claim))
            return PANDO_ERR_SYNTAX;
    }
    if (!pando_cursor_at_end(&cursor) || claim.access_key_id[0] == '\0' || claim.signed_headers[0] == '\0' ||
        claim.signature[0] == '\0')
        return PANDO_ERR_SYNTAX;
    *ret_claim = claim;
    return 0;
}

/* Whether a header is among the signed ones. */
static bool is_signed(const struct pando_sigv4_claim *claim, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = claim->signed_headers; *at != '\0'; at += *at == ';') {
        size_t part = strcspn(at, ";");
        if (part == len && strncasecmp(at, name, len) == 0)
            return true;
        at += part;
    }
    return false;
}

static size_t count_names(const char *names)
{
    size_t count = 1;
    for (; *names != '\0'; names++)
        count += *names == ';';
    return count;
}

/* The signed headers; what else must be among them is checked. */
static int choose(const struct pando_sigv4_request *request, const struct pando_sigv4_claim *claim, struct pando_sigv4_named *list,
                  size_t *ret_count, const char **ret_date, const char **ret_hash)
{
    size_t count = 0, names = 0, dates = 0, hosts = 0;
    if (request->headers_count > PANDO_SIGV4_HEADERS_MAX)
        return PANDO_ERR_LIMIT;
    for (size_t i = 0; i < request->headers_count; i++) {
        const struct pando_sigv4_header *header = &request->headers[i];
        bool must = strcasecmp(header->name, "host") == 0 || strncasecmp(header->name, "x-amz-", 6) == 0;
        if (!is_signed(claim, header->name)) {
            if (must)
                return PANDO_ERR_INVALID;
            continue;
        }
        bool is_again = false;
        for (size_t j = 0; j < count && !is_again; j++)
            is_again = strcasecmp(list[j].header->name, header->name) == 0;
        names += !is_again;
        hosts += strcasecmp(header->name, "host") == 0;
        if (strcasecmp(header->name, "x-amz-date") == 0) {
            *ret_date = header->value;
            dates++;
        }
        if (strcasecmp(header->name, "x-amz-content-sha256") == 0)
            *ret_hash = header->value;
        list[count] = (struct pando_sigv4_named){header, count};
        count++;
    }
    *ret_count = count;
    return names == count_names(claim->signed_headers) && hosts == 1 && dates == 1 ? 0 : PANDO_ERR_INVALID;
}

/* "20261124T000000Z" of the claim's day. */
static bool is_date(const char *date, const struct pando_sigv4_claim *claim)
{
    return strlen(date) == PANDO_AWS_TIME_SIZE - 1 && strncmp(date, claim->day, 8) == 0 && date[8] == 'T' &&
           strspn(date + 9, "0123456789") == 6 && date[15] == 'Z';
}

int pando_sigv4_verify(const struct pando_sigv4_request *request, const struct pando_sigv4_claim *claim, const char *secret)
{
    struct pando_sigv4_named list[PANDO_SIGV4_HEADERS_MAX];
    const char *date = NULL, *told_hash = NULL;
    size_t count = 0;
    char hash[PANDO_SIGV4_HEX_SIZE], wanted[PANDO_SIGV4_HEX_SIZE];
    int error = choose(request, claim, list, &count, &date, &told_hash);
    if (error == 0 && !is_date(date, claim))
        error = PANDO_ERR_INVALID;
    if (error == 0)
        error = pando_sigv4_sha256(request->body, request->body_bytes, hash);
    if (error == 0 && told_hash != NULL && strcmp(told_hash, hash) != 0)
        error = PANDO_ERR_INVALID;
    if (error != 0)
        return error;
    struct pando_buffer canonical, names;
    pando_buffer_init(&canonical, PANDO_SIGV4_CANONICAL_MAX_BYTES);
    pando_buffer_init(&names, PANDO_SIGV4_CLAIM_HEADERS_BYTES);
    const struct pando_sigv4_key key = {.access_key_id = claim->access_key_id, .secret = secret, .region = claim->region,
                                        .service = claim->service};
    error = pando_sigv4_write_canonical(request, list, count, hash, &canonical, &names);
    if (error == 0)
        error = pando_sigv4_sign_canonical(&key, date, &canonical, wanted);
    if (error == 0 && CRYPTO_memcmp(wanted, claim->signature, PANDO_SIGV4_HEX_SIZE) != 0)
        error = PANDO_ERR_REFUSED;
    OPENSSL_cleanse(wanted, sizeof wanted);
    pando_buffer_release(&canonical);
    pando_buffer_release(&names);
    return error;
}
