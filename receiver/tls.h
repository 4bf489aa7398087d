/* Why: HTTPS without a proxy: the certificate and its key, as libmicrohttpd wants them.
 * Context: own process, at the start. */
#ifndef PANDO_RECEIVER_TLS_H
#define PANDO_RECEIVER_TLS_H

#include <stddef.h>

/* TLS 1.2 and later. */
extern const char PANDO_TLS_PRIORITIES[];

struct pando_tls {
    char *cert, *key; /* PEM */
};

/* Reads the two files. On failure a sentence: PANDO_ERR_IO, PANDO_ERR_INVALID (not PEM, too large), PANDO_ERR_UNSUPPORTED (this
 * libmicrohttpd has no TLS), PANDO_ERR_NO_MEMORY. */
int pando_tls_read(const char *cert_file, const char *key_file, struct pando_tls *ret_tls, char *message, size_t message_bytes);
/* Wipes the key. */
void pando_tls_release(struct pando_tls *tls);

#endif
