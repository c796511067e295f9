/* Stands for a program that is asked for its libraries, or started by its loader, as overlay-boot does: a script cannot be. Goes
 * on as the wrapper of programs.ts, or, where there is none because the root is another one by now, as the program itself. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    char path[256];
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    snprintf(path, sizeof path, "/mnt/crash/scripts/%s", name);
    if (access(path, X_OK)) snprintf(path, sizeof path, "/usr/bin/%s", name);
    execv(path, argv);
    return 127;
}
