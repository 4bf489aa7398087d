// link:
/* A thread that keeps all its registers full of known words, and the red zone below its stack, and looks at them again and again: whoever
 * stops it and makes it do something else must give all of them back. Ends with status 1 at the first that is wrong; SIGTERM: 0. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void on_end(int number)
{
    (void)number;
    _Exit(0);
}

/* 0, or the number of what was wrong. */
__attribute__((noinline)) static uint64_t spin(uint64_t turns)
{
    uint64_t wrong = 0;
    __asm__ volatile(
        "movabs $0x1111111111111111, %%rbx\n movabs $0x2222222222222222, %%r8\n movabs $0x3333333333333333, %%r9\n"
        "movabs $0x4444444444444444, %%r10\n movabs $0x5555555555555555, %%r11\n movabs $0x6666666666666666, %%r12\n"
        "movabs $0x7777777777777777, %%r13\n movabs $0x8888888888888888, %%r14\n movabs $0x9999999999999999, %%r15\n"
        "movabs $0xaaaaaaaaaaaaaaaa, %%rsi\n movabs $0xbbbbbbbbbbbbbbbb, %%rdi\n movabs $0xcccccccccccccccc, %%rdx\n"
        "movq %%rbx, -8(%%rsp)\n movq %%r8, -64(%%rsp)\n movq %%r9, -128(%%rsp)\n"
        "movq %%rbx, %%xmm0\n movq %%r8, %%xmm1\n movq %%r15, %%xmm15\n"
        "1:\n"
        "movq %%xmm0, %%rax\n cmpq %%rax, %%rbx\n jne 2f\n movq %%xmm1, %%rax\n cmpq %%rax, %%r8\n jne 2f\n"
        "movq %%xmm15, %%rax\n cmpq %%rax, %%r15\n jne 2f\n"
        "cmpq %%rbx, -8(%%rsp)\n jne 3f\n cmpq %%r8, -64(%%rsp)\n jne 3f\n cmpq %%r9, -128(%%rsp)\n jne 3f\n"
        "movabs $0x1111111111111111, %%rax\n cmpq %%rax, %%rbx\n jne 4f\n movabs $0x2222222222222222, %%rax\n cmpq %%rax, %%r8\n jne 4f\n"
        "movabs $0x3333333333333333, %%rax\n cmpq %%rax, %%r9\n jne 4f\n movabs $0x4444444444444444, %%rax\n cmpq %%rax, %%r10\n jne 4f\n"
        "movabs $0x5555555555555555, %%rax\n cmpq %%rax, %%r11\n jne 4f\n movabs $0x6666666666666666, %%rax\n cmpq %%rax, %%r12\n jne 4f\n"
        "movabs $0x7777777777777777, %%rax\n cmpq %%rax, %%r13\n jne 4f\n movabs $0x8888888888888888, %%rax\n cmpq %%rax, %%r14\n jne 4f\n"
        "movabs $0x9999999999999999, %%rax\n cmpq %%rax, %%r15\n jne 4f\n movabs $0xaaaaaaaaaaaaaaaa, %%rax\n cmpq %%rax, %%rsi\n jne 4f\n"
        "movabs $0xbbbbbbbbbbbbbbbb, %%rax\n cmpq %%rax, %%rdi\n jne 4f\n movabs $0xcccccccccccccccc, %%rax\n cmpq %%rax, %%rdx\n jne 4f\n"
        "decq %%rcx\n jnz 1b\n xorl %%eax, %%eax\n jmp 5f\n"
        "2: movl $2, %%eax\n jmp 5f\n 3: movl $3, %%eax\n jmp 5f\n 4: movl $4, %%eax\n 5:\n"
        : "=a"(wrong), "+c"(turns)
        :
        : "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rsi", "rdi", "rdx", "xmm0", "xmm1", "xmm15", "memory", "cc");
    return wrong;
}

/* The upper halves, where there are any. */
__attribute__((noinline, target("avx"))) static uint64_t spin_wide(uint64_t turns)
{
    uint64_t wrong = 0;
    static const uint64_t words[4] __attribute__((aligned(32))) = {1, 0x123456789abcdef0, 3, 0xfedcba9876543210};
    __asm__ volatile("vmovdqa %2, %%ymm7\n"
                     "1: vxorps %2, %%ymm7, %%ymm6\n vptest %%ymm6, %%ymm6\n jnz 2f\n decq %1\n jnz 1b\n jmp 3f\n 2: movl $5, %k0\n 3:\n"
                     : "+r"(wrong), "+r"(turns)
                     : "m"(words)
                     : "xmm6", "xmm7", "cc");
    return wrong;
}

int main(void)
{
    uint64_t wrong = 0;
    uint32_t control = 0x1f80 | 0x6000, now; /* rounds towards zero */
    signal(SIGTERM, on_end);
    __asm__ volatile("ldmxcsr %0" : : "m"(control));
    puts("ready");
    fflush(stdout);
    while (wrong == 0) {
        wrong = spin(1 << 22);
        if (wrong == 0 && __builtin_cpu_supports("avx"))
            wrong = spin_wide(1 << 22);
        __asm__ volatile("stmxcsr %0" : "=m"(now));
        if ((now & ~0x3fu) != control)
            wrong = 6;
    }
    printf("wrong: %d\n", (int)wrong);
    return 1;
}
