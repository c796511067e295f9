/* The groups that all processes of a subhost are in. A machine may have some of its controllers in trees of cgroup v1,
 * where nobody is born in a group other than that of its parent. */
#include "boot.h"
#include "text.h"

/* One of GROUPS and what follows it in the line's own words; gives where the next one begins, or NULL. */
static const char *take_group(const char *groups, struct line *line, const char *file) {
    char one[2] = {0};
    clear_line(line);
    for (; *groups && *groups != ':'; groups++) {
        one[0] = *groups;
        add_text(line, one);
    }
    add_text(line, file);
    return *groups ? groups + 1 : NULL;
}

long open_cgroup(const char *groups) {
    struct line path;
    take_group(groups, &path, "");
    return as_path(&path) ? sys_openat(AT_FDCWD, path.text, O_PATH | O_DIRECTORY | O_CLOEXEC, 0) : -ENAMETOOLONG;
}

void join_groups(const char *groups, const char *mark) {
    struct line path;
    for (const char *next = take_group(groups, &path, ""); next;) {
        next = take_group(next, &path, "/cgroup.procs");
        long procs = as_path(&path) ? sys_openat(AT_FDCWD, path.text, O_WRONLY | O_CLOEXEC, 0) : -ENAMETOOLONG;
        must(mark, "group", procs, path.text);
        must(mark, "group", sys_write((int)procs, "0", 1), path.text); /* 0: whoever writes it */
        sys_close((int)procs);
    }
}
