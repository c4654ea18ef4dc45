import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { CgroupLayout } from '../../../runtime/cgroup/layout.ts';
import { annotatedProperties } from '../../../runtime/cgroup/systemd/annotations.ts';
import { resourceProperties } from '../../../runtime/cgroup/systemd/properties.ts';
import { connectSystemd, type Systemd } from '../../../runtime/cgroup/systemd/units.ts';
import {
  decodeMessage,
  encodeMessage,
  ERROR,
  METHOD_CALL,
  METHOD_RETURN,
  SIGNAL,
  variant,
  type BusValue,
  type Message,
} from '../../../runtime/cgroup/systemd/wire.ts';
import type { Resources } from '../../../runtime/spec.ts';
import { requires } from '../../lib/requires.ts';

const V2: CgroupLayout = { hierarchies: [], unified: '/sys/fs/cgroup' };
const V1: CgroupLayout = { hierarchies: [{ mountPoint: '/m', controllers: ['memory'] }], unified: undefined };

describe('the wire', () => {
  test('carries every type there and back', () => {
    const body: BusValue[] = [
      255,
      true,
      -5,
      65_535,
      -70_000,
      4_000_000_000,
      -(2n ** 60n),
      2n ** 64n - 1n,
      0.5,
      'ü',
      '/a/b',
      'a(sv)',
      [
        ['x', variant('as', ['1', '22'])],
        ['y', variant('t', 5n)],
      ],
      [[1, ['a']]],
      [],
    ];
    const message: Message = {
      type: METHOD_CALL,
      serial: 7,
      path: '/p',
      interface: 'i.j',
      member: 'm',
      destination: 'd.e',
      signature: 'ybnqiuxtdsoga(sv)a{yas}at',
      body,
    };
    const bytes = Buffer.from(encodeMessage(message));
    const decoded = decodeMessage(Buffer.concat([bytes, bytes.subarray(0, 3)]));
    assert.deepEqual(decoded, { message, bytes: bytes.length });
    assert.equal(decodeMessage(bytes.subarray(0, -1)), undefined);
  });

  test('pads as the specification says', () => {
    const call = { type: METHOD_CALL, serial: 1, path: '/', member: 'M', signature: 'at', body: [[1n]] };
    const bytes = Buffer.from(encodeMessage(call));
    // Length 8, four bytes of padding that it does not count, the element.
    assert.deepEqual([...bytes.subarray(-16)], [8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(bytes.readUInt32LE(4), 16);
  });
});

describe('limits become properties', () => {
  const of = (layout: CgroupLayout, resources: Resources, version = 252): string[] =>
    resourceProperties({ layout, resources, version }).map(
      ([name, { signature, value }]) =>
        `${name}=${signature}:${Array.isArray(value) ? JSON.stringify(value) : String(value as number)}`,
    );
  for (const [name, layout, resources, expected] of [
    [
      'memory',
      V2,
      { memory: { limit: 10, swap: 30, reservation: 5 } },
      ['MemorySwapMax=t:20', 'MemoryMax=t:10', 'MemoryLow=t:5'],
    ],
    [
      'no limit',
      V2,
      { memory: { limit: -1 }, pids: { limit: -1 } },
      [
        'MemorySwapMax=t:18446744073709551615',
        'MemoryMax=t:18446744073709551615',
        'TasksMax=t:18446744073709551615',
      ],
    ],
    [
      'version 1',
      V1,
      { memory: { limit: 10 }, cpu: { shares: 5 }, blockIO: { weight: 7 } },
      ['MemoryLimit=t:10', 'CPUShares=t:5', 'BlockIOWeight=t:7'],
    ],
    ['weight', V2, { cpu: { shares: 1024 } }, ['CPUWeight=t:100']],
    ['idle', V2, { cpu: { shares: 1024, idle: 1 } }, ['CPUWeight=t:0']],
    [
      'a quota is rounded up to a percent',
      V2,
      { cpu: { quota: 2005, period: 100_000 } },
      ['CPUQuotaPeriodUSec=t:100000', 'CPUQuotaPerSecUSec=t:30000'],
    ],
    ['no quota', V2, { cpu: { quota: -1 } }, ['CPUQuotaPerSecUSec=t:18446744073709551615']],
    [
      'sets as bits',
      V2,
      { cpu: { cpus: '0-1,9', mems: '0' } },
      ['AllowedCPUs=ay:[3,2]', 'AllowedMemoryNodes=ay:[1]'],
    ],
    [
      'unified',
      V2,
      { unified: { 'memory.high': 'max', 'cpu.max': 'max 5000', 'pids.max': '7', 'io.max': '8:0 rbps=1' } },
      [
        'MemoryHigh=t:18446744073709551615',
        'CPUQuotaPeriodUSec=t:5000',
        'CPUQuotaPerSecUSec=t:18446744073709551615',
        'TasksMax=t:7',
      ],
    ],
    [
      'devices',
      V2,
      {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 1, minor: 3, access: 'rw' },
          { allow: true, type: 'b', access: 'm' },
          { allow: true, type: 'c', major: 136 },
        ],
      },
      [
        'DeviceAllow=a(ss):[]',
        'DevicePolicy=s:strict',
        'DeviceAllow=a(ss):[["/dev/char/1:3","rw"],["block-*","m"],["char-136","rwm"]]',
      ],
    ],
    [
      'devices that systemd can not say',
      V2,
      {
        devices: [
          { allow: true, type: 'c' },
          { allow: false, type: 'c', major: 1 },
        ],
      },
      ['DeviceAllow=a(ss):[]', 'DevicePolicy=s:auto'],
    ],
  ] as const satisfies readonly (readonly [string, CgroupLayout, Resources, readonly string[]])[])
    test(name, () => assert.deepEqual(of(layout, resources), expected));

  test('annotations become properties too', () => {
    const property = (text: string): unknown =>
      annotatedProperties({ 'org.systemd.property.Abc': text, other: 'x' })[0]?.[1];
    assert.deepEqual(property('true'), variant('b', true));
    assert.deepEqual(property("'in\\'active'"), variant('s', "in'active"));
    assert.deepEqual(property('uint64 123'), variant('t', 123n));
    assert.deepEqual(property('-5'), variant('i', -5));
    assert.deepEqual(property("['a', 'b,c']"), variant('as', ['a', 'b,c']));
    for (const wrong of ['', 'foo', 'uint99 5', "['a', 5]", "'"])
      assert.throws(() => property(wrong), { code: 'invalid-argument' });
    assert.deepEqual(annotatedProperties({ 'org.systemd.property.TimeoutStopSec': '1.5' }), [
      ['TimeoutStopUSec', variant('t', 1_500_000n)],
    ]);
    assert.throws(() => annotatedProperties({ 'org.systemd.property.A/b': '5' }), /name incorrect/);
  });
});

