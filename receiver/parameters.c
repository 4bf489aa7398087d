/* Why: receiver/parameters.h. Context: own process; the connection's thread. */
#include "receiver/parameters.h"

#include <string.h>

#include "aws/aws_time.h"
#include "base/cursor.h"
#include "base/error.h"
#include "receiver/routes.h"

enum { TOKEN_MAX = 64 };

int pando_take_text(struct pando_request *request, const char *name, const char **ret_text)
{
    unsigned count;
    const char *text = pando_request_query(request, name, &count);
    if (count > 1)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "%s is given more than once.", name);
    *ret_text = count == 0 ? NULL : text != NULL ? text : "";
    return 0;
}

int pando_take_number(struct pando_request *request, const char *name, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    const char *text;
    int error = pando_take_text(request, name, &text);
    if (error != 0 || text == NULL)
        return error;
    struct pando_cursor cursor = pando_cursor_of_text(text);
    uint64_t value;
    if (pando_cursor_decimal(&cursor, max, &value) != 0 || !pando_cursor_at_end(&cursor) || value < min)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "%s must be a whole number from %llu to %llu.", name,
                                    (unsigned long long)min, (unsigned long long)max);
    *ret_value = value;
    return 0;
}

int pando_take_bool(struct pando_request *request, const char *name, bool *ret_value)
{
    const char *text;
    int error = pando_take_text(request, name, &text);
    if (error != 0 || text == NULL)
        return error;
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return pando_request_refuse(request, 400, PANDO_VALIDATION, "%s must be true or false.", name);
    *ret_value = text[0] == 't';
    return 0;
}

int pando_take_iso_time(struct pando_request *request, const char *name, uint64_t *ret_ms, bool *ret_is_there)
{
    const char *text;
    int64_t wall_ms;
    int error = pando_take_text(request, name, &text);
    *ret_is_there = error == 0 && text != NULL;
    if (!*ret_is_there)
        return error;
    if (pando_aws_time_parse_ms(text, &wall_ms) != 0)
        return pando_request_refuse(request, 400, PANDO_VALIDATION,
                                    "%s must be a time such as 2020-06-01T13:15:02.001Z, not \"%.40s\".", name, text);
    *ret_ms = wall_ms > 0 ? (uint64_t)wall_ms : 0;
    return 0;
}

int pando_take_token(struct pando_request *request, const char *name, const char **ret_token)
{
    int error = pando_take_text(request, name, ret_token);
    if (error == 0 && *ret_token != NULL && !pando_is_name(*ret_token, TOKEN_MAX))
        error = pando_request_refuse(request, 400, PANDO_VALIDATION, "%s must be 1 to %d letters, digits, '_' or '-'.", name,
                                     (int)TOKEN_MAX);
    return error;
}

int pando_take_object(struct pando_request *request, json_t **ret_object)
{
    json_error_t where = {.text = ""};
    json_t *root = request->body.len_bytes == 0
                       ? json_object()
                       : json_loadb(request->body.bytes, request->body.len_bytes, JSON_REJECT_DUPLICATES, &where);
    if (json_is_object(root)) {
        *ret_object = root;
        return 0;
    }
    bool is_json = root != NULL;
    json_decref(root);
    /* It has no word for a lack of memory; and a 400 would tell an agent to stop. */
    if (!is_json && (where.text[0] == '\0' || json_error_code(&where) == json_error_out_of_memory))
        return pando_request_refuse(request, 500, PANDO_INTERNAL, "There is no memory for this body.");
    return is_json ? pando_request_refuse(request, 400, PANDO_VALIDATION, "The body must be a JSON object.")
                   : pando_request_refuse(request, 400, PANDO_VALIDATION, "The body is no JSON object: %s at byte %d.", where.text,
                                          where.position);
}
