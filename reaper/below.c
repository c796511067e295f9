/* Below the root of a subhost nothing is reached but by descriptor: what is planted there leads nowhere. */
#include "boot.h"

long open_below(int root, const char *path, uint64_t flags, unsigned mode) {
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .mode = mode,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT,
    };
    return sys_openat2(root, path, &how);
}
