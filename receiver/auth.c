/* Why: receiver/auth.h. Context: own process. */
#include "receiver/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/cursor.h"
#include "base/error.h"

enum { HASH_BYTES = 32, ID_MAX = 128, SECRET_MIN = 8, SECRET_MAX = 256 };

struct key {
    char id[ID_MAX + 1], secret[SECRET_MAX + 1];
};

struct pando_auth {
    unsigned char run_key[HASH_BYTES]; /* of this start: tokens are compared, and sessions made, under it */
    struct key keys[PANDO_AUTH_KEYS_MAX];
    unsigned char tokens[PANDO_AUTH_TOKENS_MAX][HASH_BYTES];
    size_t key_count, token_count;
};

struct pando_auth *pando_auth_new(void)
{
    struct pando_auth *auth = mmap(NULL, sizeof *auth, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (auth == MAP_FAILED)
        return NULL;
    madvise(auth, sizeof *auth, MADV_DONTDUMP);
    if (getrandom(auth->run_key, sizeof auth->run_key, 0) == (ssize_t)sizeof auth->run_key)
        return auth;
    pando_auth_free(auth);
    return NULL;
}

void pando_auth_free(struct pando_auth *auth)
{
    if (auth == NULL)
        return;
    OPENSSL_cleanse(auth, sizeof *auth);
    munmap(auth, sizeof *auth);
}

/* Every comparison is one of hashes under a key that nobody knows: how much of a guess was right does not show in its time. */
static bool hash(const struct pando_auth *auth, const char *kind, const char *text, unsigned char result[HASH_BYTES])
{
    char whole[PANDO_AUTH_TOKEN_MAX + 64];
    unsigned char made[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int bytes = snprintf(whole, sizeof whole, "%s:%s", kind, text);
    bool good = bytes > 0 && (size_t)bytes < sizeof whole &&
                HMAC(EVP_sha256(), auth->run_key, sizeof auth->run_key, (const unsigned char *)whole, (size_t)bytes, made, &len) != NULL &&
                len == HASH_BYTES;
    if (good)
        memcpy(result, made, HASH_BYTES);
    OPENSSL_cleanse(whole, sizeof whole);
    return good;
}

int pando_auth_add_key(struct pando_auth *auth, const char *id, const char *secret)
{
    size_t id_len = strlen(id), secret_len = strlen(secret);
    if (id_len < 1 || id_len > ID_MAX || secret_len < SECRET_MIN || secret_len > SECRET_MAX ||
        strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != id_len)
        return PANDO_ERR_INVALID;
    if (pando_auth_secret(auth, id) != NULL)
        return PANDO_ERR_BUSY;
    if (auth->key_count == PANDO_AUTH_KEYS_MAX)
        return PANDO_ERR_LIMIT;
    struct key *key = &auth->keys[auth->key_count++];
    memcpy(key->id, id, id_len + 1);
    memcpy(key->secret, secret, secret_len + 1);
    return 0;
}

const char *pando_auth_secret(const struct pando_auth *auth, const char *id)
{
    for (size_t i = 0; i < auth->key_count; i++) {
        if (strcmp(auth->keys[i].id, id) == 0)
            return auth->keys[i].secret;
    }
    return NULL;
}

int pando_auth_add_token(struct pando_auth *auth, const char *token)
{
    size_t len = strlen(token);
    if (len < PANDO_AUTH_TOKEN_MIN || len > PANDO_AUTH_TOKEN_MAX ||
        strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") != len)
        return PANDO_ERR_INVALID;
    if (auth->token_count == PANDO_AUTH_TOKENS_MAX)
        return PANDO_ERR_LIMIT;
    return hash(auth, "token", token, auth->tokens[auth->token_count]) ? (auth->token_count++, 0) : PANDO_ERR_NO_MEMORY;
}

bool pando_auth_has_tokens(const struct pando_auth *auth)
{
    return auth->token_count != 0;
}

bool pando_auth_is_token(const struct pando_auth *auth, const char *token)
{
    unsigned char guess[HASH_BYTES];
    int found = 0;
    if (!hash(auth, "token", token, guess))
        return false;
    for (size_t i = 0; i < auth->token_count; i++)
        found |= CRYPTO_memcmp(guess, auth->tokens[i], HASH_BYTES) == 0;
    return found != 0;
}

/* "EXPIRY-PROOF" */
static bool write_session(const struct pando_auth *auth, uint64_t expiry_s, char session[PANDO_AUTH_SESSION_BYTES])
{
    unsigned char proof[HASH_BYTES];
    int len = snprintf(session, PANDO_AUTH_SESSION_BYTES, "%llu", (unsigned long long)expiry_s);
    if (!hash(auth, "session", session, proof))
        return false;
    session[len++] = '-';
    for (size_t i = 0; i < HASH_BYTES; i++)
        len += snprintf(session + len, PANDO_AUTH_SESSION_BYTES - (size_t)len, "%02x", proof[i]);
    return true;
}

bool pando_auth_make_session(const struct pando_auth *auth, int64_t now_s, char session[PANDO_AUTH_SESSION_BYTES])
{
    return write_session(auth, (uint64_t)now_s + PANDO_AUTH_SESSION_S, session);
}

bool pando_auth_is_session(const struct pando_auth *auth, const char *session, int64_t now_s)
{
    struct pando_cursor cursor = pando_cursor_of_text(session);
    char wanted[PANDO_AUTH_SESSION_BYTES];
    uint64_t expiry_s;
    if (pando_cursor_decimal(&cursor, INT64_MAX, &expiry_s) != 0 || !write_session(auth, expiry_s, wanted))
        return false;
    size_t len = strlen(wanted);
    return strlen(session) == len && CRYPTO_memcmp(session, wanted, len) == 0 && (int64_t)expiry_s > now_s;
}
