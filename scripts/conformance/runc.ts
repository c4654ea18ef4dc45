import { access, readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Result, Suite, Unit } from './suite.ts';
import { parseTap } from './tap.ts';

const DECLARATION = /^@test "(?<name>(?:[^"\\]|\\.)*)"/gm;
const TIMEOUT_SECONDS = 120;
/** The tests need a terminal, one whose other end stays open and is silent; what they write does not go there. */
const ON_TERMINAL = `
mkfifo "$TMPDIR/typed"
sleep 1000 >"$TMPDIR/typed" &
script --quiet --return --command 'bats --tap --filter "$FILTER" "$FILE" >"$TMPDIR/tap" 2>&1' /dev/null <"$TMPDIR/typed" >/dev/null
code=$?
cat "$TMPDIR/tap"
exit $code
`;

/** opencontainers/runc: tests/integration, each @test by itself. */
export const runc: Suite = {
  name: 'runc',
  variable: 'WHERRY_SUITE_RUNC',

  async units(directory, runtime) {
    const integration = join(directory, 'tests/integration');
    await access(join(directory, 'tests/cmd/_bin/recvtty'));
    const files = (await readdir(integration)).filter((file) => file.endsWith('.bats')).toSorted();
    const units: Unit[] = [];
    for (const file of files) {
      const text = await readFile(join(integration, file), 'utf8');
      for (const { groups } of text.matchAll(DECLARATION)) {
        const name = (groups?.['name'] ?? '').replaceAll(/\\(.)/g, '$1');
        units.push({
          name: `${basename(file, '.bats')}: ${name}`,
          command: ['sh', '-c', ON_TERMINAL],
          cwd: integration,
          env: { RUNC: runtime, FILTER: `^${escape(name)}$`, FILE: file },
          timeoutSeconds: TIMEOUT_SECONDS,
        });
      }
    }
    return units;
  },

  results(unit, output, code): Result[] {
    const points = parseTap(output);
    const [point] = points;
    if (point === undefined || points.length > 1 || (point.outcome !== 'failed' && code !== 0))
      return [{ test: unit.name, outcome: 'failed', detail: `exit code ${code}\n${output}` }];
    return [{ test: unit.name, outcome: point.outcome, detail: point.detail }];
  },
};

const escape = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
