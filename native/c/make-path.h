/* Makes what is missing of a path inside a root: targets of mounts, working directories. */
#ifndef WHERRY_MAKE_PATH_H
#define WHERRY_MAKE_PATH_H

enum make_kind { MAKE_DIRECTORY = 0, MAKE_FILE = 1 };

/* An O_PATH descriptor of it, or a negative errno. Directories get mode 0755 and a file 0644, less the umask. */
int make_path(int root, const char *path, int kind);

#endif
