import type { Place } from '../place.ts';

/** The same value with names in place of what differs from one daemon to the next. */
export type Normal = (value: unknown) => unknown;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b(sha256:)?[0-9a-f]{64}\b/g, '<id>'],
  [/\b[0-9a-f]{12}\b/g, '<short id>'],
  [/\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>'],
  [/\b(Up|Exited \(\d+\)) (Less than a second|About a minute|\d+ (second|minute)s?)/g, '$1 <while>'],
  [/\b[A-Z2-7]{4}(:[A-Z2-7]{4}){11}\b/g, '<id>'],
  [/\b172\.(1[6-9]|2\d|3[01])\.\d+\.\d+/g, '<address>'],
];

/** Numbers that are times or process ids. */
const VOLATILE = /^(Created|time|timeNano|Pid|CreatedAt|LastUsedAt)$/;

export function makeNormal(place: Place, saved: ReadonlyMap<string, string>): Normal {
  const text = (value: string): string => {
    let shown = value
      .replaceAll(place.dataRoot, '<data root>')
      .replaceAll(place.execRoot, '<exec root>')
      .replaceAll(place.directory, '<place>')
      .replaceAll(place.cgroupParent, '<cgroup parent>');
    for (const [name, id] of saved) shown = shown.replaceAll(id, `<${name}>`);
    for (const [pattern, name] of PATTERNS) shown = shown.replaceAll(pattern, name);
    return shown;
  };
  const normal = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(normal);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        text(key),
        typeof item === 'number' && item > 1 && VOLATILE.test(key) ? '<number>' : normal(item),
      ]),
    );
  };
  return normal;
}
