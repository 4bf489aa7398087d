/* Why: the words for base/error.h. Context: any; touches static memory only. */
#include "base/error.h"

const char *pando_error_text(int error)
{
    if (error >= 0)
        return "success";
    switch ((enum pando_error)error) {
    case PANDO_OK: return "success";
    case PANDO_ERR_NO_MEMORY: return "out of memory";
    case PANDO_ERR_LIMIT: return "limit reached";
    case PANDO_ERR_INVALID: return "invalid value";
    case PANDO_ERR_SYNTAX: return "syntax error";
    case PANDO_ERR_NOT_FOUND: return "not found";
    case PANDO_ERR_IO: return "input/output error";
    case PANDO_ERR_NETWORK: return "network error";
    case PANDO_ERR_TIMEOUT: return "deadline passed";
    case PANDO_ERR_UNSUPPORTED: return "not supported here";
    case PANDO_ERR_BUSY: return "busy";
    case PANDO_ERR_STATE: return "called out of order";
    case PANDO_ERR_REFUSED: return "refused";
    }
    return "unknown error";
}
