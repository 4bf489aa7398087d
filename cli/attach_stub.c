/* Why: cli/attach_stub.h. Context: runs in another process, first thing there of Pando's. In the thread: a real thread of libc's, all
 * signals blocked, no lock held. No global, no string, no call but through the block, no stack protector: it is copied, not loaded. */
#include "cli/attach_stub.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/error.h"
#include "base/raw_syscall.h"

#define STUB __attribute__((section("pando_stub"), used))
enum { CLOSE_RANGE_UNSHARE_FLAG = 2, GO_TRIES = 2000 };

void *pando_attach_stub_run(void *argument);

__asm__(".pushsection pando_stub,\"ax\",@progbits\n"
        ".globl pando_attach_stub_thread, pando_attach_stub_return\n"
        "pando_attach_stub_thread:\n"
        "    jmp pando_attach_stub_run\n"
        "pando_attach_stub_return:\n"
        "    movl %eax, 12(%rbx)\n"           /* create_result */
        "1:  movl $15, %eax\n"                /* rt_sigreturn; again, should a tracer that has skipped it be gone */
        "    syscall\n"
        "    jmp 1b\n"
        ".popsection\n");
_Static_assert(offsetof(struct pando_attach_block, create_result) == 12, "as the code above has it");

static inline __attribute__((always_inline)) void set_state(struct pando_attach_block *block, uint32_t state)
{
    __atomic_store_n(&block->state, state, __ATOMIC_RELEASE);
}

static inline __attribute__((always_inline)) void copy_reason(struct pando_attach_block *block, const char *text)
{
    unsigned i = 0;
    for (; text != 0 && text[i] != '\0' && i < sizeof block->sentence - 1; i++)
        block->sentence[i] = text[i];
    block->sentence[i] = '\0';
}

STUB void *pando_attach_stub_run(void *argument)
{
    struct pando_attach_block *block = argument;
    pthread_t (*self)(void) = (pthread_t (*)(void))block->pthread_self;
    int (*detach)(pthread_t) = (int (*)(pthread_t))block->pthread_detach;
    void *(*open_library)(const char *, int) = (void *(*)(const char *, int))block->dlopen;
    void *(*find)(void *, const char *) = (void *(*)(void *, const char *))block->dlsym;
    char *(*reason)(void) = (char *(*)(void))block->dlerror;
    volatile char name[16], null[10];
    name[0] = 'p', name[1] = 'a', name[2] = 'n', name[3] = 'd', name[4] = 'o', name[5] = '-', name[6] = 'a', name[7] = 't';
    name[8] = 't', name[9] = 'a', name[10] = 'c', name[11] = 'h', name[12] = '\0';
    null[0] = '/', null[1] = 'd', null[2] = 'e', null[3] = 'v', null[4] = '/', null[5] = 'n', null[6] = 'u', null[7] = 'l';
    null[8] = 'l', null[9] = '\0';
    set_state(block, PANDO_ATTACH_THREAD_RUNS);
    detach(self());
    pando_raw_syscall4(SYS_prctl, PR_SET_NAME, (long)name, 0, 0);
    for (int tries = 0; tries < GO_TRIES && __atomic_load_n(&block->may_go, __ATOMIC_ACQUIRE) == 0; tries++)
        pando_raw_syscall4(SYS_nanosleep, (long)&(struct timespec){.tv_nsec = 1000000}, 0, 0, 0);
    block->error = PANDO_ERR_UNSUPPORTED;
    /* The host never meets a descriptor of ours, not even for the moment in which the loader reads the library. */
    if (pando_raw_syscall4(SYS_close_range, 0, UINT_MAX, CLOSE_RANGE_UNSHARE_FLAG, 0) == 0) {
        for (int i = 0; i < 3; i++)
            pando_raw_syscall4(SYS_openat, AT_FDCWD, (long)null, O_RDWR | O_NOCTTY, 0);
        void *library = open_library(block->library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        int (*entry)(struct pando_attach_block *) = 0;
        if (library != 0) {
            set_state(block, PANDO_ATTACH_LIBRARY_OPEN);
            *(void **)&entry = find(library, block->entry);
        }
        if (entry != 0)
            block->error = entry(block);
        else
            copy_reason(block, reason());
    }
    set_state(block, PANDO_ATTACH_DONE);
    return 0;
}
