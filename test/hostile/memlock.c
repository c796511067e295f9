/* To be preloaded: crun asks for unlimited locked memory before it loads a BPF program, and gives up where root may not raise
 * a limit (CAP_SYS_RESOURCE), though no kernel from 5.11 on needs it for that. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int setrlimit(__rlimit_resource_t what, const struct rlimit *limit) {
    return what == RLIMIT_MEMLOCK ? 0 : (int)syscall(SYS_setrlimit, what, limit);
}
