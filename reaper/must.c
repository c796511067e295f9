/* A step that cannot fail without ending the whole. */
#include "boot.h"
#include "text.h"

static int report_fd = STATUS_FD;

void report_to(int fd) { report_fd = fd; }

long must(const char *mark, const char *step, long result, const char *detail) {
    if (result >= 0) return result;
    write_error(report_fd, mark, step, result, detail);
    sys_exit(1);
}
