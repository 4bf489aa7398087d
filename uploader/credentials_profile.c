/* Why: credentials of a profile in AWS's shared files, which may be a role on top of another profile's, and so on.
 * Context: the upload thread. The files are read anew each time: people change them under a running program. */
#include <stdio.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "uploader/credentials_source.h"
#include "uploader/ini.h"
#include "uploader/shared_files.h"

enum { CHAIN_MAX = 5, VALUE_BYTES = 1024 };

struct step {
    char profile[128], role_arn[256], external_id[VALUE_BYTES], session_name[128], token_file[VALUE_BYTES];
};

struct walk {
    struct pando_shared_files files;
    struct step steps[CHAIN_MAX]; /* steps[0] is the profile that was asked for */
    unsigned count;
};

/* A value of the profile: the credentials file's, else the configuration's. */
static bool value_of(const struct walk *walk, const char *profile, const char *name, char *value, size_t value_bytes)
{
    return pando_shared_files_get(&walk->files, profile, name, value, value_bytes) == 0;
}

static bool has_value(const struct walk *walk, const char *profile, const char *name)
{
    char value[VALUE_BYTES];
    int error = pando_shared_files_get(&walk->files, profile, name, value, sizeof value);
    explicit_bzero(value, sizeof value);
    return error != PANDO_ERR_NOT_FOUND;
}

static int static_keys(struct pando_credentials_fetch *fetch, const struct walk *walk, const char *profile,
                       struct pando_credentials *credentials)
{
    int id = pando_shared_files_get(&walk->files, profile, "aws_access_key_id", credentials->access_key_id,
                                    sizeof credentials->access_key_id);
    int secret = pando_shared_files_get(&walk->files, profile, "aws_secret_access_key", credentials->secret,
                                        sizeof credentials->secret);
    int token = pando_shared_files_get(&walk->files, profile, "aws_session_token", credentials->session_token,
                                       sizeof credentials->session_token);
    if (id == PANDO_ERR_NOT_FOUND && secret == PANDO_ERR_NOT_FOUND)
        return PANDO_ERR_NOT_FOUND;
    if (id != 0 || secret != 0 || (token != 0 && token != PANDO_ERR_NOT_FOUND))
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "the AWS profile \"%.60s\" has only part of a key, or one too long", profile);
    credentials->source = "AWS's shared files";
    return 0;
}

/* What the profile has instead of keys, and cannot be used from inside of another program. */
static int explain_none(struct pando_credentials_fetch *fetch, const struct walk *walk, const char *profile)
{
    static const char *const unsupported[] = {"credential_process", "sso_session", "sso_start_url", "login_session"};
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++) {
        if (has_value(walk, profile, unsupported[i]))
            return pando_credentials_fail(fetch, PANDO_ERR_UNSUPPORTED, "the AWS profile \"%.60s\" uses %s, which Pando does not do",
                                          profile, unsupported[i]);
    }
    return PANDO_ERR_NOT_FOUND;
}

static int base_of_source(struct pando_credentials_fetch *fetch, const char *source, struct pando_credentials *credentials)
{
    int error = strcmp(source, "Environment") == 0           ? pando_credentials_from_environment(fetch, credentials)
                : strcmp(source, "Ec2InstanceMetadata") == 0 ? pando_credentials_from_metadata(fetch, credentials)
                : strcmp(source, "EcsContainer") == 0        ? pando_credentials_from_container(fetch, credentials)
                                                             : PANDO_ERR_INVALID;
    if (error == PANDO_ERR_NOT_FOUND || error == PANDO_ERR_INVALID)
        return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "credential_source = %.40s has no credentials", source);
    return error;
}

static bool was_met(const struct walk *walk, const char *profile)
{
    for (unsigned i = 0; i < walk->count; i++) {
        if (strcmp(walk->steps[i].profile, profile) == 0)
            return true;
    }
    return false;
}

