/* Why: one list of everything that can go wrong, so that each failure has a name and a sentence.
 * Context: any. Functions that can fail return 0 or more for success and one of these when not;
 * on an error their outputs are untouched unless their comment says otherwise. */
#ifndef PANDO_BASE_ERROR_H
#define PANDO_BASE_ERROR_H

enum pando_error {
    PANDO_OK = 0,
    PANDO_ERR_NO_MEMORY = -1,   /* an allocation failed */
    PANDO_ERR_LIMIT = -2,       /* a maximum that was set at start is reached; nothing was added */
    PANDO_ERR_INVALID = -3,     /* an argument or input is not of the stated form */
    PANDO_ERR_SYNTAX = -4,      /* text or bytes do not parse */
    PANDO_ERR_NOT_FOUND = -5,   /* what was asked for does not exist */
    PANDO_ERR_IO = -6,          /* the system refused a read, write, open or the like; errno tells more */
    PANDO_ERR_NETWORK = -7,     /* no answer from the other side, or not a whole one */
    PANDO_ERR_TIMEOUT = -8,     /* the deadline passed first */
    PANDO_ERR_UNSUPPORTED = -9, /* this system or this input's version cannot do it */
    PANDO_ERR_BUSY = -10,       /* another one is at it already */
    PANDO_ERR_STATE = -11,      /* called out of order (stop before start, ...); nothing changed */
    PANDO_ERR_REFUSED = -12,    /* the other side said no, for good */
};

/* A short English name of `error` for logs ("limit reached"). Any context, static string, never NULL. */
const char *pando_error_text(int error);

#endif
