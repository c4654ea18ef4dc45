import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, unexplained, type Difference } from '../lib/beside/compare.ts';
import { EXPLAINED } from '../lib/beside/explained.ts';
import { record } from '../lib/beside/record.ts';
import { toStep, type Line } from '../lib/beside/step.ts';
import { ABSENT, CREATED, ENDED, RUNNING } from '../lib/beside/steps/containers.ts';
import { COPIES, EXECS } from '../lib/beside/steps/execs.ts';
import { IMAGES } from '../lib/beside/steps/images.ts';
import { MOUNTS } from '../lib/beside/steps/mounts.ts';
import { NETWORKS } from '../lib/beside/steps/networks.ts';
import { EVENTS, EVENTS_EMPTY, SYSTEM } from '../lib/beside/steps/system.ts';
import { VOLUMES } from '../lib/beside/steps/volumes.ts';
import { besideSuite } from '../lib/suite.ts';

/** In this order: a part finds what the parts before it left. */
const PARTS: Readonly<Record<string, readonly Line[]>> = {
  system: SYSTEM,
  'events before any': EVENTS_EMPTY,
  'nothing there': ABSENT,
  created: CREATED,
  running: RUNNING,
  ended: ENDED,
  execs: EXECS,
  copies: COPIES,
  volumes: VOLUMES,
  mounts: MOUNTS,
  networks: NETWORKS,
  images: IMAGES,
  events: EVENTS,
};

besideSuite('beside dockerd', (daemons) => {
  const found: Difference[] = [];
  let asked = 0;

  for (const [name, lines] of Object.entries(PARTS)) {
    test(name, async () => {
      const steps = lines.map((line) => toStep(line));
      const [theirs = [], ours = []] = await Promise.all(daemons().map((daemon) => record(daemon, steps)));
      asked += theirs.length;
      const differences = compare(theirs, ours);
      found.push(...differences);
      assert.deepEqual(unexplained(differences, EXPLAINED).differences, []);
    });
  }

  test('some hundred requests, and every explanation explains something', () => {
    assert.ok(asked > 400, String(asked));
    assert.deepEqual(unexplained(found, EXPLAINED).idle, []);
  });
});
