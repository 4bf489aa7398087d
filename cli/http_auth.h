/* Why: a receiver may ask who we are: a token from PANDO_TOKEN or PANDO_TOKEN_FILE, or a signature with the access key of AWS's variables.
 * Context: own process. Secrets come from the environment and go into a request's headers only. */
#ifndef PANDO_CLI_HTTP_AUTH_H
#define PANDO_CLI_HTTP_AUTH_H

#include <curl/curl.h>
#include <stdbool.h>

/* "Authorization: Bearer ..." when there is a token, added to the list, which may be NULL. False: there is no memory. */
bool pando_http_auth_token(struct curl_slist **list);
/* Whether there is an access key to sign with, and no token. */
bool pando_http_auth_can_sign(void);
/* The headers of a signed GET of `url`. The session token is left out: a receiver has no use for it. */
bool pando_http_auth_sign(const char *url, struct curl_slist **list);
/* Wipes the texts, and frees. */
void pando_http_auth_release(struct curl_slist *list);

#endif
