// link: pando_uploader pando_profile pando_base ssl crypto
/* Delivers two profiles with difficult names to the URL and group given: one at once, one from an atexit handler that is older
 * than anything OpenSSL registers, so that it runs last. Says what became of them, as JSON. For delivery_tls_test.py.
 * With PANDO_TEST_SIGN_REGION they are signed. A third word makes it a host that uses OpenSSL itself ("host"), and does not wait for the first ("leave"). */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "profile/codeguru_json.h"
#include "uploader/uploader.h"

enum { DEPTH = 1000, FLUSH_S = 30 };

static struct pando_uploader_counters counters;
static struct pando_uploader *uploader;

static uint32_t string(struct pando_profile_builder *builder, const char *text)
{
    return (uint32_t)pando_profile_builder_string(builder, text, strlen(text));
}

static struct pando_payload *make_payload(void)
{
    struct pando_profile_builder *builder = pando_profile_builder_new(64 << 20);
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    meta->start_wall_ms = 1700000000000;
    meta->end_wall_ms = 1700000060000;
    meta->weight_per_second = 100;
    meta->counter_name = string(builder, "WALL_TIME");
    meta->agent_type = string(builder, "Pando");
    struct pando_profile_frame frame = {.name = string(builder, "a\"b\\c\n\x01\x7f\xff<\xc3\xa9\xf0\x9f\x8c\xb3>"),
                                        .object = string(builder, "lib x.so")};
    uint32_t node = 0;
    for (int i = 0; i < DEPTH; i++)
        node = (uint32_t)pando_profile_builder_child(builder, node,
                                                     (uint32_t)pando_profile_builder_frame(builder, frame));
    pando_profile_builder_add_self(builder, node, 42);
    struct pando_profile *profile = pando_profile_builder_finish(builder);
    struct pando_buffer body;
    pando_buffer_init(&body, 64 << 20);
    if (profile == NULL || pando_codeguru_json_encode(profile, &body) != 0)
        exit(2);
    pando_profile_free(profile);
    size_t len_bytes;
    char *bytes = pando_buffer_detach(&body, &len_bytes);
    return pando_payload_new(bytes, len_bytes, "application/json", 1);
}

static int deliver(void)
{
    pando_uploader_submit(uploader, make_payload());
    return pando_uploader_flush(uploader, pando_clock_mono_ns() + FLUSH_S * 1000000000ull);
}

static void last_words(void)
{
    int result = deliver();
    pando_uploader_close(uploader);
    printf("{\"last\":%d,\"delivered\":%llu,\"rejected\":%llu,\"gave_up\":%llu}\n", result, counters.posts_delivered,
           counters.posts_rejected, counters.posts_gave_up);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char message[300];
    if (argc < 3)
        return 2;
    atexit(last_words);
    if (argc == 4)
        OPENSSL_init_ssl(0, NULL); /* registers OpenSSL's clean-up, which so runs before last_words */
    pando_log_open("stderr", PANDO_LOG_DEBUG);
    const char *region = getenv("PANDO_TEST_SIGN_REGION"); /* set: deliveries are signed */
    struct pando_uploader_config config = {.url = argv[1], .group = argv[2], .user_agent = "Pando/test",
                                           .signs = region != NULL, .region = region, .counters = &counters};
    if (pando_uploader_new(&config, &uploader, message, sizeof message) != 0) {
        fprintf(stderr, "%s\n", message);
        _Exit(2);
    }
    if (argc == 4 && strcmp(argv[3], "leave") == 0) {
        pando_uploader_submit(uploader, make_payload());
        (void)!getchar(); /* until the test has seen the request */
    } else {
        deliver();
    }
    return 0;
}
