/* The cases of AWS's signing test suite (tests/data/sigv4/suite.txt), for those who sign and for those who verify. */
#ifndef PANDO_TESTS_SIGV4_SUITE_H
#define PANDO_TESTS_SIGV4_SUITE_H

#include <stdio.h>
#include <string.h>

#include "aws/sigv4.h"

enum { SUITE_LINE_BYTES = 8192, SUITE_CASES = 38 };

struct suite_case {
    char name[128], method[16], path[256], query[512], body[256], token[1024], canonical[4096], signature[80];
    char headers[8][2048];
    struct pando_sigv4_header list[8];
    size_t headers_count;
    bool normalises;
};

static void suite_unescape(char *text)
{
    char *to = text;
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            *to++ = *++text == 'n' ? '\n' : *text == 't' ? '\t' : *text == 'r' ? '\r' : *text;
        else
            *to++ = *text;
    }
    *to = '\0';
}

static bool suite_read(FILE *file, struct suite_case *one)
{
    static char line[SUITE_LINE_BYTES];
    memset(one, 0, sizeof *one);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *value = strchr(line, ' ');
        if (line[0] == '#' || (value == NULL && strcmp(line, "end") != 0))
            continue;
        if (value == NULL)
            return true;
        *value++ = '\0';
        suite_unescape(value);
        struct {
            const char *name;
            char *to;
            size_t bytes;
        } fields[] = {
            {"case", one->name, sizeof one->name},       {"method", one->method, sizeof one->method},
            {"path", one->path, sizeof one->path},       {"query", one->query, sizeof one->query},
            {"body", one->body, sizeof one->body},       {"token", one->token, sizeof one->token},
            {"canonical", one->canonical, sizeof one->canonical},
            {"signature", one->signature, sizeof one->signature},
        };
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            if (strcmp(line, fields[i].name) == 0) {
                assert_true(strlen(value) < fields[i].bytes);
                strcpy(fields[i].to, value);
            }
        }
        if (strcmp(line, "normalize") == 0)
            one->normalises = value[0] == '1';
        if (strcmp(line, "header") == 0) {
            char *header = strcpy(one->headers[one->headers_count], value), *colon = strchr(header, ':');
            *colon = '\0';
            one->list[one->headers_count++] = (struct pando_sigv4_header){header, colon + 1};
        }
    }
    return false;
}

static struct pando_sigv4_request suite_request(const struct suite_case *one)
{
    return (struct pando_sigv4_request){.method = one->method, .path = one->path, .query = one->query, .headers = one->list,
                                        .headers_count = one->headers_count, .body = one->body,
                                        .body_bytes = strlen(one->body), .keeps_path = !one->normalises};
}

#endif
