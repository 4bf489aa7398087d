/* A host that exports functions of the libraries that Pando's worker uses, in versions of its own that end the process when they are
 * called: whoever binds to the host's instead of his own is found out. For isolation_test.py. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define TRAP(name)                                                                                                              \
    void name(void);                                                                                                            \
    __attribute__((visibility("default"))) void name(void)                                                                      \
    {                                                                                                                           \
        fputs("the host's " #name " was called\n", stderr);                                                                     \
        abort();                                                                                                                \
    }
TRAP(curl_global_init) TRAP(curl_easy_init) TRAP(curl_easy_setopt) TRAP(curl_easy_perform) TRAP(curl_multi_init)
TRAP(curl_multi_perform) TRAP(SSL_new) TRAP(SSL_CTX_new) TRAP(OPENSSL_init_ssl) TRAP(OPENSSL_init_crypto) TRAP(EVP_sha256)
TRAP(EVP_DigestInit_ex) TRAP(json_object_get) TRAP(json_loads) TRAP(json_dumps) TRAP(elf_begin) TRAP(elf_version) TRAP(inflate)
TRAP(deflate) TRAP(cplus_demangle) TRAP(_Ux86_64_init_remote) TRAP(_Ux86_64_reg_states_iterate) TRAP(nghttp2_session_client_new)

static volatile uint64_t sink;

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 400;
    for (long i = 0; i < rounds * 1000000; i++)
        sink = sink * 6364136223846793005u + 1;
    puts("done");
    return 0;
}
