/* What is in a folder. */
#ifndef FOLDER_H
#define FOLDER_H

#include "sys.h"

/* DT_*: <dirent.h> wants a libc. */
enum { TYPE_CHARACTER = 2, TYPE_FOLDER = 4, TYPE_FILE = 8, TYPE_LINK = 10 };

/* Called for each entry but . and .. */
typedef void take_entry(const char *name, unsigned char type, const void *context);
/* Reads on in the open folder FD by means of SIZE bytes at BUFFER, which are TAKE's own to leave alone. */
void list_folder(int fd, char *buffer, size_t size, take_entry *take, const void *context);

#endif
