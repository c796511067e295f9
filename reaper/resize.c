/* reaper resize: another size for the /run of a running subhost; what is in it stays. */
#include "boot.h"
#include "modes.h"
#include "process.h"
#include "text.h"

/* The filesystem's own words, fsopen(2): "e WORDS", one message a read. */
static const char *words_of(int fs) {
    static char words[256];
    long size = sys_read(fs, words, sizeof words - 1);
    if (size < 0) size = 0;
    while (size && words[size - 1] == '\n') size--;
    words[size] = 0;
    return size ? words : "/run";
}

/* WORD: PID TICKS BYTES. */
int resize(int count, char **word) {
    int64_t bytes;
    if (count != 3 || !parse_number(word[2], &bytes)) return USAGE;
    const char *pid = word[0];
    report_to(1);
    int pidfd = (int)must(pid, "open", open_process(pid, word[1]), "");
    int root = enter_mounts(pidfd, pid);
    int run = (int)must(pid, "resize", open_below(root, "run", O_PATH | O_DIRECTORY, 0), "/run");
    /* Refused unless it is the root of a mount: the filesystem of an upper directory is not touched. */
    int fs = (int)must(pid, "resize", sys_fspick(run), "/run");
    must(pid, "resize", sys_fsconfig(fs, FSCONFIG_SET_STRING, "size", word[2]), "/run");
    long error = sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
    must(pid, "resize", error, error < 0 ? words_of(fs) : "");
    write_word(1, pid, "ok");
    return DONE;
}
