// link: pando_uploader pando_base
/* Looks for AWS credentials as the uploader does, for credentials_test.py. Each line of its input is a time in seconds since 1970 (or
 * "distrust"); the answer is one line of tab-separated words: "good", access key, secret, session token, expiry, source; or "bad",
 * the error's number and the reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "uploader/credentials.h"
#include "uploader/signer.h"

static void answer(struct pando_credentials_chain *chain, struct pando_http *http, int64_t wall_s)
{
    static const atomic_bool never;
    const struct pando_credentials *found;
    char reason[512];
    const char *region = getenv("PANDO_TEST_REGION");
    int error = pando_credentials_get(chain, http, region != NULL ? region : "", wall_s, &never, &found, reason, sizeof reason);
    if (error != 0)
        printf("bad\t%d\t%s\n", error, reason);
    else
        printf("good\t%s\t%s\t%s\t%lld\t%s\n", found->access_key_id, found->secret, found->session_token,
               (long long)found->expires_wall_s, found->source);
    fflush(stdout);
}

int main(void)
{
    struct pando_http_settings settings;
    char message[300], line[100];
    pando_log_open("stderr", PANDO_LOG_DEBUG);
    if (pando_http_settings_make("http://127.0.0.1:1", "group", "Pando/test", NULL, &settings, message, sizeof message) != 0)
        return 2;
    settings.connect_timeout_ms = settings.total_timeout_ms = 5000;
    settings.needs_tls = true;
    struct pando_http *http = pando_http_new(&settings);
    struct pando_credentials_chain *chain = pando_credentials_chain_new(NULL);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strncmp(line, "distrust", 8) == 0)
            pando_credentials_distrust(chain);
        else
            answer(chain, http, strtoll(line, NULL, 10));
    }
    pando_credentials_chain_free(chain);
    pando_http_free(http);
    pando_http_settings_release(&settings);
    return 0;
}
