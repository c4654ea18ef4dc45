/* Copies a directory's content into another, both by descriptor: tmpfs mounts with `tmpcopyup`. */
#ifndef WHERRY_COPY_UP_H
#define WHERRY_COPY_UP_H

/* Modes, owners, times, links, devices and attributes are kept as far as the target takes them. 0 or a negative errno. */
int copy_up(int from, int to);

#endif
