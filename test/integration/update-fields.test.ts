import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestartPolicyBody } from '../../daemon/api/docker/wire/restart-policy.ts';
import { UpdateBody } from '../../daemon/api/docker/wire/update.ts';
import { fieldsOf, judgeAll } from '../lib/field-cases.ts';
import { judgeUpdate } from '../lib/judge-update.ts';
import { daemonSuite } from '../lib/suite.ts';
import { UPDATE_FIELDS } from '../lib/update-fields.ts';

daemonSuite("every field of update's body works, or is refused by name", (daemon) => {
  test('there is a case for each, and none for what is no field', () => {
    const own = fieldsOf(UpdateBody, { RestartPolicy: fieldsOf(RestartPolicyBody) });
    assert.deepEqual(Object.keys(UPDATE_FIELDS).toSorted(), own);
  });

  test('of a running container', async () => {
    assert.deepEqual(
      await judgeAll(UPDATE_FIELDS, (asked, name) => judgeUpdate(daemon().socket, asked, name)),
      [],
    );
  });
});
