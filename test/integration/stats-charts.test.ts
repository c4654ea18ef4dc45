import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { built } from '../lib/clients.ts';
import { openTerminal } from '../lib/pty.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('charts of wherry stats', (daemon) => {
  const onTerminal = (columns: number, ...args: string[]) =>
    openTerminal([built('wherry'), 'stats', ...args], {
      columns,
      env: {
        LC_ALL: 'C.UTF-8',
        WHERRY_HOST: `unix://${daemon().socket}`,
        DOCKER_CONFIG: join(daemon().directory, 'c'),
      },
    });
  const busy = (): Promise<string> =>
    daemon().dockerOk(
      ...['run', '-d', '--name', 'busy', '--stop-signal', 'KILL', '-m', '64m', 'busybox'],
      ...['sh', '-c', 'x=$(head -c 30m /dev/zero | tr "\\0" x); while :; do :; done'],
    );

  test('stand beside the numbers on a wide terminal', async () => {
    await busy();
    await using terminal = openWide();
    // Several seconds of processor time side by side, and a bar of memory in use.
    await terminal.shows(/busy +\d+\.\d\d% +[▁▂▃▄▅▆▇█]{3,} .*MiB \/ 64MiB +\d+\.\d\d% [█▉▊▋▌▍▎▏]/u, 60_000);
    terminal.kill('SIGINT');
    await terminal.exit;
  });

  test('are left out on a narrow one, with --no-trunc, and with a format', async () => {
    await busy();
    for (const [columns, args] of [
      [80, []],
      [200, ['--no-trunc']],
      [200, ['--format', 'table {{.Name}}\t{{.CPUPerc}}']],
      [200, ['--no-stream']],
    ] as const) {
      await using terminal = onTerminal(columns, ...args);
      await terminal.shows(/busy +\d+\.\d\d%/, 60_000);
      assert.doesNotMatch(terminal.screen(), /[▁▂▃▄▅▆▇█▉▊▋▌▍▎▏]/u);
      terminal.kill('SIGINT');
      await terminal.exit;
    }
  });

  const openWide = () => onTerminal(220);
});
