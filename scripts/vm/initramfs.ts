import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { at } from '../lib/paths.ts';
import { cpio, type CpioEntry } from './cpio.ts';
import { loadOrder, type Kernel } from './kernel.ts';

/** What has to be there before the root is; everything else is loaded from it, by name or by the kernel itself. */
const BOOT_MODULES = ['virtio_pci', 'virtio_blk', 'virtio_console', 'virtio_rng', 'virtiofs', 'overlay'];
const BUSYBOX = '/usr/bin/busybox';

/** The first root: a busybox, the modules that reach the real root, and `script`, which the real root runs. */
export function initramfs(kernel: Kernel, script: string): Buffer {
  const modules = loadOrder(kernel, BOOT_MODULES);
  const file = (path: string, content: Buffer, mode = 0o755): CpioEntry => ({ path, content, mode });
  return cpio([
    ...['dev', 'proc', 'host', 'upper', 'root', 'modules'].map((path) => ({ path, mode: 0o755 })),
    file('busybox', readFileSync(BUSYBOX)),
    file('init', readFileSync(at('scripts/vm/boot.sh'))),
    file('script', Buffer.from(script)),
    file('order', Buffer.from(`${modules.map((path) => basename(path)).join('\n')}\n`)),
    ...modules.map((path) => file(`modules/${basename(path)}`, readFileSync(join(kernel.modules, path)))),
  ]);
}
