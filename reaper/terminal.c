/* Terminals: one made inside a subhost, and the caller's, whose settings come back whatever happens inside. */
#include <asm/ioctls.h>
#include <asm/termbits.h>

#include "boot.h"
#include "process.h"
#include "relay.h"

enum { PTMX_MAJOR = 5, PTMX_MINOR = 2 };

static struct termios saved;

/* The real thing, whatever has been planted there. */
static bool is_ptmx(int fd) {
    struct statx status;
    if (sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) < 0) return false;
    return (status.stx_mode & S_IFMT) == S_IFCHR && status.stx_rdev_major == PTMX_MAJOR && status.stx_rdev_minor == PTMX_MINOR;
}

int open_terminal(const char *pid, int *inside) {
    int unlocked = 0;
    int root = (int)must(pid, "root", open_proc_file(pid, "root", O_PATH | O_DIRECTORY), "");
    int seen = (int)must(pid, "terminal", open_below(root, "dev/pts/ptmx", O_PATH, 0), "/dev/pts/ptmx");
    must(pid, "terminal", is_ptmx(seen) ? 0 : -ENOTTY, "/dev/pts/ptmx");
    sys_close(seen);
    int master = (int)must(pid, "terminal", open_below(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0), "/dev/pts/ptmx");
    must(pid, "terminal", is_ptmx(master) ? 0 : -ENOTTY, "/dev/pts/ptmx");
    must(pid, "terminal", sys_ioctl(master, TIOCSPTLCK, &unlocked), "TIOCSPTLCK");
    *inside = (int)must(pid, "terminal", sys_ioctl(master, TIOCGPTPEER, (void *)(O_RDWR | O_NOCTTY | O_CLOEXEC)), "TIOCGPTPEER");
    sys_close(root);
    return master;
}

bool is_terminal(int fd) {
    struct termios settings;
    return sys_ioctl(fd, TCGETS, &settings) == 0;
}

/* cfmakeraw(3) */
void make_raw(int fd) {
    if (sys_ioctl(fd, TCGETS, &saved) < 0) return;
    struct termios raw = saved;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    raw.c_cflag |= CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    sys_ioctl(fd, TCSETSW, &raw);
}

void restore_terminal(int fd) { sys_ioctl(fd, TCSETSW, &saved); }

void copy_window_size(int from, int to) {
    unsigned short size[4]; /* struct winsize: rows, columns, and both in pixels */
    if (sys_ioctl(from, TIOCGWINSZ, size) == 0) sys_ioctl(to, TIOCSWINSZ, size);
}

void take_controlling_terminal(int fd) { sys_ioctl(fd, TIOCSCTTY, NULL); }
