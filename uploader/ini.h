/* Why: AWS's shared configuration and credentials files.
 * Context: any thread. Pure: looks through the bytes anew for each question, allocates nothing. Private to uploader/.
 * Understood: [section] and [profile "section"], name = value, comments with # and ; at a line's start or after a blank. Names are
 * compared without case. Indented lines belong to the value above and are passed over. The last one of a name counts. */
#ifndef PANDO_UPLOADER_INI_H
#define PANDO_UPLOADER_INI_H

#include <stdbool.h>
#include <stddef.h>

enum pando_ini_kind {
    PANDO_INI_CREDENTIALS, /* [name] */
    PANDO_INI_CONFIG,      /* [profile name], but [default] */
};

struct pando_ini {
    enum pando_ini_kind kind;
    const char *bytes;
    size_t len_bytes;
};

bool pando_ini_has(const struct pando_ini *ini, const char *profile);
/* 0 and the value with a NUL; PANDO_ERR_NOT_FOUND (also an empty one); PANDO_ERR_LIMIT. */
int pando_ini_get(const struct pando_ini *ini, const char *profile, const char *name, char *value, size_t value_bytes);

#endif
