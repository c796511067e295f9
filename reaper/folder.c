#include "folder.h"

#include "text.h"

struct entry { /* struct linux_dirent64, getdents64(2) */
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

void list_folder(int fd, char *buffer, size_t size, take_entry *take, const void *context) {
    for (long got; (got = sys_getdents64(fd, buffer, size)) > 0;)
        for (long at = 0; at < got;) {
            struct entry *entry = (struct entry *)(void *)(buffer + at);
            at += entry->size;
            if (!same(entry->name, ".") && !same(entry->name, "..")) take(entry->name, entry->type, context);
        }
}
