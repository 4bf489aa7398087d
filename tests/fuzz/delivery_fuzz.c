// link: pando_uploader pando_base
/* Why: soak test of what the agent's side of the delivery reads of other people's bytes: headers and answers of services, credentials, AWS's
 * files, files of the spool, /proc. Whatever comes is read or refused, inside of its limits, and what was read keeps what is promised of
 * it. tests/fuzz/fuzz_main.h has the usage; the first byte chooses the reader. */
#include "fuzz_main.h"

#include <stdbool.h>

#include "aws/aws_time.h"
#include "base/error.h"
#include "uploader/configure.h"
#include "uploader/credentials_source.h"
#include "uploader/fleet.h"
#include "uploader/ini.h"
#include "uploader/response.h"
#include "uploader/spool_file.h"
#include "uploader/spool_owner.h"

/* Whether it is a word that may go into a header. */
static bool is_visible(const char *text)
{
    while (*text > ' ' && *text <= '~')
        text++;
    return *text == '\0';
}

/* A text has a NUL behind it, and each reader bytes of their own size, so that a sanitizer sees what is read behind them. */
static void read_header(const char *bytes, size_t len)
{
    int64_t date_wall_s = 0;
    char type[96] = "";
    pando_http_read_header(bytes, len, &date_wall_s, type, sizeof type);
    require(date_wall_s >= 0 && is_visible(type), "a header");
}

static void read_orders(const char *bytes, size_t len)
{
    struct pando_uploader_orders orders = {.answers = 7};
    int error = pando_orchestration_read(bytes, len, &orders);
    require(orders.answers == 7, "it has changed what is not its own");
    require(error == 0 || orders.period_s == 0, "changed although it is refused");
    require(orders.period_s == 0 || (orders.period_s >= PANDO_PERIOD_MIN_S && orders.period_s <= PANDO_PERIOD_MAX_S), "a period");
    require(orders.sampling_interval_ms <= PANDO_SAMPLING_MAX_MS && orders.depth_max <= PANDO_DEPTH_MAX, "a limit");
    require(orders.period_s == 0 || orders.minimum_ms <= orders.period_s * 1000u, "a minimum above the period");
}

static void check_credentials(int error, const struct pando_credentials *credentials, const char *reason)
{
    require(memchr(credentials->secret, '\0', sizeof credentials->secret) != NULL, "no end");
    require(error != 0 || (credentials->access_key_id[0] != '\0' && credentials->secret[0] != '\0'), "half a key");
    require(is_visible(credentials->access_key_id) && is_visible(credentials->secret) && is_visible(credentials->session_token),
            "it cannot go into a header");
    require(error == 0 || reason[0] != '\0', "refused without a word");
}

static void read_credentials(const char *bytes, size_t len)
{
    static struct pando_credentials credentials;
    char reason[200] = "";
    struct pando_credentials_fetch fetch = {.reason = reason, .reason_bytes = sizeof reason};
    memset(&credentials, 0, sizeof credentials);
    check_credentials(pando_credentials_read_reply(&fetch, bytes, len, &credentials), &credentials, reason);
}

static void read_role(const char *text, size_t len)
{
    static struct pando_credentials credentials;
    char reason[200] = "";
    struct pando_credentials_fetch fetch = {.reason = reason, .reason_bytes = sizeof reason};
    (void)len;
    memset(&credentials, 0, sizeof credentials);
    check_credentials(pando_sts_read_answer(&fetch, text, &credentials), &credentials, reason);
}

static void read_file(const char *bytes, size_t len)
{
    static const char *const profiles[] = {"default", "x", "with blank", "", "]"};
    static const char *const names[] = {"aws_access_key_id", "region", "role_arn", "s3", ""};
    char value[32];
    for (int kind = PANDO_INI_CREDENTIALS; kind <= PANDO_INI_CONFIG; kind++) {
        const struct pando_ini ini = {(enum pando_ini_kind)kind, bytes, len};
        for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
            bool is_there = pando_ini_has(&ini, profiles[i]);
            for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
                int error = pando_ini_get(&ini, profiles[i], names[j], value, sizeof value);
                require(error != 0 || (is_there && memchr(value, '\0', sizeof value) != NULL && memchr(value, '\n', strlen(value)) == NULL),
                        "a value of nothing");
            }
        }
    }
}

