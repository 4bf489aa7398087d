/* Why: aws/sigv4.h: from the canonical request to the Authorization header.
 * Context: worker (inside of pando_tls_guard) and own processes. */
#include "aws/sigv4_private.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { HASH_BYTES = 32, SECRET_MAX_BYTES = 256 };

const char PANDO_SIGV4_ALGORITHM[] = "AWS4-HMAC-SHA256";

static void to_hex(const unsigned char *bytes, char hex[PANDO_SIGV4_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_BYTES; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * HASH_BYTES] = '\0';
}

int pando_sigv4_sha256(const void *bytes, size_t len_bytes, char hex[PANDO_SIGV4_HEX_SIZE])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (EVP_Digest(len_bytes != 0 ? bytes : "", len_bytes, hash, NULL, EVP_sha256(), NULL) != 1)
        return PANDO_ERR_NO_MEMORY;
    to_hex(hash, hex);
    return 0;
}

static int hmac(const void *key, size_t key_bytes, const char *text, unsigned char hash[HASH_BYTES])
{
    unsigned char made[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool good = HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)text, strlen(text), made, &len) != NULL &&
                len == HASH_BYTES;
    if (good)
        memcpy(hash, made, HASH_BYTES);
    OPENSSL_cleanse(made, sizeof made);
    return good ? 0 : PANDO_ERR_NO_MEMORY;
}

/* The key of this day, region and service; then the signature itself. Nothing of the secret stays behind. */
static int sign_text(const struct pando_sigv4_key *key, const char *amz_date, const char *text, char hex[PANDO_SIGV4_HEX_SIZE])
{
    char start[4 + SECRET_MAX_BYTES + 1], day[9];
    unsigned char hash[HASH_BYTES], next[HASH_BYTES];
    snprintf(day, sizeof day, "%.8s", amz_date);
    int len = snprintf(start, sizeof start, "AWS4%s", key->secret);
    int error = len < 0 || (size_t)len >= sizeof start ? PANDO_ERR_LIMIT : hmac(start, (size_t)len, day, hash);
    const char *const steps[] = {key->region, key->service, "aws4_request", text};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && error == 0; i++) {
        error = hmac(hash, sizeof hash, steps[i], next);
        memcpy(hash, next, sizeof hash);
    }
    if (error == 0)
        to_hex(hash, hex);
    OPENSSL_cleanse(start, sizeof start);
    OPENSSL_cleanse(hash, sizeof hash);
    OPENSSL_cleanse(next, sizeof next);
    return error;
}

static bool is_name(const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    return len >= 1 && len <= PANDO_SIGV4_NAME_MAX_BYTES && strpbrk(text, " ,/\r\n") == NULL;
}

void pando_sigv4_scope(const struct pando_sigv4_key *key, const char *amz_date, char scope[PANDO_SIGV4_SCOPE_BYTES])
{
    snprintf(scope, PANDO_SIGV4_SCOPE_BYTES, "%.8s/%s/%s/aws4_request", amz_date, key->region, key->service);
}

int pando_sigv4_sign_canonical(const struct pando_sigv4_key *key, const char *amz_date, const struct pando_buffer *canonical,
                               char hex[PANDO_SIGV4_HEX_SIZE])
{
    char hash[PANDO_SIGV4_HEX_SIZE], scope[PANDO_SIGV4_SCOPE_BYTES], text[sizeof scope + 160];
    int error = pando_sigv4_sha256(canonical->bytes, canonical->len_bytes, hash);
    if (error != 0)
        return error;
    pando_sigv4_scope(key, amz_date, scope);
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s", PANDO_SIGV4_ALGORITHM, amz_date, scope, hash);
    return sign_text(key, amz_date, text, hex);
}

static int fill(const struct pando_sigv4_key *key, const struct pando_buffer *canonical, const char *signed_headers,
                struct pando_sigv4_signature *signature)
{
    int error = pando_sigv4_sign_canonical(key, signature->amz_date, canonical, signature->hex);
    if (error != 0)
        return error;
    char scope[PANDO_SIGV4_SCOPE_BYTES];
    pando_sigv4_scope(key, signature->amz_date, scope);
    int len = snprintf(signature->authorization, sizeof signature->authorization,
                       "%s Credential=%s/%s, SignedHeaders=%s, Signature=%s", PANDO_SIGV4_ALGORITHM, key->access_key_id, scope,
                       signed_headers, signature->hex);
    return len > 0 && (size_t)len < sizeof signature->authorization ? 0 : PANDO_ERR_LIMIT;
}

/* Room for all that will come, in one piece: a buffer that moved would leave the session token in memory given back. */
static int reserve(struct pando_buffer *buffer, const struct pando_sigv4_request *request, const struct pando_sigv4_key *key)
{
    size_t bytes = 1024 + 3 * strlen(request->path != NULL ? request->path : "") +
                   3 * strlen(request->query != NULL ? request->query : "") +
                   strlen(key->session_token != NULL ? key->session_token : "");
    for (size_t i = 0; i < request->headers_count; i++)
        bytes += 2 * strlen(request->headers[i].name) + strlen(request->headers[i].value) + 4;
    for (size_t i = 0; i < bytes; i++)
        pando_buffer_append_char(buffer, ' ');
    int error = buffer->failed;
    pando_buffer_clear(buffer);
    return error;
}

int pando_sigv4_sign(const struct pando_sigv4_request *request, const struct pando_sigv4_key *key, int64_t wall_s,
                     struct pando_sigv4_signature *ret_signature)
{
    if (!is_name(key->access_key_id) || !is_name(key->region) || !is_name(key->service) || key->secret == NULL)
        return PANDO_ERR_INVALID;
    struct pando_sigv4_signature signature;
    pando_aws_time_format(wall_s, signature.amz_date);
    struct pando_buffer canonical, signed_headers;
    pando_buffer_init(&canonical, PANDO_SIGV4_CANONICAL_MAX_BYTES);
    pando_buffer_init(&signed_headers, PANDO_SIGV4_AUTHORIZATION_BYTES);
    int error = reserve(&canonical, request, key);
    if (error == 0)
        error = pando_sigv4_canonical(request, signature.amz_date, key->session_token, &canonical, &signed_headers);
    if (error == 0)
        error = fill(key, &canonical, signed_headers.bytes, &signature);
    if (canonical.bytes != NULL)
        OPENSSL_cleanse(canonical.bytes, canonical.len_bytes); /* it has the session token */
    pando_buffer_release(&canonical);
    pando_buffer_release(&signed_headers);
    if (error == 0)
        *ret_signature = signature;
    return error;
}
