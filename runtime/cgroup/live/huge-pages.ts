import { readdir } from 'node:fs/promises';

/** Sizes of pages that the kernel has pools of, as cgroup files name them: `2MB`, `1GB`. */
export async function hugePageSizes(): Promise<string[]> {
  const names = await readdir('/sys/kernel/mm/hugepages').catch(() => []);
  return names.flatMap((name) => {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
    if (Number.isNaN(kilobytes)) return [];
    if (kilobytes >= 1 << 20) return [`${kilobytes / (1 << 20)}GB`];
    return [kilobytes >= 1 << 10 ? `${kilobytes / (1 << 10)}MB` : `${kilobytes}KB`];
  });
}
