/* Why: what agents of Amazon's service are most often blamed for is silence. So the doctor does what the agent does before its first
 * interval, with the agent's own code: finds credentials, signs, asks ConfigureAgent once; and tells what the agent would have logged.
 * Nothing is posted, no group is made. Context: own process; takes as long as the network does, 30 s at most. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/log.h"
#include "cli/doctor.h"
#include "uploader/uploader.h"

enum { LOG_BYTES = 16384, WAIT_MS = 30000, LOOK_MS = 20, GROUP_BYTES = 256, REGION_BYTES = 64 };

static const char *first_of(const char *environment, const char *const *names, size_t count)
{
    const char *value = NULL;
    for (size_t i = 0; i < count && value == NULL; i++)
        value = pando_environment_get(environment, names[i]);
    return value;
}

/* As the agent takes them (docs/aws.md). What is missing or odd is the settings' to complain about. */
static void read_names(const char *environment, char group[GROUP_BYTES], char region[REGION_BYTES])
{
    static const char *const groups[] = {"PANDO_GROUP", "AWS_CODEGURU_PROFILER_GROUP_NAME"};
    static const char *const regions[] = {"AWS_CODEGURU_PROFILER_TARGET_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"};
    const char *arn = pando_environment_get(environment, "AWS_CODEGURU_PROFILER_GROUP_ARN");
    const char *name = first_of(environment, groups, sizeof groups / sizeof groups[0]);
    const char *place = first_of(environment, regions, sizeof regions / sizeof regions[0]);
    const char *tail = arn != NULL ? strrchr(arn, '/') : NULL;
    snprintf(group, GROUP_BYTES, "%s", name != NULL ? name : tail != NULL ? tail + 1 : "pando");
    char of_arn[REGION_BYTES] = "";
    if (arn != NULL && sscanf(arn, "arn:%*[^:]:%*[^:]:%63[^:]", of_arn) == 1)
        place = of_arn;
    snprintf(region, REGION_BYTES, "%s", place != NULL ? place : "");
}

/* A line of the log: "TIME pando[PID] LEVEL: TEXT". */
static void say_line(struct pando_doctor *doctor, const char *line)
{
    const char *level = strstr(line, "] "), *text = level != NULL ? strstr(level, ": ") : NULL;
    if (text == NULL)
        return;
    bool is_bad = strncmp(level, "] warning", 9) == 0 || strncmp(level, "] error", 7) == 0;
    const char *end = strstr(text, "; profiling goes on");
    int len = (int)(end != NULL ? end - text : (ptrdiff_t)strlen(text)) - 2;
    len -= len > 0 && text[2 + len - 1] == '.';
    pando_doctor_say(doctor, is_bad ? PANDO_DOCTOR_PROBLEM : PANDO_DOCTOR_OK, "service", "%.*s%s", len, text + 2,
                     is_bad ? "; look at the keys, their rights, the region and the group's name." : ".");
}

static void say_log(struct pando_doctor *doctor, int log)
{
    char text[LOG_BYTES], *rest = NULL;
    ssize_t len = pread(log, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        say_line(doctor, line);
}

/* False: no answer of any kind in time. */
static bool ask_once(struct pando_uploader *uploader)
{
    struct pando_uploader_orders orders = {.answers = 0};
    pando_uploader_ask(uploader);
    for (int waited = 0; waited < WAIT_MS && orders.answers == 0; waited += LOOK_MS) {
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000l}, NULL);
        pando_uploader_orders(uploader, &orders);
    }
    return orders.answers != 0;
}

void pando_doctor_service(struct pando_doctor *doctor, const char *environment, const char *url)
{
    char group[GROUP_BYTES], region[REGION_BYTES], message[512] = "", path[] = "/tmp/pando-doctor-XXXXXX";
    struct pando_uploader_counters counters = {.posts_delivered = 0};
    struct pando_uploader *uploader;
    if (pando_environment_get(environment, "AWS_LAMBDA_FUNCTION_NAME") != NULL) {
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "service", "it was not asked: in a Lambda function that may make the profiling group.");
        return;
    }
    read_names(environment, group, region);
    int log = mkostemp(path, O_CLOEXEC);
    pando_log_open(path, PANDO_LOG_INFO);
    const struct pando_uploader_config config = {.url = url, .signs = true, .region = region, .environment = environment,
                                                 .group = group, .user_agent = "Pando/" PANDO_VERSION " (doctor)",
                                                 .fleet_id = "pando-doctor", .counters = &counters};
    if (pando_uploader_new(&config, &uploader, message, sizeof message) != 0) {
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "service", "%s", message);
    } else {
        bool is_answered = ask_once(uploader);
        pando_uploader_close(uploader);
        say_log(doctor, log);
        if (!is_answered)
            pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "service", "no answer came in %d s: look at the network and at proxies.",
                             WAIT_MS / 1000);
    }
    if (log >= 0) {
        unlink(path);
        close(log);
    }
}