/** A real bus, with something on it that answers as systemd does. */
async function fakeSystemd(
  t: TestContext,
  answer: (call: Message) => readonly [string, readonly BusValue[]] | string,
): Promise<{ systemd: Systemd; calls: Message[] }> {
  const directory = await mkdtemp('/tmp/wbus-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'bus');
  await writeFile(
    join(directory, 'config'),
    `<busconfig><listen>unix:path=${path}</listen><auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`,
  );
  const daemon = spawn(
    'dbus-daemon',
    [`--config-file=${join(directory, 'config')}`, '--nofork', '--print-address'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  t.after(() => daemon.kill());
  await once(daemon.stdout, 'data');
  const socket = createConnection(path);
  t.after(() => socket.destroy());
  const calls = await serve(socket, answer);
  const systemd = await connectSystemd({ isRootless: false, at: { path, isBus: true } });
  t.after(() => systemd.close());
  return { systemd, calls };
}

const MANAGER = 'org.freedesktop.systemd1.Manager';

async function serve(
  socket: Socket,
  answer: (call: Message) => readonly [string, readonly BusValue[]] | string,
): Promise<Message[]> {
  let serial = 0;
  const send = (message: Omit<Message, 'serial'>): void =>
    void socket.write(encodeMessage({ ...message, serial: (serial += 1) }));
  socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid?.())).toString('hex')}\r\n`);
  await once(socket, 'data');
  socket.write('BEGIN\r\n');
  const bus = {
    type: METHOD_CALL,
    destination: 'org.freedesktop.DBus',
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus',
  };
  send({ ...bus, member: 'Hello', signature: '', body: [] });
  send({ ...bus, member: 'RequestName', signature: 'su', body: ['org.freedesktop.systemd1', 0] });
  const calls: Message[] = [];
  const { promise: owned, resolve } = Promise.withResolvers<void>();
  let held = Buffer.alloc(0);
  socket.on('data', (data) => {
    held = Buffer.concat([held, data as Buffer]);
    for (let next = decodeMessage(held); next !== undefined; next = decodeMessage(held)) {
      held = held.subarray(next.bytes);
      const { message } = next;
      if (message.type === METHOD_RETURN && message.replySerial === 2) resolve();
      if (message.type === METHOD_CALL) reply(message);
    }
  });
  function reply(call: Message): void {
    calls.push(call);
    const to = { destination: call.sender ?? '', replySerial: call.serial };
    const found = answer(call);
    if (typeof found === 'string')
      return send({ ...to, type: ERROR, errorName: found, signature: 's', body: ['no'] });
    const [result, body] = found;
    // The job may be over before its name is known.
    if (call.member === 'StartTransientUnit' || call.member === 'StopUnit') {
      const removed = [1, '/job/1', call.body[0] as string, result];
      send({
        type: SIGNAL,
        path: '/org/freedesktop/systemd1',
        interface: MANAGER,
        member: 'JobRemoved',
        signature: 'uoss',
        body: removed,
      });
      return send({ ...to, type: METHOD_RETURN, signature: 'o', body: ['/job/1'] });
    }
    return send({ ...to, type: METHOD_RETURN, signature: result, body });
  }
  await owned;
  return calls;
}

const start = {
  id: 'c1',
  unit: { name: 'runc-c1.scope', slice: 'system.slice' },
  pid: 42,
  layout: V2,
  annotations: undefined,
};

describe('systemd over a real bus', () => {
  const plain = (call: Message): readonly [string, readonly BusValue[]] =>
    call.member === 'Get'
      ? ['v', [variant('s', '252.39-1')]]
      : call.member === 'StartTransientUnit' || call.member === 'StopUnit'
        ? ['done', []]
        : ['', []];

  test('makes, changes and stops a scope', requires('root', 'dbus-daemon'), async (t) => {
    const { systemd, calls } = await fakeSystemd(t, plain);
    await systemd.start({ ...start, resources: { pids: { limit: 5 } } });
    await systemd.update({ unit: start.unit, layout: V2, resources: { memory: { limit: 9 } } });
    await systemd.stop(start.unit);
    assert.deepEqual(
      calls.map(({ member }) => member),
      ['Subscribe', 'Get', 'StartTransientUnit', 'SetUnitProperties', 'StopUnit', 'ResetFailedUnit'],
    );
    const [name, mode, properties] = calls[2]?.body ?? [];
    assert.deepEqual([name, mode], ['runc-c1.scope', 'replace']);
    const found = Object.fromEntries(properties as [string, { value: unknown }][]) as Record<
      string,
      { value: unknown }
    >;
    assert.deepEqual(found['PIDs']?.value, [42]);
    assert.equal(found['Slice']?.value, 'system.slice');
    assert.equal(found['Delegate']?.value, true);
    assert.equal(found['TasksMax']?.value, 5n);
    assert.deepEqual(calls[3]?.body, ['runc-c1.scope', true, [['MemoryMax', variant('t', 9n)]]]);
  });

  test('clears a failed unit of the same name once', requires('root', 'dbus-daemon'), async (t) => {
    let tries = 0;
    const { systemd, calls } = await fakeSystemd(t, (call) => {
      if (call.member === 'StartTransientUnit' && (tries += 1) === 1)
        return 'org.freedesktop.systemd1.UnitExists';
      return plain(call);
    });
    await systemd.start({ ...start, resources: {} });
    assert.deepEqual(
      calls.slice(2).map(({ member }) => member),
      ['StartTransientUnit', 'ResetFailedUnit', 'StartTransientUnit'],
    );
  });

  test('says what it refused', requires('root', 'dbus-daemon'), async (t) => {
    const { systemd } = await fakeSystemd(t, (call) => {
      if (call.member === 'StartTransientUnit')
        return call.body[0] === 'runc-c1.scope' ? ['failed', []] : 'org.freedesktop.systemd1.UnitExists';
      if (call.member === 'StopUnit') return 'org.freedesktop.systemd1.NoSuchUnit';
      return plain(call);
    });
    await assert.rejects(
      systemd.start({ ...start, resources: {} }),
      /error creating systemd unit `runc-c1.scope`: got `failed`/,
    );
    const other = { ...start, unit: { name: 'a-b.scope', slice: 'system.slice' } };
    await assert.rejects(systemd.start({ ...other, resources: {} }), {
      code: 'conflict',
      message: /unable to start unit "a-b.scope": no/,
    });
    await systemd.stop(other.unit);
  });

  test('a bus that is not there is named', async () => {
    await assert.rejects(
      connectSystemd({ isRootless: false, at: { path: '/nowhere/bus', isBus: true } }),
      /failed to connect to dbus at \/nowhere\/bus/,
    );
  });
});
