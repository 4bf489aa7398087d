// link: pando_aws pando_base
/* Signs what stands on its input, for sigv4_oracle_test.py. A request is lines: method, path, query, secret, token, time, count of
 * headers, then name and value of each, a line each; body length, then the body and a line break. The answer is one line: the
 * canonical request's hash and the signature. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sigv4.h"

enum { HEADERS = 16, LINE_BYTES = 16384, BODY_BYTES = 1 << 16 };

static char lines[6 + 2 * HEADERS][LINE_BYTES], body[BODY_BYTES];

static char *next_line(int number)
{
    if (fgets(lines[number], LINE_BYTES, stdin) == NULL)
        exit(number == 0 ? 0 : 2);
    lines[number][strcspn(lines[number], "\n")] = '\0';
    return lines[number];
}

int main(void)
{
    for (;;) {
        for (int i = 0; i < 5; i++)
            next_line(i);
        struct pando_sigv4_header headers[HEADERS];
        char *end;
        int64_t wall_s = strtoll(next_line(5), &end, 10);
        size_t count = strtoull(end, &end, 10), body_bytes = strtoull(end, NULL, 10);
        if (count > HEADERS || body_bytes > BODY_BYTES)
            return 2;
        for (size_t i = 0; i < count; i++) {
            headers[i].name = next_line((int)(6 + 2 * i));
            headers[i].value = next_line((int)(7 + 2 * i));
        }
        if (fread(body, 1, body_bytes, stdin) != body_bytes || getchar() != '\n')
            return 2;
        struct pando_sigv4_request request = {.method = lines[0], .path = lines[1], .query = lines[2], .headers = headers,
                                              .headers_count = count, .body = body, .body_bytes = body_bytes};
        struct pando_sigv4_key key = {"AKIDEXAMPLE", lines[3], lines[4], "eu-west-1", "codeguru-profiler"};
        struct pando_sigv4_signature signature;
        if (pando_sigv4_sign(&request, &key, wall_s, &signature) != 0)
            return 3;
        puts(signature.authorization);
        fflush(stdout);
    }
}
