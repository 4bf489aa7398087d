/* Why: a refusal is only useful to the user with the server's own words, and those come from outside: any bytes.
 * Context: worker. Pure. Private to uploader/. */
#ifndef PANDO_UPLOADER_RESPONSE_H
#define PANDO_UPLOADER_RESPONSE_H

#include <stddef.h>

/* Writes what to quote of an error answer's body: the text of its "message" (or "Message") member if there is one (the AWS
 * form), else its beginning; control bytes become blanks, "..." ends what was cut. quote_bytes >= 8 with the NUL. */
void pando_response_quote(const char *body, size_t body_bytes, char *quote, size_t quote_bytes);
/* The name of an AWS error as x-amzn-ErrorType gives it ("ns#Name:http://..."), without what stands around it; "" if what is left
 * is no word. type_bytes >= 2. */
void pando_response_error_type(const char *text, size_t text_bytes, char *type, size_t type_bytes);
/* The same out of a body: its member "__type" or "code" ("Code"), or XML's <Code>. */
void pando_response_body_error_type(const char *body, size_t body_bytes, char *type, size_t type_bytes);

#endif
