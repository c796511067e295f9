/* reaper ahead [brief]: all that `reaper look` tells, of all that there is to tell of, begun while Node is still starting: see early.c.
 *
 *   /, JSON                 the links of this machine
 *   LINE                    for each line of /proc/mounts; that is the end of the first part
 *   NAME, JSON              for each name in /run/netns
 *   an empty line
 *   ROOT                    where cgroup v2 is mounted, if it is
 *   an empty line
 *   SCOPE/NAME, JSON        for each PID 1 of a subhost
 *   an empty line
 *   PID NUMBER              for each mount namespace that is none of theirs: a process in it; below, with a space in front, lines
 *                           of its mountinfo, see overlays.h
 *
 * each on a line of its own, to a file in memory. How many bytes of it are whole is told on TOLD_FD, eight bytes each time, for the
 * first part and then for every MANY things, so that whoever reads it can begin with these. The last number is negative: that was
 * all. If it does not come, or a 0 in its place, what has been written counts for nothing. */
#include "folder.h"
#include "json.h"
#include "look.h"
#include "modes.h"
#include "namespaces.h"
#include "overlays.h"
#include "text.h"

enum { TOLD_FD = 3, MANY = 64 };

static char names[32768], scopes[4096], owners[32768];
/* Of the text of /proc/mounts what fits: what was mounted first. */
static char mounts[65536];

static bool in_brief;
static unsigned things;
/* What went elsewhere: see serve.c. */
static int64_t before;

static void tell(int sign) {
    flush_json();
    int64_t told = (json_written() - before) * sign;
    sys_write(TOLD_FD, &told, sizeof told);
}

static void count_thing(void) {
    if (++things % MANY == 0) tell(1);
}

static bool is_plain(const char *name) {
    while (*name)
        if (*name++ == '\n') return false;
    return true;
}

static void take_netns(const char *name, unsigned char type, const void *context) {
    (void)type;
    (void)context;
    if (!is_plain(name)) return;
    look_at(name);
    count_thing();
}

static long open_listed(int at, const char *path) { return sys_openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0); }

static bool put_mount_table(void) {
    static char more[4097];
    long fd = sys_openat(AT_FDCWD, "/proc/self/mounts", O_RDONLY | O_CLOEXEC, 0), used = 0, got;
    if (fd < 0) return false;
    while ((got = sys_read((int)fd, mounts + used, sizeof mounts - 1 - (size_t)used)) > 0) used += got;
    put_text(mounts);
    while (got >= 0 && (got = sys_read((int)fd, more, sizeof more - 1)) > 0) {
        more[got] = 0;
        put_text(more);
    }
    sys_close((int)fd);
    return got >= 0;
}

/* The mount point of the first line of /proc/mounts with this type: "SOURCE POINT cgroup2 ..."; NULL: not found, or no plain name. */
static const char *find_root(void) {
    char *type = (char *)find_after(mounts, " cgroup2 ");
    if (!type) return NULL;
    char *end = type - length_of(" cgroup2 "), *point = end;
    *end = 0;
    while (point > mounts && point[-1] != ' ' && point[-1] != '\n') point--;
    return *point == '/' && !find_after(point, "\\") ? point : NULL;
}

struct scope {
    const char *folder, *name;
};

static void take_owner(const char *name, unsigned char type, const void *context) {
    const struct scope *scope = context;
    struct line owner;
    if (type != TYPE_FOLDER || !is_plain(name)) return;
    clear_line(&owner);
    add_text(&owner, scope->name);
    add_text(&owner, "/");
    add_text(&owner, name);
    if (as_path(&owner)) look_at_process(scope->folder, owner.text);
    count_thing();
}

struct open_folder {
    int fd;
    const char *path;
};

static void take_scope(const char *name, unsigned char type, const void *context) {
    const struct open_folder *all = context;
    if (type != TYPE_FOLDER || !is_plain(name)) return;
    long fd = open_listed(all->fd, name);
    if (fd < 0) return;
    list_folder((int)fd, owners, sizeof owners, take_owner, &(struct scope){all->path, name});
    sys_close((int)fd);
}

static void put_processes(void) {
    const char *root = find_root();
    struct line path;
    put_text("\n");
    if (root) {
        put_text(root);
        put_text("\n");
    }
    put_text("\n");
    if (!root) return;
    clear_line(&path);
    add_text(&path, root);
    add_text(&path, "/ob");
    long fd = as_path(&path) ? open_listed(AT_FDCWD, path.text) : -ENAMETOOLONG;
    if (fd < 0) return;
    list_folder((int)fd, scopes, sizeof scopes, take_scope, &(struct open_folder){(int)fd, path.text});
    sys_close((int)fd);
}

static void take_pid(const char *name, unsigned char type, const void *context) {
    const int *proc = context;
    if (type != TYPE_FOLDER || *name < '1' || *name > '9') return;
    uint64_t number = mount_namespace(*proc, name);
    if (!number || !is_new_namespace(number)) return;
    put_text(name);
    put_text(" ");
    put_number((int64_t)number);
    put_text("\n");
    if (in_brief) put_text(" \n");
    else put_new_overlays(*proc, name);
}

static void put_namespaces(void) {
    int proc = (int)open_listed(AT_FDCWD, "/proc");
    put_text("\n");
    if (proc < 0) return;
    list_folder(proc, owners, sizeof owners, take_pid, &proc);
    sys_close(proc);
}

int look_ahead(int count, char **word) {
    if (count > 1) return USAGE;
    in_brief = count == 1 && same(word[0], "brief");
    if (in_brief) look_in_brief();
    before = json_written();
    look_here("/");
    if (!put_mount_table()) return FAILED;
    tell(1);
    long fd = open_listed(AT_FDCWD, "/run/netns");
    if (fd >= 0) list_folder((int)fd, names, sizeof names, take_netns, NULL);
    put_processes();
    put_namespaces();
    tell(-1);
    return DONE;
}
