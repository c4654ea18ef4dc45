import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges } from '../../../../image/changes/apply.ts';
import type { ImageConfig } from '../../../../image/images.ts';

const BASE: ImageConfig = {
  Env: ['PATH=/bin', 'A=1'],
  Cmd: ['sh'],
  WorkingDir: '/srv',
  Labels: { old: 'kept' },
  OnBuild: ['RUN first'],
};

const cases: readonly [change: string, expected: Partial<ImageConfig>][] = [
  ['CMD ["a", "b c"]', { Cmd: ['a', 'b c'] }],
  ['CMD echo "$A"', { Cmd: ['/bin/sh', '-c', 'echo "$A"'] }],
  ["CMD ['a']", { Cmd: ['/bin/sh', '-c', "['a']"] }],
  ['cmd []', { Cmd: [] }],
  ['ENTRYPOINT ["e"]', { Entrypoint: ['e'], Cmd: null }],
  ['CMD ["c"]\nENTRYPOINT ["e"]', { Entrypoint: ['e'], Cmd: ['c'] }],
  ['ENTRYPOINT top -b', { Entrypoint: ['/bin/sh', '-c', 'top -b'], Cmd: null }],
  ['ENV B=2 A="x y" C=a\\ b D=\'$A\'', { Env: ['PATH=/bin', 'A=x y', 'B=2', 'C=a b', 'D=$A'] }],
  ['ENV NAME some  words "quoted"', { Env: ['PATH=/bin', 'A=1', 'NAME=some  words quoted'] }],
  ['ENV P=$PATH:/x Q=${A}${Z:-d}${A:+s}', { Env: ['PATH=/bin', 'A=1', 'P=/bin:/x', 'Q=1ds'] }],
  ['# a comment\n\nENV X=1 \\\n  Y=2', { Env: ['PATH=/bin', 'A=1', 'X=1', 'Y=2'] }],
  [
    'EXPOSE 80 53/udp 8000-8001',
    { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {} } },
  ],
  ['LABEL a=b "c d"="e=f"', { Labels: { old: 'kept', a: 'b', 'c d': 'e=f' } }],
  ['USER 1000:$A', { User: '1000:1' }],
  ['VOLUME ["/a b"]', { Volumes: { '/a b': {} } }],
  ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
  ['WORKDIR sub/../x', { WorkingDir: '/srv/x' }],
  ['WORKDIR /abs/', { WorkingDir: '/abs' }],
  ['ONBUILD RUN make "x"', { OnBuild: ['RUN first', 'RUN make "x"'] }],
  ['STOPSIGNAL SIGUSR1', { StopSignal: 'SIGUSR1' }],
  ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
  [
    'HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl -f http://x',
    {
      Healthcheck: {
        Test: ['CMD-SHELL', 'curl -f http://x'],
        Interval: 90_000_000_000,
        Timeout: 500_000_000,
        Retries: 3,
      },
    },
  ],
  ['HEALTHCHECK CMD ["a"]', { Healthcheck: { Test: ['CMD', 'a'] } }],
];

for (const [change, expected] of cases) {
  test(`--change ${JSON.stringify(change)}`, () => {
    assert.deepEqual(applyChanges(BASE, [change]), { ...BASE, ...expected });
  });
}

const refused: readonly [change: string, message: string | RegExp][] = [
  ['RUN true', 'RUN is not a valid change command'],
  ['constructor x', 'constructor is not a valid change command'],
  ['ENV', 'ENV requires at least one argument'],
  ['ENV A', 'ENV must have two arguments'],
  ['ENV A=1 B', `Syntax error - can't find = in "B". Must be of the form: name=value`],
  ['ENV =1', 'ENV names can not be blank'],
  ['LABEL', 'LABEL requires at least one argument'],
  ['EXPOSE 70000', 'Invalid containerPort: 70000'],
  ['EXPOSE 80/x', 'Invalid proto: x'],
  ['VOLUME [""]', /VOLUME/],
  ['CMD [1]', /arrays must be comprised of strings only/],
  ['STOPSIGNAL NOPE', 'Invalid signal: NOPE'],
  ['HEALTHCHECK CMD', 'Missing command after HEALTHCHECK CMD'],
  ['HEALTHCHECK x', 'Unknown type "x" in HEALTHCHECK (try CMD)'],
  ['HEALTHCHECK --interval=1us CMD x', /cannot be less than 1ms/],
  ['ONBUILD ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
  ['ENV A="x', /looking for matching double-quote/],
  ['ENV A=${B:?no}', 'B: no'],
];

for (const [change, message] of refused) {
  test(`--change ${JSON.stringify(change)} is refused`, () => {
    assert.throws(() => applyChanges(BASE, [change]), { code: 'invalid-argument', message });
  });
}

test('changes are one text: none applies when one is unknown', () => {
  assert.deepEqual(applyChanges(BASE, ['ENV A=2', 'ENV B=$A']).Env, ['PATH=/bin', 'A=2', 'B=2']);
  assert.deepEqual(applyChanges(BASE, []), BASE);
});
