import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLUMNS } from '../../../daemon/core/processes/columns.ts';
import { parseProcess } from '../../../daemon/core/processes/process.ts';
import { columnsFor } from '../../../daemon/core/processes/ps-arguments.ts';
import { clockTime, elapsedTime, shortTime, startTime } from '../../../daemon/core/processes/times.ts';
import { parseHostCpu, parseInterfaces } from '../../../daemon/core/stats/sample.ts';

test('arguments of ps become columns, and what is unknown is refused by name', () => {
  const cases: readonly (readonly [text: string, titles: string])[] = [
    ['-ef', 'UID PID PPID C STIME TTY TIME CMD'],
    ['aux', 'USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND'],
    ['-aux', 'USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND'],
    ['', 'PID TTY TIME CMD'],
    ['-o pid,ppid,cmd', 'PID PPID CMD'],
    ['-opid -o comm', 'PID COMMAND'],
    ['-eo pid,user=WHO', 'PID WHO'],
    ['axo pid,args', 'PID COMMAND'],
    ['--format=pid', 'PID'],
  ];
  for (const [text, titles] of cases)
    assert.equal(
      columnsFor(text)
        .map(({ title }) => title)
        .join(' '),
      titles,
      text,
    );
  for (const [text, message] of [
    ['-o user', /Couldn't find PID field/],
    ['-o pid=X', /specifying "pid=X" is not allowed/],
    ['-o', /must follow -o/],
    ['-o pid,nosuch', /"nosuch"/],
    ['--forest', /"--forest" is not supported/],
    ['-ef; reboot', /"-ef;"|"reboot"/],
    ['-', /"-" is not supported/],
  ] as const)
    assert.throws(() => columnsFor(text), { code: 'invalid-argument', message });
});

test("a process's name may look like the rest of its line", () => {
  const stat = `7 (a) R (b) ) S 1 7 6 34817 7 0 0 0 0 0 150 50 0 0 20 5 3 0 1000 4096000 9 ${'0 '.repeat(14)}1`;
  const status = 'Name:\ta\nUid:\t5\t6\t6\t6\nGid:\t7\t8\t8\t8\nVmLck:\t       4 kB\nVmRSS:\t     120 kB\n';
  const facts = parseProcess(7, { stat, status, cmdline: 'sh\0-c\0two words\0' });
  const host = {
    nowMs: Date.now(),
    uptimeS: 110,
    memoryBytes: 1024 * 1200,
    userName: (uid: number) => (uid === 6 ? 'averylongname' : String(uid)),
    groupName: String,
  };
  const show = (name: string): string | undefined => COLUMNS[name]?.show(facts, host);
  const names = ['comm', 'args', 'ppid', 'user', 'ruser', 'group', 'tty', 'stat', 'time', 'pcpu', 'c'];
  assert.deepEqual(names.map(show), [
    ...['a) R (b) ', 'sh -c two words', '1', 'averylo+', '5', '8', 'pts/1', 'SNLl+', '00:00:02'],
    ...['2.0', '2'],
  ]);
  assert.deepEqual(['pmem', 'rss', 'vsz', 'etime', 'ni', 'nlwp'].map(show), [
    ...['10.0', '120', '4000', '01:40', '5', '3'],
  ]);
});

test('times as ps writes them', () => {
  assert.deepEqual([clockTime(62), clockTime(183_845)], ['00:01:02', '2-03:04:05']);
  assert.deepEqual([shortTime(62), shortTime(6000)], ['1:02', '100:00']);
  assert.deepEqual([elapsedTime(62), elapsedTime(3600)], ['01:02', '01:00:00']);
  const now = new Date(2026, 10, 21, 13, 5);
  const at = (...date: [number, number, number, number, number]): string =>
    startTime(new Date(...date).getTime(), now.getTime());
  assert.deepEqual(
    [at(2026, 10, 21, 3, 4), at(2026, 2, 7, 3, 4), at(2025, 2, 7, 3, 4)],
    [...['03:04', 'Mar07', '2025']],
  );
});

test("the host's processors and a namespace's interfaces", () => {
  const stat = 'cpu  1 2 3 4 5 6 7 100 200 300\ncpu0 1 2 3 4 5 6 7\ncpu1 0 0 0 0 0 0 0\nintr 5\n';
  assert.deepEqual(parseHostCpu(stat), { hostCpuNs: 280_000_000n, onlineCpus: 2 });
  const dev = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop ...',
    '    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0',
    '  eth0:1234567      12    1    2    0     0          0         0     7654      11    3    4    0     0       0          0',
    '',
  ].join('\n');
  assert.deepEqual(parseInterfaces(dev), {
    eth0: {
      ...{ rxBytes: 1_234_567, rxPackets: 12, rxErrors: 1, rxDropped: 2 },
      ...{ txBytes: 7654, txPackets: 11, txErrors: 3, txDropped: 4 },
    },
  });
});
