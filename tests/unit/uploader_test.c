// link: pando_uploader pando_base
/* Delivery against a server with faults: each fault is met on purpose, and every profile is accounted for. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "tests/unit/fault_server.h"
#include "uploader/queue.h"
#include "uploader/response.h"
#include "uploader/uploader.h"

static char log_path[] = "/tmp/pando-uploader-test-XXXXXX";

struct fixture {
    struct fault_server server;
    struct pando_uploader_counters counters;
    struct pando_uploader_config config;
    struct pando_uploader *uploader;
    char url[64];
    unsigned submitted;
};

static void begin(struct fixture *fixture, const struct fault_script *script, bool open)
{
    memset(fixture, 0, sizeof *fixture);
    assert_int_equal(truncate(log_path, 0), 0);
    fault_server_bind(&fixture->server, script);
    if (open)
        fault_server_open(&fixture->server);
    snprintf(fixture->url, sizeof fixture->url, "http://127.0.0.1:%u/", fixture->server.port);
    fixture->config = (struct pando_uploader_config){.url = fixture->url, .group = "my-group_1", .user_agent = "Pando/test",
                                                     .backoff_first_ms = 1, .backoff_max_ms = 2,
                                                     .counters = &fixture->counters};
}

static void make(struct fixture *fixture)
{
    char message[300];
    int error = pando_uploader_new(&fixture->config, &fixture->uploader, message, sizeof message);
    if (error != 0)
        fail_msg("%s", message);
}

static int submit(struct fixture *fixture)
{
    struct pando_payload *payload = pando_payload_new(strdup("{\"x\":1}"), 7, "application/json", 10);
    assert_non_null(payload);
    fixture->submitted++;
    return pando_uploader_submit(fixture->uploader, payload);
}

static uint64_t in_s(unsigned seconds)
{
    return pando_clock_mono_ns() + seconds * 1000000000ull;
}

static int flush_until(struct fixture *fixture, uint64_t deadline_mono_ns)
{
    int result = pando_uploader_flush(fixture->uploader, deadline_mono_ns);
    fault_server_sync(&fixture->server);
    return result;
}

/* Nothing is lost without being counted. */
static void end(struct fixture *fixture)
{
    pando_uploader_close(fixture->uploader);
    struct pando_uploader_counters *counters = &fixture->counters;
    assert_int_equal(counters->posts_delivered + counters->posts_rejected + counters->posts_gave_up +
                         counters->posts_queue_full,
                     fixture->submitted);
    assert_int_equal(counters->samples_delivered, 10 * counters->posts_delivered);
    assert_int_equal(counters->samples_delivered + counters->samples_lost, 10 * fixture->submitted);
    if (fixture->server.thread != 0)
        fault_server_stop(&fixture->server);
    else
        close(fixture->server.listener);
}

static int log_lines(const char *with)
{
    FILE *file = fopen(log_path, "r");
    char line[2000];
    int count = 0;
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, with) != NULL;
    fclose(file);
    return count;
}

static const struct fault_script good[] = {{FAULT_NONE, NULL}};

static void a_profile_is_delivered(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, good, true);
    make(&fixture);
    assert_int_equal(submit(&fixture), 0);
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_int_equal(fixture.counters.posts_delivered, 1);
    assert_true(fixture.counters.thread_cpu_ns > 0);
    const char *head = fixture.server.first_head;
    assert_ptr_equal(strstr(head, "POST /profilingGroups/my-group_1/agentProfile?profileToken="), head);
    assert_non_null(strstr(head, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(head, "\r\nUser-Agent: Pando/test\r\n"));
    assert_null(strcasestr(head, "\r\nExpect:"));
    assert_string_equal(fixture.server.first_body, "{\"x\":1}");
    assert_int_equal(strlen(fixture.server.tokens[0]), 36);
    assert_int_equal(log_lines("pando"), 0);
    end(&fixture);
}

