/* Why: cli/subject.h. Context: own process. */
#include "cli/subject.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/input.h"
#include "profile/export.h"

int pando_subject_of_file(const char *path, uint64_t ns_per_count, struct pando_subject *subject, char *message, size_t message_bytes)
{
    enum pando_input_kind kind;
    const char *slash = strrchr(path, '/');
    *subject = (struct pando_subject){0};
    snprintf(subject->title, sizeof subject->title, "%.200s", slash != NULL ? slash + 1 : path);
    int error = pando_input_read(path, ns_per_count != 0 ? ns_per_count : 1, &subject->profile, &kind, &subject->profile_count, message,
                                 message_bytes);
    if (error != 0)
        return error;
    subject->ns_per_sample = pando_export_ns_per_sample(subject->profile);
    if (kind == PANDO_INPUT_FOLDED && ns_per_count == 0)
        pando_cli_complain("%s does not say what it counts: taken as nanoseconds, as Pando writes them. --unit samples takes each as 10 ms.",
                           subject->title);
    return 0;
}

int pando_subject_of_group(const struct pando_source *source, const char *group, uint64_t start_ms, uint64_t end_ms,
                           struct pando_subject *subject, char *message, size_t message_bytes)
{
    int error = 0;
    *subject = (struct pando_subject){0};
    if (group != NULL)
        snprintf(subject->title, sizeof subject->title, "%s", group);
    else
        error = pando_source_only_group(source, subject->title, sizeof subject->title, message, message_bytes);
    if (error == 0)
        error = pando_source_merge(source, subject->title, start_ms, end_ms, &subject->profile, &subject->profile_count, message,
                                   message_bytes);
    if (error == 0)
        subject->ns_per_sample = pando_export_ns_per_sample(subject->profile);
    return error;
}
