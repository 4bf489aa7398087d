/* Why: what `pando doctor` found out, finding by finding: written as it is found, or gathered for JSON. docs/doctor.md.
 * Context: own process, one thread. Nothing is changed in the process that is looked at. */
#ifndef PANDO_CLI_DOCTOR_H
#define PANDO_CLI_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum pando_doctor_level {
    PANDO_DOCTOR_OK,
    PANDO_DOCTOR_NOTE,      /* profiling works; something is less than it could be */
    PANDO_DOCTOR_PROBLEM,   /* stands in the way */
};

struct pando_doctor {
    FILE *out;
    bool as_json;           /* `out` gets everything at the end */
    bool has_problem;
    json_t *root;           /* "findings": [{level, about, text}], "objects", "settings" */
};

void pando_doctor_begin(struct pando_doctor *doctor, FILE *out, bool as_json);
/* One finding: `about` is a word, the sentence says what it is and what to do. */
void pando_doctor_say(struct pando_doctor *doctor, enum pando_doctor_level level, const char *about, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds an object to a list of the JSON; takes it over. */
void pando_doctor_add(struct pando_doctor *doctor, const char *list, json_t *item);
/* A JSON string, "?" in place of what is not UTF-8; null for NULL. */
json_t *pando_doctor_text(const char *text);
/* Writes the JSON if it is wanted, and frees. Returns the exit status. */
int pando_doctor_end(struct pando_doctor *doctor);

/* Whether the process (with `is_command` this one, whose limits a command inherits) leaves room for Pando: signal, timers, memory. */
void pando_doctor_process(struct pando_doctor *doctor, pid_t pid, bool is_command, bool has_pando);
/* Each object that is mapped in the process: names, lines, unwind tables. False: its map cannot be read. */
bool pando_doctor_objects_of_process(struct pando_doctor *doctor, pid_t pid);
/* The same for a program's file and the libraries that its loader finds for it; nothing of the program is run. */
void pando_doctor_objects_of_file(struct pando_doctor *doctor, const char *path);

/* What libpando.so would make of this environment (base/environment.h): each setting, where it comes from, what it would refuse. */
void pando_doctor_settings(struct pando_doctor *doctor, const char *environment);
/* Where profiles would go (`other_url`, if it is not NULL), and whether a receiver answers. Changes this process's environment. */
void pando_doctor_endpoint(struct pando_doctor *doctor, const char *environment, const char *other_url);
/* Asks Amazon's service (`url` "": the one of its region), or a receiver that takes signatures, once how to profile, as the agent would:
 * whose credentials, and what came back. Nothing is posted. */
void pando_doctor_service(struct pando_doctor *doctor, const char *environment, const char *url);
/* A URL without user, password and query. */
void pando_doctor_mask_url(const char *url, char *shown, size_t shown_bytes);

/* All of a file of /proc, with a NUL behind; to be freed. NULL: it cannot be read, or has more than some MiB. */
char *pando_doctor_read_file(const char *path, size_t *ret_len);

#endif