static void a_connection_serves_many(void **state)
{
    (void)state;
    struct fixture fixture;
    static const struct fault_script script[] = {
        {FAULT_STATUS, "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"}, {FAULT_NONE, NULL}};
    begin(&fixture, script, false);
    fixture.config.backoff_first_ms = 1000000; /* so that all are queued before the second try, which the flush makes */
    fixture.config.backoff_max_ms = 1000000;
    make(&fixture);
    fault_server_open(&fixture.server);
    for (int i = 0; i < 10; i++)
        submit(&fixture);
    assert_true(fault_server_wait(&fixture.server, 1)); /* the try that fails is not the flush's */
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_int_equal(fixture.counters.posts_delivered, 10);
    assert_true(fixture.server.connections < 10);
    for (int i = 0; i < 10; i++)
        for (int k = i + 1; k < 10; k++)
            assert_string_not_equal(fixture.server.committed_tokens[i], fixture.server.committed_tokens[k]);
    end(&fixture);
}

static void faults_are_retried_with_the_same_token(void **state)
{
    (void)state;
    static const struct fault_script script[] = {
        {FAULT_STATUS, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"},
        {FAULT_STATUS, "HTTP/1.1 408 Slow\r\nContent-Length: 0\r\n\r\n"},
        {FAULT_STATUS, "HTTP/1.1 429 Many\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"},
        {FAULT_RESET, NULL},
        {FAULT_STATUS, "HTTP/1.1 503 Busy\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort"},
        {FAULT_STATUS, "no HTTP at all\r\nConnection: close\r\n\r\n"},
        {FAULT_NONE, NULL},
    };
    struct fixture fixture;
    begin(&fixture, script, true);
    make(&fixture);
    submit(&fixture);
    assert_true(fault_server_wait(&fixture.server, 7));
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    for (int i = 1; i < 7; i++)
        assert_string_equal(fixture.server.tokens[i], fixture.server.tokens[0]);
    assert_int_equal(fixture.counters.posts_delivered, 1);
    assert_true(fixture.counters.retries >= 5); /* a kept connection that was closed is one that libcurl repeats itself */
    assert_int_equal(log_lines("cannot be delivered"), 1); /* once an outage, not once a try */
    assert_int_equal(log_lines("delivered again"), 1);
    end(&fixture);
}

static void a_lost_answer_counts_once_at_the_receiver(void **state)
{
    (void)state;
    static const struct fault_script script[] = {{FAULT_LOST_ANSWER, NULL}, {FAULT_LOST_ANSWER, NULL}, {FAULT_NONE, NULL}};
    struct fixture fixture;
    begin(&fixture, script, true);
    make(&fixture);
    submit(&fixture);
    assert_true(fault_server_wait(&fixture.server, 3));
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_int_equal(fixture.server.committed, 1);
    assert_int_equal(fixture.server.duplicates, 2);
    assert_int_equal(fixture.counters.posts_delivered, 1);
    end(&fixture);
}

static void refused_then_up(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, good, false);
    fixture.config.tries_max = 1000000;
    make(&fixture);
    submit(&fixture);
    /* Nobody listens: a flush says so without waiting for its deadline of an hour. */
    assert_int_equal(flush_until(&fixture, in_s(3600)), PANDO_ERR_NETWORK);
    assert_int_equal(log_lines("cannot be delivered"), 1);
    fault_server_open(&fixture.server);
    assert_true(fault_server_wait(&fixture.server, 1));
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_int_equal(fixture.counters.posts_delivered, 1);
    assert_int_equal(log_lines("delivered again"), 1);
    end(&fixture);
}

