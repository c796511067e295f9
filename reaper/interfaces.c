/* /etc/network/interfaces for a subhost whose upper directory has none: its own cables, not the machine's links. */
#include "boot.h"
#include "text.h"

static const char FOLDER[] = "etc", SUBFOLDER[] = "network";

/* Whatever is there, be it a link that leads nowhere or what an overlay keeps of a removed file, is the subhost's. */
bool lacks_interfaces(const struct spec *spec) {
    if (!spec->interfaces) return false;
    long upper = sys_openat(AT_FDCWD, spec->upper, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (upper < 0) return false;
    long found = open_below((int)upper, "etc/network/interfaces", O_PATH | O_NOFOLLOW, 0);
    if (found >= 0) sys_close((int)found);
    sys_close((int)upper);
    return found == -ENOENT;
}

static long open_folder(int at, const char *name) {
    long error = sys_mkdirat(at, name, 0755);
    return error < 0 && error != -EEXIST ? error : open_below(at, name, O_PATH | O_DIRECTORY, 0);
}

long write_interfaces(int root, const char *text) {
    long etc = open_folder(root, FOLDER);
    if (etc < 0) return etc;
    long folder = open_folder((int)etc, SUBFOLDER);
    sys_close((int)etc);
    if (folder < 0) return folder;
    long error = write_file((int)folder, "interfaces", text, 0644);
    sys_close((int)folder);
    return error;
}
