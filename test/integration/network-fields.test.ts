import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectBody, DisconnectBody, NetworkCreateBody } from '../../daemon/api/docker/wire/network.ts';
import { VolumeBody } from '../../daemon/api/docker/wire/volume.ts';
import { ENDPOINT_FIELDS, type EndpointCase } from '../lib/endpoint-fields.ts';
import { fieldsOf, judgeAll, judgeRefusal } from '../lib/field-cases.ts';
import { CONNECT_FIELDS, NETWORK_FIELDS, VOLUME_FIELDS } from '../lib/network-fields.ts';
import { rest, type Answer } from '../lib/rest.ts';
import { saysIn } from '../lib/rest-output.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('every field of the bodies for networks and volumes works, or is refused by name', (daemon) => {
  const post = (path: string, body?: object): Promise<Answer> =>
    rest(daemon().socket, 'POST', { path, body });
  const inspect = async (path: string): Promise<string> =>
    (await rest(daemon().socket, 'GET', { path })).text;
  const running = async (HostConfig: object): Promise<string> => {
    const body = { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig };
    const { Id } = (await post('/containers/create', body)).json<{ Id: string }>();
    const started = await post(`/containers/${Id}/start`);
    assert.equal(started.status, 204, started.text);
    return Id;
  };

  /** All that the cases have made; pruning leaves some of it. */
  const remove = async (): Promise<void> => {
    for (const [list, verb] of [
      [
        ['ps', '-aq'],
        ['rm', '-f'],
      ],
      [
        ['network', 'ls', '-q', '--filter', 'type=custom'],
        ['network', 'rm'],
      ],
      [
        ['volume', 'ls', '-q'],
        ['volume', 'rm'],
      ],
    ] as const) {
      const found = await daemon().dockerOk(...list);
      if (found !== '') await daemon().dockerOk(...verb, ...found.split('\n'));
    }
  };

  test('there is a case for each, and none for what is no field', () => {
    const { IPAM, ConfigFrom } = NetworkCreateBody.properties;
    const Config = fieldsOf(IPAM.properties.Config.items);
    const nested = { IPAM: fieldsOf(IPAM, { Config }), ConfigFrom: fieldsOf(ConfigFrom) };
    assert.deepEqual(Object.keys(NETWORK_FIELDS).toSorted(), fieldsOf(NetworkCreateBody, nested));
    const EndpointConfig = ENDPOINT_FIELDS;
    assert.deepEqual(Object.keys(CONNECT_FIELDS).toSorted(), fieldsOf(ConnectBody, { EndpointConfig }));
    assert.deepEqual(fieldsOf(DisconnectBody), ['Container', 'Force']);
    assert.deepEqual(Object.keys(VOLUME_FIELDS).toSorted(), fieldsOf(VolumeBody));
  });

  const seen = async (
    { script = 'true', says }: EndpointCase,
    container: string,
  ): Promise<string | undefined> => {
    const said = (await saysIn(daemon().socket, container, script)).trim();
    return says?.test(said) === true ? undefined : `it says ${said}`;
  };

  const shown = async ({ shows }: EndpointCase, path: string): Promise<string | undefined> => {
    const text = await inspect(path);
    return shows?.test(text) === true ? undefined : `inspect shows ${text}`;
  };

  test('a network', async () => {
    await daemon().dockerOk('network', 'create', 'taken');
    const judge = async (asked: EndpointCase, field: string): Promise<string | undefined> => {
      const made = await post('/networks/create', { Name: `for-${field}`, ...asked.ask });
      if (made.status !== 201) return judgeRefusal(asked, made);
      if (asked.refused !== undefined) return 'it is not refused';
      const { Id } = made.json<{ Id: string }>();
      return asked.shows === undefined
        ? seen(asked, await running({ NetworkMode: Id }))
        : shown(asked, `/networks/${Id}`);
    };
    assert.deepEqual(await judgeAll(NETWORK_FIELDS, judge), []);
    await remove();
  });

  test('what a container has in a network that it is connected to, and that it leaves', async () => {
    const subnets = ['--subnet', '10.77.0.0/24', '--ipv6', '--subnet', 'fd77::/64'];
    await daemon().dockerOk('network', 'create', ...subnets, 'fields');
    const known = await daemon().dockerOk(
      ...['run', '-d', '--name', 'known', '--network', 'fields', 'busybox', 'sleep', '1000'],
    );
    const judge = async (asked: EndpointCase): Promise<string | undefined> => {
      const container = await running({});
      const connected = await post('/networks/fields/connect', { Container: container, ...asked.ask });
      if (connected.status !== 200) return judgeRefusal(asked, connected);
      if (asked.refused !== undefined) return 'it is not refused';
      return seen(asked, container);
    };
    assert.deepEqual(await judgeAll(CONNECT_FIELDS, judge), []);
    const leave = (body: object): Promise<Answer> => post('/networks/fields/disconnect', body);
    assert.match((await leave({ Container: 'x' })).text, /No such container: x/);
    // Of one that does not run there is nothing to take it from, unless it is forced.
    await post(`/containers/${known}/stop?t=0`);
    assert.equal((await leave({ Container: known, Force: true })).status, 200);
    assert.doesNotMatch(await inspect(`/containers/${known}/json`), /"fields":\{/);
    await remove();
  });

  test('a volume', async () => {
    const judge = async (asked: EndpointCase): Promise<string | undefined> => {
      const made = await post('/volumes/create', asked.ask);
      if (made.status !== 201) return judgeRefusal(asked, made);
      if (asked.refused !== undefined) return 'it is not refused';
      const { Name } = made.json<{ Name: string }>();
      return asked.shows === undefined
        ? seen(asked, await running({ Binds: [`${Name}:/v`] }))
        : shown(asked, `/volumes/${Name}`);
    };
    assert.deepEqual(await judgeAll(VOLUME_FIELDS, judge), []);
    await remove();
  });
});