static void read_spool_file(const char *bytes, size_t len)
{
    struct pando_payload *payload = NULL;
    int error = pando_spool_file_read(bytes, len, "group", &payload);
    require((error == 0) == (payload != NULL), "a payload and an error");
    if (error == 0) {
        char header[PANDO_SPOOL_HEADER_BYTES];
        size_t header_bytes = pando_spool_header_write(payload, "group", header);
        require(payload->len_bytes <= len && strspn(payload->token, "0123456789abcdef-") == PANDO_TOKEN_SIZE - 1, "a payload");
        require(header_bytes < sizeof header, "a header");
    }
    pando_payload_free(payload);
}

static void read_spool_name(const char *text, size_t len)
{
    struct pando_spool_name name;
    char again[PANDO_SPOOL_NAME_BYTES];
    uint32_t pid;
    uint64_t start;
    (void)len;
    pando_spool_new_name_read(text, &pid, &start);
    if (!pando_spool_name_read(text, &name))
        return;
    struct pando_spool_name same;
    pando_spool_name_write(&name, again);
    require(pando_spool_name_read(again, &same) && same.owner_pid == name.owner_pid && strcmp(same.token, name.token) == 0 &&
            same.sealed_wall_ms == name.sealed_wall_ms, "a name is another when it is written again");
}

static void read_times(const char *text, size_t len)
{
    int64_t wall_s = 0;
    char again[PANDO_AWS_TIME_SIZE];
    (void)len;
    if (pando_aws_time_parse(text, &wall_s) == 0) {
        pando_aws_time_format(wall_s, again);
        require(strlen(again) == PANDO_AWS_TIME_SIZE - 1, "a time");
    }
    pando_spool_start_of_text(text);
}

static void read_error(const char *bytes, size_t len)
{
    char quote[64], type[32];
    pando_response_quote(bytes, len, quote, sizeof quote);
    pando_response_body_error_type(bytes, len, type, sizeof type);
    pando_response_error_type(bytes, len, type, sizeof type);
    for (const char *at = quote; *at != '\0'; at++)
        require((unsigned char)*at >= ' ' && *at != 0x7f, "a control byte for the log");
    require(is_visible(type), "a type");
}

static void read_task(const char *bytes, size_t len)
{
    struct pando_uploader_fleet fleet = {.id = ""};
    int error = pando_fleet_read_task(bytes, len, &fleet);
    require(error != 0 || (fleet.id[0] != '\0' && is_visible(fleet.id) && fleet.info[0] == '{'), "a fleet");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    static const struct {
        char choice;
        bool is_text;
        void (*read)(const char *bytes, size_t len);
    } readers[] = {
        {'h', false, read_header},  {'o', false, read_orders}, {'c', false, read_credentials}, {'r', true, read_role},
        {'i', false, read_file},    {'f', false, read_spool_file}, {'n', true, read_spool_name}, {'t', true, read_times},
        {'e', false, read_error},   {'k', false, read_task},
    };
    if (len_bytes == 0 || len_bytes > INPUT_MAX_BYTES)
        return 0;
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if ((uint8_t)readers[i].choice != bytes[0])
            continue;
        char *own = malloc(len_bytes);
        require(own != NULL, "no memory");
        memcpy(own, bytes + 1, len_bytes - 1);
        if (readers[i].is_text)
            own[len_bytes - 1] = '\0';
        char *exact = readers[i].is_text ? own : realloc(own, len_bytes > 1 ? len_bytes - 1 : 1);
        readers[i].read(exact, len_bytes - 1);
        free(exact);
    }
    return 0;
}