static void a_refusal_is_dropped_and_quoted(void **state)
{
    (void)state;
    static const struct fault_script script[] = {
        {FAULT_STATUS, "HTTP/1.1 400 Bad\r\nContent-Length: 35\r\n\r\n{\"message\":\"start \\\"is\\\" missing\",\"a\"}"},
        {FAULT_STATUS, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"},
        {FAULT_STATUS, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
        {FAULT_ENDLESS_ANSWER, NULL},
        {FAULT_NONE, NULL},
    };
    struct fixture fixture;
    begin(&fixture, script, true);
    make(&fixture);
    for (int i = 0; i < 5; i++)
        submit(&fixture);
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_int_equal(fixture.counters.posts_rejected, 4);
    assert_int_equal(fixture.counters.posts_delivered, 1);
    assert_int_equal(fixture.counters.retries, 0);
    assert_int_equal(log_lines("refused profile"), 3); /* 400, 302, 400: the second 400 in a row is not said */
    assert_int_equal(log_lines("HTTP 400: start \"is\" missing"), 1);
    assert_int_equal(log_lines("HTTP 302, a redirect, which is not followed"), 1);
    assert_int_equal(log_lines(fixture.server.tokens[0]), 1);
    end(&fixture);
}

static void retry_after_holds_the_next_try_back(void **state)
{
    (void)state;
    static const struct fault_script script[] = {
        {FAULT_STATUS, "HTTP/1.1 429 Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"},
        {FAULT_STATUS, "HTTP/1.1 429 Many\r\nRetry-After: 800\r\nContent-Length: 0\r\n\r\n"},
        {FAULT_NONE, NULL}};
    struct fixture fixture;
    begin(&fixture, script, true);
    make(&fixture);
    submit(&fixture);
    submit(&fixture); /* waits behind the first */
    assert_true(fault_server_wait(&fixture.server, 2));
    /* No more than a promise of the protocol: not sooner. However slow the machine, this holds. */
    assert_true(fixture.server.came_mono_ns[1] - fixture.server.came_mono_ns[0] >= 1000000000u);
    assert_string_equal(fixture.server.tokens[1], fixture.server.tokens[0]);
    assert_int_equal(flush_until(&fixture, in_s(60)), 0); /* a flush cuts the 800 seconds short */
    assert_int_equal(fixture.counters.posts_delivered, 2);
    end(&fixture);
}

static void tries_run_out(void **state)
{
    (void)state;
#define OOPS {FAULT_STATUS, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"}
    static const struct fault_script script[] = {OOPS, OOPS, OOPS, {FAULT_NONE, NULL}};
    struct fixture fixture;
    begin(&fixture, script, true);
    fixture.config.tries_max = 3;
    make(&fixture);
    submit(&fixture);
    submit(&fixture);
    assert_true(fault_server_wait(&fixture.server, 4));
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_int_equal(fixture.counters.posts_gave_up, 1);
    assert_int_equal(fixture.counters.posts_delivered, 1);
    assert_int_equal(fixture.counters.retries, 2);
    end(&fixture);
}

static void a_flush_ends_at_its_deadline_and_a_close_at_once(void **state)
{
    (void)state;
    static const struct fault_script script[] = {{FAULT_HANG, NULL}, {FAULT_NONE, NULL}};
    struct fixture fixture;
    begin(&fixture, script, true);
    fixture.config.total_timeout_ms = 3600000;
    make(&fixture);
    submit(&fixture);
    submit(&fixture);
    assert_true(fault_server_wait(&fixture.server, 1));
    assert_int_equal(flush_until(&fixture, pando_clock_mono_ns() + 50000000), PANDO_ERR_TIMEOUT);
    assert_int_equal(flush_until(&fixture, 0), PANDO_ERR_TIMEOUT); /* a deadline in the past */
    end(&fixture); /* would take an hour if the transfer were not aborted */
    assert_int_equal(fixture.counters.posts_gave_up, 2);
}

static void a_try_has_a_time_limit(void **state)
{
    (void)state;
    static const struct fault_script script[] = {{FAULT_HANG, NULL}, {FAULT_NONE, NULL}};
    struct fixture fixture;
    begin(&fixture, script, true);
    fixture.config.total_timeout_ms = 200;
    make(&fixture);
    submit(&fixture);
    assert_true(fault_server_wait(&fixture.server, 2));
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_string_equal(fixture.server.tokens[1], fixture.server.tokens[0]);
    end(&fixture);
}

static void the_oldest_are_pushed_out(void **state)
{
    (void)state;
    static const struct fault_script script[] = {{FAULT_HANG, NULL}, {FAULT_NONE, NULL}};
    struct fixture fixture;
    begin(&fixture, script, true);
    fixture.config.queue_limit_payloads = 3;
    make(&fixture);
    submit(&fixture);
    assert_true(fault_server_wait(&fixture.server, 1)); /* the first is being sent and cannot be pushed out */
    for (int i = 0; i < 6; i++)
        assert_int_equal(submit(&fixture), 0);
    assert_int_equal(fixture.counters.posts_queue_full, 4);
    assert_int_equal(log_lines("queue is full"), 1);
    end(&fixture);
    assert_int_equal(fixture.counters.posts_gave_up, 3);
}

static void too_large_is_dropped_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, good, true);
    fixture.config.queue_limit_bytes = 6;
    make(&fixture);
    assert_int_equal(submit(&fixture), PANDO_ERR_LIMIT);
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_int_equal(fixture.counters.posts_queue_full, 1);
    end(&fixture);
}

