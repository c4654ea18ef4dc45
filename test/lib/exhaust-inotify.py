"""Takes all inotify instances, or all watches, that this user may have, says `full`, and keeps them until its stdin ends."""

import ctypes
import os
import sys

IN_DELETE_SELF = 0x400
INSTANCES_FOR_WATCHES = 32

libc = ctypes.CDLL(None, use_errno=True)


def instances(most):
    descriptors = []
    while len(descriptors) < most:
        descriptor = libc.inotify_init1(os.O_CLOEXEC)
        if descriptor < 0:
            break
        descriptors.append(descriptor)
    return descriptors


def files():
    for directory, _, names in os.walk("/usr"):
        yield directory
        for name in names:
            yield os.path.join(directory, name)


def watches(descriptors):
    """A watch belongs to an instance and an inode: each file counts once for each instance."""
    for path in files():
        for descriptor in descriptors:
            if libc.inotify_add_watch(descriptor, os.fsencode(path), IN_DELETE_SELF) < 0:
                if ctypes.get_errno() == 28:  # ENOSPC
                    return


if sys.argv[1] == "instances":
    taken = instances(1 << 20)
else:
    watches(instances(INSTANCES_FOR_WATCHES))
print("full", flush=True)
sys.stdin.read()
