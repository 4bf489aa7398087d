/* Why: cli/cli.h: what the subcommands share. Context: own process. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "cli/cli.h"
#include "cli/progress.h"

void pando_cli_complain(const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pando_progress_end();
    fprintf(stderr, "pando: %s\n", text);
}

int pando_cli_next_option(int argc, char **argv, const char *short_options, const struct option *long_options)
{
    opterr = 0;
    int at = optind != 0 ? optind : 1;
    int option = getopt_long(argc, argv, short_options, long_options, NULL);
    if (option == '?') {
        if (optopt != 0 && strncmp(argv[at], "--", 2) != 0)
            pando_cli_complain("unknown option -%c; see pando help %s.", optopt, argv[0]);
        else
            pando_cli_complain("unknown option %s; see pando help %s.", argv[at], argv[0]);
    } else if (option == ':') {
        pando_cli_complain("option %s needs a value; see pando help %s.", argv[optind - 1], argv[0]);
        option = '?';
    }
    return option;
}

bool pando_cli_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    struct pando_cursor cursor = pando_cursor_of_text(text);
    uint64_t value;
    if (pando_cursor_decimal(&cursor, max, &value) != 0 || !pando_cursor_at_end(&cursor) || value < min) {
        pando_cli_complain("%s must be a whole number from %llu to %llu, not \"%s\".", what, (unsigned long long)min,
                           (unsigned long long)max, text);
        return false;
    }
    *ret_value = value;
    return true;
}

bool pando_cli_listen_address(const char *what, const char *text, char *host, size_t host_bytes, uint16_t *ret_port)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = end != NULL ? end + 1 : strrchr(text, ':');
    const char *start = end != NULL ? text + 1 : text;
    size_t len = end != NULL ? (size_t)(end - start) : colon != NULL ? (size_t)(colon - start) : strlen(start);
    uint64_t port = *ret_port;
    if (len >= host_bytes || (text[0] == '[' && end == NULL) || (end == NULL && memchr(start, ':', len) != NULL) ||
        (end != NULL && *colon != ':' && *colon != '\0')) {
        pando_cli_complain("%s takes HOST:PORT or [IPV6-ADDRESS]:PORT, not \"%s\".", what, text);
        return false;
    }
    char port_of[96];
    snprintf(port_of, sizeof port_of, "the port of %s", what);
    if (colon != NULL && *colon == ':' && !pando_cli_number(port_of, colon + 1, 0, 65535, &port))
        return false;
    if (len != 0) {
        memcpy(host, start, len);
        host[len] = '\0';
    }
    *ret_port = (uint16_t)port;
    return true;
}

void pando_cli_local_url(const char *host, uint16_t port, bool is_tls, char *url, size_t url_bytes)
{
    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    snprintf(url, url_bytes, strchr(host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u", is_tls ? "https" : "http", host, port);
}
