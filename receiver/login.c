/* Why: a browser cannot send a token with each request by itself: it logs in with one, and gets a cookie. No script sees it
 * (HttpOnly), and no other site's page can have it sent (SameSite=Strict).
 * Context: own process; the connection's thread. */
#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "receiver/auth.h"
#include "receiver/parameters.h"
#include "receiver/routes.h"

static void log_in(struct pando_request *request, const char *token)
{
    const struct pando_service *service = request->service;
    char session[PANDO_AUTH_SESSION_BYTES];
    if (token == NULL || !pando_auth_is_token(service->auth, token)) {
        pando_request_refuse(request, 401, "UnrecognizedClientException", "This is not one of the receiver's tokens.");
        return;
    }
    if (!pando_auth_make_session(service->auth, (int64_t)(pando_clock_wall_ns() / 1000000000), session)) {
        pando_request_refuse(request, 500, PANDO_INTERNAL, "There is no memory for a session.");
        return;
    }
    snprintf(request->answer.cookie, sizeof request->answer.cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", PANDO_SESSION_COOKIE,
             session, service->is_tls ? "; Secure" : "");
    request->answer.status = 204;
}

void pando_serve_login(struct pando_request *request)
{
    json_t *body;
    if (request->service->auth == NULL || !pando_auth_has_tokens(request->service->auth)) {
        pando_request_refuse(request, 404, PANDO_NOT_FOUND,
                             "This receiver has no tokens to log in with; start it with --bearer-token-file.");
        return;
    }
    if (pando_take_object(request, &body) != 0)
        return;
    log_in(request, json_string_value(json_object_get(body, "token")));
    json_decref(body);
}
