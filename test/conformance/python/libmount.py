"""What crun's tests use of the module libmount, which Debian no longer has: a mountinfo file, read."""


class Filesystem:
    def __init__(self, line):
        fields = line.split()
        rest = fields[fields.index("-") + 1 :]
        self.target = fields[4].encode().decode("unicode_escape")
        self.vfs_options = fields[5]
        self.fs_options = rest[2] if len(rest) > 2 else None


class Table:
    def __init__(self, path):
        with open(path) as file:
            self.filesystems = [Filesystem(line) for line in file if " - " in line]

    def find_target(self, target):
        # The last one is the one on top.
        for filesystem in reversed(self.filesystems):
            if filesystem.target == target:
                return filesystem
        return None
