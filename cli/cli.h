/* Why: what the subcommands of `pando` share: exit codes, how they complain, and the entry of each.
 * Context: own process, one thread. */
#ifndef PANDO_CLI_CLI_H
#define PANDO_CLI_CLI_H

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pando_cli_exit {
    PANDO_EXIT_OK = 0,
    PANDO_EXIT_FAILED = 1,
    PANDO_EXIT_USAGE = 2,
    PANDO_EXIT_NOT_EXECUTABLE = 126,
    PANDO_EXIT_NOT_FOUND = 127,
    PANDO_EXIT_SIGNALED = 128, /* plus the signal's number */
};

/* Each takes argv from its own name on and returns the exit status. */
int pando_cli_run(int argc, char **argv);
int pando_cli_serve(int argc, char **argv);
int pando_cli_report(int argc, char **argv);
int pando_cli_diff(int argc, char **argv);
int pando_cli_ls(int argc, char **argv);
int pando_cli_ctl(int argc, char **argv);
int pando_cli_attach(int argc, char **argv);
int pando_cli_top(int argc, char **argv);
int pando_cli_doctor(int argc, char **argv);

/* What each understands. */
extern const struct pando_cli_syntax pando_cli_run_syntax, pando_cli_serve_syntax, pando_cli_report_syntax, pando_cli_diff_syntax,
    pando_cli_ls_syntax, pando_cli_ctl_syntax, pando_cli_attach_syntax, pando_cli_top_syntax, pando_cli_doctor_syntax;

/* One sentence on stderr, "pando: " before it. */
void pando_cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* getopt_long that complains in one sentence itself. -1 at the end, '?' after a complaint. Give `short_options` a leading
 * "+:" when options must come before the first operand, else ":". */
int pando_cli_next_option(int argc, char **argv, const char *short_options, const struct option *long_options);
/* A number of decimal digits in [min, max]; complains and returns false when it is not. `what` names the option. */
bool pando_cli_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);

/* "HOST:PORT", "[::1]:PORT", "HOST" or ":PORT"; fills what is given. `what` names the option. Complains and returns false when it is none of them. */
bool pando_cli_listen_address(const char *what, const char *text, char *host, size_t host_bytes, uint16_t *ret_port);
/* "http://HOST:PORT" (https with `is_tls`) under which this machine reaches a receiver that listens on `host` (any address: the loopback one). */
void pando_cli_local_url(const char *host, uint16_t port, bool is_tls, char *url, size_t url_bytes);

#endif
