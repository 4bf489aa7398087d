/* Why: who may ask. Three ways to prove it: a request's signature (AWS's SDKs and agents), a bearer token (scripts, Pando's own
 * commands and agents), and the cookie of a login with such a token (the page in a browser).
 * Context: own process. An object is filled at the start and then only read: any thread. Its secrets lie in memory that core dumps leave
 * out, and are wiped at the end; tokens are kept as hashes only. */
#ifndef PANDO_RECEIVER_AUTH_H
#define PANDO_RECEIVER_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PANDO_AUTH_KEYS_MAX = 64,
    PANDO_AUTH_TOKENS_MAX = 16,
    PANDO_AUTH_TOKEN_MIN = 16,     /* characters: it must not be guessed */
    PANDO_AUTH_TOKEN_MAX = 512,
    PANDO_AUTH_SKEW_S = 300,       /* a signature's time may be this far from ours */
    PANDO_AUTH_SESSION_S = 12 * 3600,
    PANDO_AUTH_SESSION_BYTES = 96, /* a cookie's value, with its NUL */
};

struct pando_auth;

/* NULL: there is no memory, or no randomness. */
struct pando_auth *pando_auth_new(void);
/* Wipes. NULL is fine. */
void pando_auth_free(struct pando_auth *auth);

/* An access key. PANDO_ERR_INVALID: the id is not 1 to 128 letters, digits, '_' or '-', or the secret has not 8 to 256 characters;
 * PANDO_ERR_BUSY: the id is there already; PANDO_ERR_LIMIT. */
int pando_auth_add_key(struct pando_auth *auth, const char *id, const char *secret);
/* A bearer token. PANDO_ERR_INVALID: not 16 to 512 letters, digits or any of -._~+/=; PANDO_ERR_LIMIT, PANDO_ERR_NO_MEMORY. */
int pando_auth_add_token(struct pando_auth *auth, const char *token);
bool pando_auth_has_tokens(const struct pando_auth *auth);

/* The key's secret, or NULL. */
const char *pando_auth_secret(const struct pando_auth *auth, const char *id);
/* Whether it is one of the tokens. Takes the same time whatever is wrong with it. */
bool pando_auth_is_token(const struct pando_auth *auth, const char *token);
/* A session: proves that somebody logged in to this run of the receiver, until it is over. */
bool pando_auth_make_session(const struct pando_auth *auth, int64_t now_s, char session[PANDO_AUTH_SESSION_BYTES]);
bool pando_auth_is_session(const struct pando_auth *auth, const char *session, int64_t now_s);

#endif
