/* A step of a boot that cannot fail without ending it. */
#include "boot.h"
#include "text.h"

long must(const char *mark, const char *step, long result, const char *detail) {
    if (result >= 0) return result;
    write_error(STATUS_FD, mark, step, result, detail);
    sys_exit(1);
}
