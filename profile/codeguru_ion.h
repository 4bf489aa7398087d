/* Why: the CodeGuru agent profile as Amazon Ion (binary, application/x-amzn-ion), which says the same as the JSON of
 * profile/codeguru_json.h in about a third less; and the two notations' common form of GetProfile's answer.
 * Context: worker and own processes. Pure: bytes in, bytes out. Iterative: no recursion on depth. */
#ifndef PANDO_PROFILE_CODEGURU_ION_H
#define PANDO_PROFILE_CODEGURU_ION_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/codeguru_json.h"

/* As pando_codeguru_json_encode and _decode: the same members, limits, errors and sentences. Text that Ion's symbols expand to may
 * be as large as a body. Symbols of shared tables are refused. */
int pando_codeguru_ion_encode(const struct pando_profile *profile, struct pando_buffer *out);
int pando_codeguru_ion_decode(const char *body, size_t body_bytes, const struct pando_codeguru_json_limits *limits,
                              struct pando_profile **ret_profile, char *message, size_t message_bytes);

struct pando_codeguru_form {
    bool is_ion;        /* else JSON */
    bool is_extended;   /* with the member "pando", for Pando's own receiver */
    bool is_aggregate;  /* what GetProfile answers: start, end, weights and tree, without what is of one process */
    uint32_t max_depth; /* frames of a stack that stay; what lies deeper counts for the last of them. 0: all */
};

/* Any of the forms; errors as of pando_codeguru_json_encode. The service publishes no schema of GetProfile's answer: this one is the
 * agent profile's, which its own agents call the form of both, and the decoders above read it. */
int pando_codeguru_encode(const struct pando_profile *profile, const struct pando_codeguru_form *form,
                          struct pando_buffer *out);

#endif
