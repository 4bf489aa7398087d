/* Why: uploader/payload.h. Context: worker. */
#include "uploader/payload.h"

#include <stdlib.h>

#include "base/clock.h"

struct pando_payload *pando_payload_new(char *bytes, size_t len_bytes, const char *content_type, uint64_t samples)
{
    struct pando_payload *payload = calloc(1, sizeof *payload);
    if (payload == NULL || pando_token_make(payload->token) != 0) {
        free(payload);
        free(bytes);
        return NULL;
    }
    payload->bytes = bytes;
    payload->len_bytes = len_bytes;
    payload->content_type = content_type;
    payload->samples = samples;
    payload->sealed_mono_ns = pando_clock_mono_ns();
    return payload;
}

void pando_payload_free(struct pando_payload *payload)
{
    if (payload == NULL)
        return;
    free(payload->bytes);
    free(payload);
}
