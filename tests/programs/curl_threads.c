// link: curl
/* A host that uses libcurl itself, in several threads at once, over TLS, while it uses CPU time: URL is fetched THREADS times ROUNDS times,
 * and how many came well is said. For tls_hosts_test.py. Usage: curl_threads URL CA_FILE THREADS ROUNDS */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "burn.h"

enum { THREADS_MAX = 16, BURN_MS = 20 };

static const char *url, *ca_file;
static int rounds;
static atomic_int good;

static size_t pass_over(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static void *fetch(void *unused)
{
    (void)unused;
    for (int i = 0; i < rounds; i++) {
        CURL *easy = curl_easy_init();
        long status = 0;
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, pass_over);
        if (curl_easy_perform(easy) == CURLE_OK && curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
            good += status == 200;
        curl_easy_cleanup(easy);
        burn_ms(BURN_MS);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX];
    if (argc != 5)
        return 2;
    url = argv[1];
    ca_file = argv[2];
    rounds = atoi(argv[4]);
    int count = atoi(argv[3]) < THREADS_MAX ? atoi(argv[3]) : THREADS_MAX;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, fetch, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%d of %d came\n", good, count * rounds);
    curl_global_cleanup();
    return good == count * rounds ? 0 : 1;
}