static int descriptors_of(const char *folder, char *text, size_t text_bytes)
{
    DIR *list = opendir(folder);
    int count = 0;
    text[0] = '\0';
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        char path[400], target[200] = "";
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(list))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        (void)!readlink(path, target, sizeof target - 1);
        size_t used = strlen(text);
        snprintf(text + used, text_bytes - used, "%s %s\n", entry->d_name, target);
        count++;
    }
    if (list != NULL)
        closedir(list);
    return count;
}

/* While a transfer is under way the host's table is as if there were none, but for the server's own end; and nothing that
 * the host closes, reopens or locks touches the transfer. */
static void the_host_keeps_its_descriptors(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it stays in the host's table then */
#endif
    struct fixture fixture;
    static const struct fault_script script[] = {{FAULT_HANG, NULL}, {FAULT_NONE, NULL}};
    begin(&fixture, script, true);
    make(&fixture);
    char before[8000], during[8000];
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    int count = descriptors_of("/proc/self/fd", before, sizeof before);
    submit(&fixture);
    assert_true(fault_server_wait(&fixture.server, 1));
    if (syscall(SYS_close_range, ~0u, ~0u, 0u) != 0 && errno == ENOSYS) {
        end(&fixture);
        skip();
    }
    int count_during = descriptors_of("/proc/self/fd", during, sizeof during);
    if (count_during != count + 1)
        fail_msg("before:\n%sduring:\n%s", before, during);
    /* Our thread keeps no end of the host's pipe open: its reader sees the end at once. */
    char byte;
    close(pipe_ends[1]);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 0);
    close(pipe_ends[0]);
    end(&fixture);
}

static void bad_settings_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *url, *group, *says;
    } cases[] = {
        {NULL, "g", "URL is missing"},
        {"", "g", "URL is missing"},
        {"ftp://host", "g", "must begin with http:// or https://"},
        {"host:8080", "g", "http"},
        {"http://", "g", "URL"},
        {"http://a b", "g", "URL"},
        {"http://user:secret@host", "g", "user name or password"},
        {"http://host/?a=b", "g", "query"},
        {"http://host/#a", "g", "fragment"},
        {"http://host", "", "profiling group"},
        {"http://host", NULL, "profiling group"},
        {"http://host", "a/b", "profiling group"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pando_uploader_config config = {.url = cases[i].url, .group = cases[i].group};
        struct pando_uploader *uploader = NULL;
        char message[300] = "";
        assert_int_equal(pando_uploader_new(&config, &uploader, message, sizeof message), PANDO_ERR_INVALID);
        if (strstr(message, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].url, message);
        assert_null(uploader);
    }
    pando_uploader_close(NULL);
}

