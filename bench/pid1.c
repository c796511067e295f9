/* The smallest PID 1: it waits to be killed. Its parent has SIGCHLD ignored, so the kernel reaps. No libc. */
#include <asm/unistd.h>

static long wait_for_signal(void) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(__NR_pause) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = __NR_ppoll;
    register long x0 __asm__("x0") = 0, x1 __asm__("x1") = 0, x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0, x4 __asm__("x4") = 0;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#else
#error "no system call stub for this architecture"
#endif
}

__attribute__((noreturn)) void _start(void) {
    for (;;) wait_for_signal();
}
