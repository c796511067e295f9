/* The other half of `reaper look`: the PID 1 of each subhost, as a line of JSON with what /proc tells of it. One process reads
 * that in a tenth of the time that Node takes for the same files. Nothing is judged here: whoever reads it asks
 * whether this is the PID 1 that it says it is. Where anything cannot be read there is no line, and whoever reads it looks again. */
#include "survey.h"

#include "folder.h"
#include "ids.h"
#include "json.h"
#include "namespaces.h"
#include "overlays.h"
#include "process.h"
#include "text.h"
#include "told.h"

enum { LINK_BYTES = 64 };

/* Large enough for hundreds of mounts: more are read by Node. */
static char members[65536], arguments[65536], status[8192], stat[2048], mounts[262144], listing[32768];

/* Bytes of the file, which a NUL follows; or a negative errno. */
static long read_file(int at, const char *path, char *to, size_t size) {
    long fd = sys_openat(at, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return fd;
    size_t used = 0;
    long got;
    while ((got = sys_read((int)fd, to + used, size - 1 - used)) > 0) used += (size_t)got;
    sys_close((int)fd);
    to[used] = 0;
    return got < 0 ? got : used == size - 1 ? -E2BIG : (long)used;
}

static long open_folder(const char *first, const char *then) {
    struct line path;
    clear_line(&path);
    add_text(&path, first);
    add_text(&path, "/");
    add_text(&path, then);
    return as_path(&path) ? sys_openat(AT_FDCWD, path.text, O_PATH | O_DIRECTORY | O_CLOEXEC, 0) : -ENAMETOOLONG;
}

/* The first member that calls itself the PID 1 of a subhost: its folder in /proc, or a negative errno. */
static long find_init(const char *root, const char *owner, const char **pid, long *size) {
    long cgroup = open_folder(root, owner);
    long error = cgroup < 0 ? cgroup : read_file((int)cgroup, "cgroup.procs", members, sizeof members);
    if (cgroup >= 0) sys_close((int)cgroup);
    if (error < 0) return error;
    for (char *line = members, *end; *line; line = end + 1) {
        for (end = line; *end != '\n'; end++)
            if (!*end) return -ESRCH;
        *end = 0;
        long folder = open_folder("/proc", line);
        if (folder < 0) continue;
        *pid = line;
        *size = read_file((int)folder, "cmdline", arguments, sizeof arguments);
        if (*size > 0 && same(arguments, "/.reaper")) return folder;
        sys_close((int)folder);
    }
    return -ESRCH;
}

static void put_arguments(long size, bool *first) {
    put_key("arguments", first);
    for (long at = 0; at < size; at += (long)length_of(arguments + at) + 1) {
        put_text(at ? "," : "[");
        put_string(arguments + at, (size_t)-1);
    }
    put_text("]");
}

static void put_file(const char *name, const char *text, bool *first) {
    put_key(name, first);
    put_string(text, (size_t)-1);
}

/* Where the line ends, or the text. */
static const char *end_of(const char *line) {
    while (*line && *line != '\n') line++;
    return line;
}

/* Of /proc/PID/status the lines that anybody asks for. */
static void put_status(bool *first) {
    static const char *const names[] = {"Uid:", "NSpid:", "CapBnd:", "NoNewPrivs:", "Seccomp:"};
    char *to = status;
    for (const char *line = status, *end; *line; line = *end ? end + 1 : end) {
        end = end_of(line);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (starts_with(line, names[i])) {
                while (line < end) *to++ = *line++;
                *to++ = '\n';
                break;
            }
    }
    *to = 0;
    put_file("status", status, first);
}

/* In "ROOT POINT OPTIONS [TAG...] - TYPE SOURCE ..." the source, if that is MARK; else NULL. */
static char *find_own_source(const char *text, const char *mark) {
    const char *word = after_word(after_word(after_word(text)));
    while (*word && *word != '\n' && !starts_with(word, "- ")) word = after_word(word);
    word = after_word(after_word(word));
    return *mark && starts_with(word, mark) && word[length_of(mark)] == ' ' ? (char *)word : NULL;
}

/* A backslash in the place of what is another text for each subhost: the kernel writes none alone. Returns the line's new end. */
static char *hide_source(char *source, const char *end) {
    const char *rest = source;
    while (*rest != ' ') rest++;
    for (*source++ = '\\'; rest < end; rest++) *source++ = *rest;
    return source;
}

/* "ID PARENT MAJOR:MINOR TEXT" of each line as ID,"MAJOR:MINOR",TEXT: only these numbers are not the same for many subhosts. */
static void put_mounts(const char *mark, bool *first) {
    put_key("mounts", first);
    put_text("[");
    for (char *line = mounts, *end; *line; line = *end ? end + 1 : end) {
        const char *device = after_word(after_word(line));
        char *text = (char *)after_word(device);
        int64_t id = 0;
        end = (char *)end_of(line);
        is_new_overlay(line);
        for (const char *digit = line; *digit >= '0' && *digit <= '9'; digit++) id = id * 10 + *digit - '0';
        if (line != mounts) put_text(",");
        put_number(id);
        put_text(",");
        put_string(device, text == device ? 0 : (size_t)(text - device - 1));
        put_text(",");
        char *source = find_own_source(text, mark);
        const char *told_end = source ? hide_source(source, end) : end;
        put_told(text, (size_t)(told_end - text));
    }
    put_text("]");
}

static bool is_first_device;

static void put_device(const char *name, unsigned char type, const void *context) {
    (void)context;
    if (type != TYPE_CHARACTER && type != TYPE_LINK) return;
    if (!is_first_device) put_text(",");
    is_first_device = false;
    put_string(name, (size_t)-1);
}

/* Devices and links in its /dev; nothing if that cannot be read. */
static void put_devices(int folder, bool *first) {
    long dev = sys_openat(folder, "root/dev", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (dev < 0) return;
    put_key("devices", first);
    put_text("[");
    is_first_device = true;
    list_folder((int)dev, listing, sizeof listing, put_device, NULL);
    put_text("]");
    sys_close((int)dev);
}

static void put_hostname(int folder, bool *first) {
    struct names names;
    long uts = sys_openat(folder, "ns/uts", O_RDONLY | O_CLOEXEC, 0);
    if (uts < 0) return;
    if (enter_names((int)uts, &names)) put_file("hostname", names.host, first);
    sys_close((int)uts);
}

static void put_mount_namespace(int folder, bool *first) {
    uint64_t number = mount_namespace(folder, ".");
    if (!number) return;
    is_new_namespace(number);
    put_key("mountns", first);
    put_number((int64_t)number);
}

static void put_init(const char *root, const char *owner, bool in_brief) {
    char netns[LINK_BYTES] = {0};
    const char *pid;
    long size;
    unsigned first_id;
    bool first = false; /* of the keys: the PID goes before them */
    long folder = find_init(root, owner, &pid, &size);
    if (folder < 0) return;
    if (read_file((int)folder, "status", status, sizeof status) > 0 && read_file((int)folder, "stat", stat, sizeof stat) > 0 &&
        (in_brief || read_file((int)folder, "mountinfo", mounts, sizeof mounts) > 0) &&
        sys_readlinkat((int)folder, "ns/net", netns, sizeof netns - 1) > 0 && read_ids(pid, &first_id) >= 0) {
        put_text(owner);
        put_text("\n{\"pid\":");
        put_text(pid);
        put_arguments(size, &first);
        put_status(&first);
        put_file("stat", stat, &first);
        put_file("netns", netns, &first);
        put_mount_namespace((int)folder, &first);
        put_key("first", &first);
        put_number(first_id);
        if (in_brief) {
            put_text(",\"mounts\":[]");
        } else {
            put_mounts(arguments + length_of(arguments) + 1, &first);
            put_devices((int)folder, &first);
            put_hostname((int)folder, &first);
        }
        put_text("}\n");
    }
    sys_close((int)folder);
}

void put_process(const char *root, const char *owner) { put_init(root, owner, false); }

void put_process_in_brief(const char *root, const char *owner) { put_init(root, owner, true); }
