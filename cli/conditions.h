/* Why: `pando diff --fail-if`: when a difference is one that a build should stop at.
 * Context: own process. Form, and what counts as a difference: docs/formats.md. */
#ifndef PANDO_CLI_CONDITIONS_H
#define PANDO_CLI_CONDITIONS_H

#include <regex.h>
#include <stdbool.h>

#include "profile/compare.h"

enum { PANDO_CONDITIONS_MAX = 64 };

enum pando_condition_kind {
    PANDO_CONDITION_LEVEL,    /* ">20%":  B's share */
    PANDO_CONDITION_RELATIVE, /* ">+5%":  the change, of what A had */
    PANDO_CONDITION_POINTS,   /* ">+5pp": the change, in percentage points */
};

struct pando_condition {
    char text[1024];          /* as it was given */
    char name[512];           /* exact, or "*" */
    bool is_regex;
    regex_t regex;
    bool is_self, is_below;
    enum pando_condition_kind kind;
    double limit;             /* percent, or points; below 0 for "<-5%" */
};

enum pando_verdict { PANDO_VERDICT_FINE, PANDO_VERDICT_NOISE, PANDO_VERDICT_MET };

/* "FUNCTION:self>+5%" and the like; FUNCTION is a name, * or /REGEX/. `option` names where it was given. Complains and returns false when it is none. */
bool pando_condition_parse(const char *option, const char *text, struct pando_condition *condition);
void pando_condition_release(struct pando_condition *condition);
bool pando_condition_is_about(const struct pando_condition *condition, const char *name);
/* Of a row that it is about. NOISE: the limit is passed, but by what may be chance. */
enum pando_verdict pando_condition_judge(const struct pando_condition *condition, const struct pando_compare *compare,
                                         const struct pando_compare_row *row);

#endif
