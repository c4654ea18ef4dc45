import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { CreateBody } from '../../daemon/api/docker/wire/create.ts';
import { HostConfig } from '../../daemon/api/docker/wire/host-config.ts';
import { CREATE_FIELDS } from '../lib/create-fields.ts';
import { ENDPOINT_FIELDS } from '../lib/endpoint-fields.ts';
import { fieldsOf, judgeAll } from '../lib/field-cases.ts';
import { judgeCreate } from '../lib/judge-create.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Fields that hold others, each with a case of its own. */
const PARTS = ['HostConfig', 'NetworkingConfig'];

daemonSuite("every field of create's body works, or is refused by name", (daemon) => {
  before(async () => {
    const subnets = ['--subnet', '10.77.0.0/24', '--ipv6', '--subnet', 'fd77::/64'];
    await daemon().dockerOk('network', 'create', ...subnets, 'fields');
    await daemon().mark();
  });

  test('there is a case for each, and none for what is no field', () => {
    const fields = {
      Config: fieldsOf(CreateBody).filter((name) => !PARTS.includes(name)),
      HostConfig: fieldsOf(HostConfig),
      NetworkingConfig: ENDPOINT_FIELDS,
    };
    for (const [part, own] of Object.entries(fields))
      assert.deepEqual(Object.keys(CREATE_FIELDS[part] ?? {}).toSorted(), own, part);
  });

  for (const [part, cases] of Object.entries(CREATE_FIELDS)) {
    test(part, async () => {
      await daemon().dockerOk('run', '-d', '--name', 'base', '-v', '/vol', 'busybox', 'sleep', '1000');
      await daemon().dockerOk(
        ...['run', '-d', '--name', 'known', '--network', 'fields', 'busybox', 'sleep', '1000'],
      );
      const wrong = await judgeAll(cases, (asked) => judgeCreate(daemon().socket, asked));
      await daemon().dockerOk('rm', '-fv', ...(await daemon().dockerOk('ps', '-aq')).split('\n'));
      assert.deepEqual(wrong, []);
    });
  }
});
