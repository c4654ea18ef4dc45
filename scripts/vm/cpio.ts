/** A file of an initramfs: a directory has no content. */
export interface CpioEntry {
  readonly path: string;
  readonly mode: number;
  readonly content?: Buffer;
}

const DIRECTORY = 0o040_000;
const REGULAR = 0o100_000;
const ALIGNMENT = 4;

/** An archive in the "newc" format that the kernel unpacks: Documentation/driver-api/early-userspace/buffer-format.rst. */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const members = entries.map((entry, index) => member(entry, index + 1));
  return Buffer.concat([...members, member({ path: 'TRAILER!!!', mode: 0, content: Buffer.alloc(0) }, 0)]);
}

function member({ path, mode, content }: CpioEntry, inode: number): Buffer {
  const type = content === undefined ? DIRECTORY : REGULAR;
  const size = content?.length ?? 0;
  const name = Buffer.from(`${path}\0`);
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, type | mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([
    aligned(Buffer.concat([Buffer.from(header), name])),
    aligned(content ?? Buffer.alloc(0)),
  ]);
}

const aligned = (bytes: Buffer): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT)]);
