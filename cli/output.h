/* Why: where a report goes and in which format: to the standard output, or into a file whose name tells.
 * Context: own process; blocks. */
#ifndef PANDO_CLI_OUTPUT_H
#define PANDO_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "profile/export.h"

enum pando_output_kind { PANDO_OUTPUT_TEXT, PANDO_OUTPUT_JSON, PANDO_OUTPUT_HTML, PANDO_OUTPUT_EXPORT };

struct pando_output {
    const char *path;                          /* NULL: the standard output */
    bool has_format;                           /* was asked for */
    enum pando_output_kind kind;
    const struct pando_export_format *format;  /* EXPORT only */
};

/* Of `option` (--format): "text", "json", "html", or a name of profile/export.h. Complains and returns false when it is none of them. */
bool pando_output_set_format(struct pando_output *output, const char *option, const char *name);
/* Once all options are read: without a format the file's name tells. Complains and returns false when it does not, and when a binary
 * format would go to a terminal. */
bool pando_output_settle(struct pando_output *output);
/* Opens what output goes to (the standard output is one of them). NULL after a complaint. */
FILE *pando_output_open(const struct pando_output *output);
/* Ends it. False, after a complaint: not all of it was written. */
bool pando_output_close(const struct pando_output *output, FILE *file);
/* Encodes the profile and writes it, packed if that is the format's way. An error of the encoder's, or PANDO_ERR_IO. */
int pando_output_export(FILE *file, const struct pando_export_format *format, const struct pando_profile *profile,
                        const struct pando_export_about *about);

#endif
