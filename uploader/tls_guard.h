/* Why: OpenSSL is often the host's too, and then it cleans itself up inside the host's exit(), whatever we asked for. A
 * transfer that is under way at that moment, or begun after it, would use freed tables and kill a host that was about to end
 * well. So each use of TLS is announced here, and the clean-up waits until there is none.
 * Context: the upload thread; the clean-up runs in the host's thread. The state is the process's, as OpenSSL's is.
 * Private to uploader/. */
#ifndef PANDO_UPLOADER_TLS_GUARD_H
#define PANDO_UPLOADER_TLS_GUARD_H

#include <stdbool.h>

/* Before libcurl is first used, for each upload thread. */
void pando_tls_guard_init(void);
/* Announces a use. False when OpenSSL is, or is about to be, cleaned up: then use no TLS. */
bool pando_tls_guard_enter(void);
void pando_tls_guard_leave(void);
/* Whether a use must end now, for OpenSSL's clean-up waits for it (a second at most). */
bool pando_tls_guard_is_closing(void);

#endif
