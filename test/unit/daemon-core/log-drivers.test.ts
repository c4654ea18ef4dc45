import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { journalEncoder } from '../../../daemon/core/log-drivers/journald.ts';
import { syslogEncoder } from '../../../daemon/core/log-drivers/syslog.ts';
import {
  syslogAddress,
  syslogFacility,
  type SyslogAddress,
} from '../../../daemon/core/log-drivers/syslog-options.ts';
import { expandTag } from '../../../daemon/core/log-drivers/tag.ts';
import type { LogLine } from '../../../daemon/core/log-drivers/contract.ts';
import { exampleContainer } from '../../lib/examples.ts';

const container = { ...exampleContainer(), name: 'boat', imageName: 'busybox:1' };
const LINE: LogLine = {
  stream: 'stdout',
  timeNs: 1_700_000_000_123_456_789n,
  text: 'hello',
  isPartial: false,
};

test('addresses of syslog', () => {
  const cases: [text: string, address: SyslogAddress | RegExp][] = [
    ['', { kind: 'local' }],
    ['unix:///dev/x', { kind: 'unix', path: '/dev/x' }],
    ['unixgram:///dev/x', { kind: 'unixgram', path: '/dev/x' }],
    ['tcp://a.example', { kind: 'tcp', host: 'a.example', port: 514 }],
    ['udp://1.2.3.4:99', { kind: 'udp', host: '1.2.3.4', port: 99 }],
    ['tcp+tls://[::1]:6514', { kind: 'tcp+tls', host: '::1', port: 6514 }],
    ['http://x', /^unsupported scheme: 'http'$/],
    ['x', /^unsupported scheme: ''$/],
    ['tcp://a:70000', /invalid syslog-address: tcp:\/\/a:70000/],
    ['tcp://a:b:c', /invalid syslog-address/],
  ];
  for (const [text, expected] of cases) {
    const parse = (): SyslogAddress => syslogAddress({ 'syslog-address': text });
    if (expected instanceof RegExp) assert.throws(parse, { code: 'invalid-argument', message: expected });
    else assert.deepEqual(parse(), expected);
  }
});

test('facilities by name and number', () => {
  for (const [text, code] of [
    ['', 3],
    ['kern', 0],
    ['local7', 23],
    ['23', 23],
  ] as const)
    assert.equal(syslogFacility({ 'syslog-facility': text }), code);
  for (const text of ['24', '-1', 'x'])
    assert.throws(() => syslogFacility({ 'syslog-facility': text }), { message: 'invalid syslog facility' });
});

test('a tag is filled with what the container is', () => {
  for (const [template, tag] of [
    [undefined, container.id.slice(0, 12)],
    ['{{.Name}}/{{ .ImageName }}', 'boat/busybox:1'],
    ['{{.FullID}}-{{.Hostname}}', `${container.id}-${hostname()}`],
    ['{{index .ContainerLabels "none"}}x', 'x'],
  ] as const)
    assert.equal(expandTag(template, container), tag);
  assert.throws(() => expandTag('{{.Nope}}', container), { message: /cannot evaluate \{\{\.Nope\}\}/ });
});

test('with TLS messages of RFC 5424 are led by their length; an empty line is none', () => {
  const options = { 'syslog-address': 'tcp+tls://x', 'syslog-format': 'rfc5424micro' };
  const message = syslogEncoder(options, 't')({ ...LINE, text: 'höllo' })?.toString() ?? '';
  const [, length, rest = ''] = /^(\d+) (.*)$/s.exec(message) ?? [];
  assert.equal(Number(length), Buffer.byteLength(rest));
  assert.match(rest, /^<30>1 \S+\.123456\S+ \S+ t \d+ t - höllo\n$/);
  assert.equal(syslogEncoder(options, 't')({ ...LINE, text: '' }), undefined);
});

test('entries of the journal', () => {
  const encode = journalEncoder(container, 'tag');
  const text = encode({ ...LINE, stream: 'stderr', isPartial: true })?.toString() ?? '';
  for (const field of [
    `CONTAINER_ID=${container.id.slice(0, 12)}`,
    `CONTAINER_ID_FULL=${container.id}`,
    'CONTAINER_NAME=boat',
    'CONTAINER_TAG=tag',
    'SYSLOG_IDENTIFIER=tag',
    'IMAGE_NAME=busybox:1',
    'PRIORITY=3',
    'SYSLOG_TIMESTAMP=2023-11-14T22:13:20.123456789Z',
    'CONTAINER_PARTIAL_MESSAGE=true',
    'MESSAGE=hello',
  ])
    assert.ok(text.includes(`${field}\n`), `${field}: ${text}`);
  // A value with a newline is led by its length of eight bytes.
  const long = encode({ ...LINE, text: 'a\nb' }) ?? Buffer.alloc(0);
  assert.ok(long.includes(Buffer.from('MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n')));
});
