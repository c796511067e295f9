/* What the binary can be: each mode has a file of its own. Each returns the exit status. */
#ifndef MODES_H
#define MODES_H

enum { DONE = 0, FAILED = 1, USAGE = 64 };

/* Modes named by argv[1]; COUNT and WORD are what follows it. */
int make_netns(int count, char **word);
int unname_netns(int count, char **word);
int drop_netns(int count, char **word);
int drop_links(int count, char **word);
int boot(int count, char **word);
int stop(int count, char **word);
int retry(int count, char **word);
int show_log(int count, char **word);
int become_copy(int count, char **word);
int share(int count, char **word);
int resize(int count, char **word);
int look(int count, char **word);
int glance(int count, char **word);
int look_ahead(int count, char **word);
int configure(int count, char **word);
int mount_roots(int count, char **word);
int unmount_roots(int count, char **word);
int filter(int count, char **word);
int hide(int count, char **word);
int serve_programs(int count, char **word);

/* `exec` as it goes on once it runs from a copy: also chosen by argv[0]. */
#define EXEC_NAME "reaper-exec"
int run_exec(int count, char **word);

#endif
