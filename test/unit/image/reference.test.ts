import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complete, familiar, parseReference, withDefaultTag } from '../../../image/reference.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

const names: readonly [text: string, complete: string, familiar: string][] = [
  ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['index.docker.io/a/b:t', 'docker.io/a/b:t', 'a/b:t'],
  ['user/app', 'docker.io/user/app:latest', 'user/app:latest'],
  ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
  ['localhost/x', 'localhost/x:latest', 'localhost/x:latest'],
  ['localhost:5000/a/b:1', 'localhost:5000/a/b:1', 'localhost:5000/a/b:1'],
  ['ghcr.io/o/p__q.r-s--t', 'ghcr.io/o/p__q.r-s--t:latest', 'ghcr.io/o/p__q.r-s--t:latest'],
  ['[::1]:5000/x', '[::1]:5000/x:latest', '[::1]:5000/x:latest'],
  ['Host/x', 'Host/x:latest', 'Host/x:latest'],
  [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
  [`busybox:1@${DIGEST}`, `docker.io/library/busybox:1@${DIGEST}`, `busybox:1@${DIGEST}`],
];

for (const [text, whole, short] of names) {
  test(`"${text}" is ${whole}`, () => {
    const reference = withDefaultTag(parseReference(text));
    assert.equal(complete(reference), whole);
    assert.equal(familiar(reference), short);
    assert.deepEqual(parseReference(whole), reference);
  });
}

const refused: readonly [text: string, message: RegExp][] = [
  ['', /^invalid reference format$/],
  ['Busybox', /^invalid reference format: repository name \(library\/Busybox\) must be lowercase$/],
  ['a//b', /^invalid reference format$/],
  ['-a', /^invalid reference format$/],
  ['a:', /^invalid reference format$/],
  ['a:.x', /^invalid reference format$/],
  ['a___b', /^invalid reference format$/],
  ['a b', /^invalid reference format$/],
  ['a\n', /^invalid reference format$/],
  [`a:${'t'.repeat(129)}`, /^invalid reference format$/],
  ['a@sha256:abc', /^invalid reference format$/],
  [`a@sha512:${'a'.repeat(128)}`, /^invalid checksum digest format$/],
  ['ab'.repeat(32), /cannot specify 64-byte hexadecimal strings/],
  ['a'.repeat(256), /must not be more than 255 characters/],
  [`${'a'.repeat(100_000)}!`, /^invalid reference format$/],
];

for (const [text, message] of refused) {
  test(`"${text.slice(0, 40)}" is refused`, () => {
    assert.throws(() => parseReference(text), { code: 'invalid-argument', message });
  });
}
