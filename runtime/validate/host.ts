import { existsSync, readFileSync } from 'node:fs';

/** Whether the kernel enforces AppArmor's profiles. */
export function hasAppArmor(): boolean {
  try {
    return readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y');
  } catch {
    return false;
  }
}

/** Whether the kernel has SELinux, and it is on. */
export const hasSelinux = (): boolean => existsSync('/sys/fs/selinux/enforce');

/** Whether processors have Intel's Resource Director Technology, and it is mounted. */
export const hasResctrl = (): boolean => existsSync('/sys/fs/resctrl/info');