static void quotes(void **state)
{
    (void)state;
    static const struct {
        const char *body, *quote;
    } cases[] = {
        {"", ""},
        {"{\"message\":\"no\"}", "no"},
        {"{\"Message\" : \"no\\nway\"}", "no way"},
        {"{\"message\":7,\"message\":\"x\"}", "x"},
        {"{\"message\":\"cut", "cut"},
        {"{\"message\":\"cut\\", "cut\\"},
        {"<p>\n<b>nope</b>", "<p> <b>nope</b>"},
        {"{\"message\"", "{\"message\""},
        {"a text that is much too long for the room", "a text that is m..."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char quote[20];
        pando_response_quote(cases[i].body, strlen(cases[i].body), quote, sizeof quote);
        assert_string_equal(quote, cases[i].quote);
    }
}

static void queue_rows(void **state)
{
    (void)state;
    struct pando_payload a = {.len_bytes = 4}, b = {.len_bytes = 4}, c = {.len_bytes = 7}, d = {.len_bytes = 11};
    struct pando_queue queue = {.limit_payloads = 3, .limit_bytes = 10};
    assert_null(pando_queue_push(&queue, &a));
    assert_null(pando_queue_push(&queue, &b));
    assert_ptr_equal(pando_queue_push(&queue, &d), &d); /* never fits: pushes nobody out */
    assert_int_equal(queue.count, 2);
    queue.head_busy = true;
    assert_ptr_equal(pando_queue_push(&queue, &c), &c); /* not beside what is being sent */
    queue.head_busy = false;
    assert_ptr_equal(pando_queue_push(&queue, &c), &a);
    assert_ptr_equal(a.next, &b);
    assert_null(b.next);
    assert_int_equal(queue.bytes, 7);
    assert_null(pando_queue_push(&queue, &(struct pando_payload){.len_bytes = 0}));
    pando_queue_rotate(&queue);
    assert_int_equal(queue.head->len_bytes, 0);
    assert_ptr_equal(queue.tail, &c);
    pando_queue_pop(&queue);
    assert_ptr_equal(pando_queue_pop(&queue), &c);
    assert_null(pando_queue_pop(&queue));
    assert_int_equal(queue.count + queue.bytes, 0);
    assert_null(queue.tail);
}

static void never_started_never_runs(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, good, true);
    make(&fixture);
    assert_int_equal(flush_until(&fixture, in_s(60)), 0);
    assert_int_equal(fixture.counters.thread_cpu_ns, 0);
    end(&fixture);
    assert_int_equal(fixture.server.connections, 0);
}

int main(void)
{
    close(mkstemp(log_path));
    pando_log_open(log_path, PANDO_LOG_DEBUG);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_delivered),
        cmocka_unit_test(a_connection_serves_many),
        cmocka_unit_test(faults_are_retried_with_the_same_token),
        cmocka_unit_test(a_lost_answer_counts_once_at_the_receiver),
        cmocka_unit_test(refused_then_up),
        cmocka_unit_test(a_refusal_is_dropped_and_quoted),
        cmocka_unit_test(retry_after_holds_the_next_try_back),
        cmocka_unit_test(tries_run_out),
        cmocka_unit_test(a_flush_ends_at_its_deadline_and_a_close_at_once),
        cmocka_unit_test(a_try_has_a_time_limit),
        cmocka_unit_test(the_oldest_are_pushed_out),
        cmocka_unit_test(too_large_is_dropped_alone),
        cmocka_unit_test(the_host_keeps_its_descriptors),
        cmocka_unit_test(bad_settings_are_named),
        cmocka_unit_test(quotes),
        cmocka_unit_test(queue_rows),
        cmocka_unit_test(never_started_never_runs),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(log_path);
    return failed;
}