/* From the profile asked for down to what the first role is taken with, which is left in `base`. */
static int descend(struct pando_credentials_fetch *fetch, struct walk *walk, const char *asked, struct pando_credentials *base)
{
    char profile[128], source[VALUE_BYTES];
    snprintf(profile, sizeof profile, "%s", asked);
    for (;;) {
        struct step *step = &walk->steps[walk->count];
        if (walk->count == CHAIN_MAX)
            return pando_credentials_fail(fetch, PANDO_ERR_LIMIT, "the AWS profile \"%.60s\" is more than %d roles deep", asked, CHAIN_MAX);
        *step = (struct step){0};
        snprintf(step->profile, sizeof step->profile, "%s", profile);
        bool is_again = was_met(walk, profile);
        if (is_again || !value_of(walk, profile, "role_arn", step->role_arn, sizeof step->role_arn)) {
            int error = static_keys(fetch, walk, profile, base);
            return error == PANDO_ERR_NOT_FOUND ? explain_none(fetch, walk, profile) : error;
        }
        if (has_value(walk, profile, "mfa_serial"))
            return pando_credentials_fail(fetch, PANDO_ERR_UNSUPPORTED, "the AWS profile \"%.60s\" needs a second factor", profile);
        value_of(walk, profile, "external_id", step->external_id, sizeof step->external_id);
        value_of(walk, profile, "role_session_name", step->session_name, sizeof step->session_name);
        walk->count++;
        if (value_of(walk, profile, "web_identity_token_file", step->token_file, sizeof step->token_file))
            return 0;
        if (value_of(walk, profile, "credential_source", source, sizeof source))
            return base_of_source(fetch, source, base);
        if (!value_of(walk, profile, "source_profile", source, sizeof source))
            return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "the AWS profile \"%.60s\" has a role, but nothing to take it with",
                                          profile);
        bool is_itself = strcmp(source, profile) == 0; /* that is allowed: its own keys */
        if (!pando_shared_files_has(&walk->files, source) || (!is_itself && was_met(walk, source)))
            return pando_credentials_fail(fetch, PANDO_ERR_INVALID, "the source_profile of \"%.60s\" is missing, or goes in a circle", profile);
        snprintf(profile, sizeof profile, "%.127s", source);
    }
}

static int climb(struct pando_credentials_fetch *fetch, struct walk *walk, struct pando_credentials *credentials)
{
    for (unsigned i = walk->count; i-- > 0;) {
        const struct step *step = &walk->steps[i];
        const struct pando_sts_role role = {.arn = step->role_arn, .session_name = step->session_name,
                                            .external_id = step->external_id, .token_file = step->token_file};
        *fetch->scratch = *credentials;
        memset(credentials, 0, sizeof *credentials);
        int error = pando_sts_assume_role(fetch, &role, step->token_file[0] != '\0' ? NULL : fetch->scratch, credentials);
        if (error != 0)
            return error;
    }
    return 0;
}

int pando_credentials_from_profile(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials)
{
    struct walk walk; /* some kilobytes, without a secret */
    bool is_named;
    const char *profile = pando_shared_files_profile(fetch->environment, &is_named);
    walk.count = 0;
    int error = pando_shared_files_open(&walk.files, fetch->environment, fetch->file, PANDO_FETCH_FILE_BYTES);
    if (error == 0 && !pando_shared_files_has(&walk.files, profile))
        error = PANDO_ERR_NOT_FOUND;
    else if (error != 0)
        error = pando_credentials_fail(fetch, error, "AWS's shared files cannot be read: %s", pando_error_text(error));
    if (error == 0)
        error = descend(fetch, &walk, profile, credentials);
    if (error == 0)
        error = climb(fetch, &walk, credentials);
    if (error == PANDO_ERR_NOT_FOUND && is_named)
        error = pando_credentials_fail(fetch, PANDO_ERR_INVALID, "AWS_PROFILE is \"%.60s\", which AWS's shared files do not have, or not "
                                       "with credentials", profile);
    return error;
}
