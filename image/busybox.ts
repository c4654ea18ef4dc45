import { readFile, stat } from 'node:fs/promises';
import { arch } from 'node:process';
import { Readable } from 'node:stream';
import { pack, type Header, type Pack } from 'tar-stream';
import { notFound } from '../common/errors.ts';
import { sha256 } from './digest.ts';
import { goArchitecture } from './manifest.ts';

/** Where Debian's busybox-static puts it. */
const BINARY = '/bin/busybox';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const PASSWD = [
  'root:x:0:0:root:/root:/bin/sh',
  'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
  'bin:x:2:2:bin:/bin:/bin/false',
  'sys:x:3:3:sys:/dev:/bin/false',
  'mail:x:8:8:mail:/var/spool/mail:/bin/false',
  'www-data:x:33:33:www-data:/var/www:/bin/false',
  'operator:x:37:37:Operator:/var:/bin/false',
  'nobody:x:65534:65534:nobody:/home:/bin/false',
];
const GROUP = [
  'root:x:0:',
  'daemon:x:1:',
  'bin:x:2:',
  'sys:x:3:',
  'adm:x:4:',
  'tty:x:5:',
  'mail:x:8:',
  'wheel:x:10:root',
  'www-data:x:33:',
  'users:x:100:',
  'nogroup:x:65534:',
];
const SHADOW = PASSWD.map((line) => `${line.split(':', 1)[0]}:*:::::::`);

/** The mount points of a container are there already, so that a run writes nothing into its own layer. */
const DIRECTORIES = [
  'bin',
  'dev',
  'etc',
  'home',
  'proc',
  'sys',
  'usr',
  'usr/bin',
  'usr/sbin',
  'var',
  'var/www',
];
const FILES: Readonly<Record<string, readonly string[]>> = {
  'etc/passwd': PASSWD,
  'etc/group': GROUP,
  'etc/hostname': [],
  'etc/hosts': [],
  'etc/resolv.conf': [],
};

/**
 * A docker archive of `busybox:latest`, made of one static busybox, for machines without a registry in reach. Every applet is a
 * hard link in /bin. The same binary gives the same digests. Throws `not-found` without the binary.
 */
export async function busyboxArchive(binary: string = BINARY): Promise<Readable> {
  const [program, created] = await Promise.all([readFile(binary), modifiedAt(binary)]);
  const layer = await collect(layerOf(program, created));
  const config = Buffer.from(JSON.stringify(configOf(layer, created)));
  const configName = `${sha256(config).slice('sha256:'.length)}.json`;
  const manifest = [{ Config: configName, RepoTags: ['busybox:latest'], Layers: ['layer.tar'] }];
  const archive = pack();
  archive.entry({ name: 'manifest.json', mtime: created }, JSON.stringify(manifest));
  archive.entry({ name: configName, mtime: created }, config);
  archive.entry({ name: 'layer.tar', mtime: created }, layer);
  archive.finalize();
  return Readable.from(archive);
}

async function modifiedAt(binary: string): Promise<Date> {
  try {
    return new Date(Math.floor((await stat(binary)).mtimeMs / 1000) * 1000);
  } catch (error) {
    throw notFound(`Cannot find "${binary}": install busybox-static`, { cause: error });
  }
}

function configOf(layer: Uint8Array, created: Date): object {
  const at = created.toISOString();
  return {
    architecture: goArchitecture(arch),
    os: 'linux',
    created: at,
    config: { Env: [PATH], Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
    history: [{ created: at, created_by: 'wherry: busybox-static' }],
  };
}

function layerOf(program: Buffer, mtime: Date): Pack {
  const layer = pack();
  const add = (header: Partial<Header> & { readonly name: string }, data = ''): void =>
    void layer.entry({ mtime, uid: 0, gid: 0, ...header }, data);
  const directory = (name: string, mode = 0o755, gid = 0): void =>
    add({ name, type: 'directory', mode, gid });
  for (const name of DIRECTORIES) directory(name);
  directory('root', 0o700);
  directory('tmp', 0o1777);
  directory('var/spool');
  directory('var/spool/mail', 0o2775, 8);
  layer.entry({ name: 'bin/busybox', mode: 0o755, mtime, size: program.byteLength }, program);
  for (const name of applets(program)) {
    if (name !== 'busybox') add({ name: `bin/${name}`, type: 'link', linkname: 'bin/busybox', mode: 0o755 });
  }
  add({ name: 'usr/bin/env', type: 'symlink', linkname: '../../bin/env', mode: 0o777 });
  for (const [name, lines] of Object.entries(FILES)) add({ name, mode: 0o644 }, text(lines));
  add({ name: 'etc/shadow', mode: 0o640 }, text(SHADOW));
  layer.finalize();
  return layer;
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** The binary's own table of applet names, sorted and NUL-terminated, begins with `[` and `[[` and ends with an empty name. */
function applets(program: Buffer): string[] {
  const table = program.indexOf('\0[\0[[\0', 0, 'latin1');
  if (table === -1) throw notFound('Cannot find the applets in the busybox binary');
  const end = program.indexOf('\0\0', table + 1, 'latin1');
  return program.toString('latin1', table + 1, end).split('\0');
}

async function collect(stream: Pack): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
