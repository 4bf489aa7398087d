/* Why: credentials in the environment, and the form of a JSON answer. Context: the upload thread. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "aws/aws_time.h"
#include "uploader/credentials_source.h"

static bool copy(char *to, size_t to_bytes, const char *text)
{
    size_t len = strlen(text);
    /* Visible ASCII only: it goes into headers. */
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    if (len >= to_bytes)
        return false;
    memcpy(to, text, len + 1);
    return true;
}

int pando_credentials_from_environment(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials)
{
    const char *id = pando_environment_get(fetch->environment, "AWS_ACCESS_KEY_ID");
    const char *secret = pando_environment_get(fetch->environment, "AWS_SECRET_ACCESS_KEY");
    const char *token = pando_environment_get(fetch->environment, "AWS_SESSION_TOKEN");
    const char *expires = pando_environment_get(fetch->environment, "AWS_CREDENTIAL_EXPIRATION");
    if (token == NULL)
        token = pando_environment_get(fetch->environment, "AWS_SECURITY_TOKEN");
    if (id == NULL && secret == NULL)
        return PANDO_ERR_NOT_FOUND;
    if (id == NULL || secret == NULL)
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set");
    if (!copy(credentials->access_key_id, sizeof credentials->access_key_id, id) ||
        !copy(credentials->secret, sizeof credentials->secret, secret) ||
        (token != NULL && !copy(credentials->session_token, sizeof credentials->session_token, token)))
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "the AWS credentials in the environment have blanks or are too long");
    if (expires != NULL && pando_aws_time_parse(expires, &credentials->expires_wall_s) != 0)
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "AWS_CREDENTIAL_EXPIRATION is no time like 2026-11-24T00:00:00Z");
    credentials->source = "the environment";
    return 0;
}

/* Copies the member and wipes it where it was. */
static bool take(json_t *object, const char *name, bool is_required, char *to, size_t to_bytes)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || text[0] == '\0')
        return !is_required;
    bool good = copy(to, to_bytes, text);
    explicit_bzero((char *)(uintptr_t)text, strlen(text));
    return good;
}

int pando_credentials_read_reply(struct pando_credentials_fetch *fetch, const char *body, size_t body_bytes,
                                 struct pando_credentials *credentials)
{
    json_error_t where;
    json_t *object = json_loadb(body, body_bytes, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(object)) {
        json_decref(object);
        return pando_credentials_fail(fetch, PANDO_ERR_SYNTAX, "the answer with the credentials is no JSON object");
    }
    char code[64] = "", expires[64] = "";
    bool is_plain = take(object, "Code", false, code, sizeof code);
    int error = 0;
    if (!is_plain || (code[0] != '\0' && strcmp(code, "Success") != 0))
        error = pando_credentials_fail(fetch, PANDO_ERR_REFUSED, "the answer has no credentials but Code %s", code);
    else if (!take(object, "AccessKeyId", true, credentials->access_key_id, sizeof credentials->access_key_id) ||
             !take(object, "SecretAccessKey", true, credentials->secret, sizeof credentials->secret) ||
             !take(object, "Token", false, credentials->session_token, sizeof credentials->session_token) ||
             !take(object, "Expiration", false, expires, sizeof expires))
        error = pando_credentials_fail(fetch, PANDO_ERR_SYNTAX, "the answer with the credentials lacks some");
    if (error == 0 && expires[0] != '\0' && pando_aws_time_parse(expires, &credentials->expires_wall_s) != 0)
        error = pando_credentials_fail(fetch, PANDO_ERR_SYNTAX, "the answer with the credentials has a strange Expiration");
    json_decref(object);
    return error;
}
