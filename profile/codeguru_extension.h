/* Why: what Pando tells its own receiver in the body's member "pando", which Amazon's form has no room for: who was sampled, and
 * which files the code came from. docs/labels.md has the form.
 * Context: worker and own processes. Private to profile/. */
#ifndef PANDO_PROFILE_CODEGURU_EXTENSION_H
#define PANDO_PROFILE_CODEGURU_EXTENSION_H

#include "profile/codeguru_decode.h"
#include "profile/codeguru_tree.h"
#include "profile/value_writer.h"

/* The member with its key. `tree` was made of the profile: its slices are numbered in the order of the table. */
void pando_codeguru_write_extension(struct pando_value_writer *out, const struct pando_profile *profile,
                                    const struct pando_codeguru_tree *tree);

/* Second pass, before the call tree: the value at decode->extension. Fills in decode->slices, which the caller frees. */
int pando_codeguru_decode_extension(struct pando_codeguru_decode *decode);

#endif
