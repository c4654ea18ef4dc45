import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DEBIAN_PLUGINS, makeCniPlace } from '../lib/cni.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** STATUS and GC, which came with 1.1.0: Debian's plugins are older, so those that know them are the test's own. */
const place = await makeCniPlace();
after(() => place[Symbol.asyncDispose]());

const flag = (name: string): string => join(place.directory, name);
const FULL = flag('full');
const SLOW = flag('slow');
/** Where the plugin keeps a file for each container. */
const KEPT = join(place.directory, 'data');

/** Keeps a file for each container from ADD to DEL; has no room while a flag is there, and is slow to collect while another is. */
const SHELF = `
input=$(cat)
case "$CNI_COMMAND" in
ADD) log "ADD $CNI_IFNAME"; : > ${KEPT}/$CNI_CONTAINERID
  echo '{"cniVersion":"1.1.0","ips":[{"address":"10.85.0.7/24"}]}' ;;
DEL) rm -f ${KEPT}/$CNI_CONTAINERID ;;
STATUS) log "STATUS $CNI_CONTAINERID$CNI_IFNAME$CNI_NETNS $input"
  [ -e ${FULL} ] && { echo '{"cniVersion":"1.1.0","code":50,"msg":"no room"}'; exit 1; } ;;
GC) log "GC $CNI_CONTAINERID$CNI_IFNAME$CNI_NETNS $input"
  [ -e ${SLOW} ] && { log "slow $$"; while [ -e ${SLOW} ]; do sleep 0.1; done; }
  for each in ${KEPT}/*; do
    case "$input" in *\\"containerID\\":\\"\${each##*/}\\"*) ;; *) rm -f "$each" ;; esac
  done
  log collected ;;
esac
exit 0`;

daemonSuite(
  "CNI's verbs for a network",
  (daemon) => {
    const ok = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
    const runIn = (network: string, ...more: string[]): string[] => [
      ...['run', '-d', '--network', network, ...more],
      ...['busybox', 'sleep', '1000'],
    ];
    const readiness = async (name: string): Promise<unknown> =>
      (JSON.parse(await daemon().wherryOk('network', 'inspect', name)) as { Status?: unknown }[])[0]?.Status;
    const verbs = async (): Promise<string[]> => (await place.told()).map((line) => line.split(' ')[0] ?? '');
    const shelf = async (name: string, list: object = {}): Promise<void> => {
      const path = await place.list(name, { cniVersion: '1.1.0', plugins: [{ type: 'shelf' }], ...list });
      await ok('network', 'create', '-d', 'cni', '-o', `conflist=${path}`, name);
    };
    const again = async (): Promise<void> => {
      await daemon().kill9();
      await daemon().restart();
    };

    test('the highest version that list, plugins and we know', async () => {
      await place.plugin('shelf', SHELF, '1.1.0');
      await place.plugin('older', `cat > /dev/null; echo '{"cniVersion":"1.0.0"}'`);
      const offered = { cniVersion: '0.4.0', cniVersions: ['1.0.0', '1.1.0', '7.0.0'] };
      await shelf('old', { ...offered, plugins: [{ type: 'shelf' }, { type: 'older' }] });
      await ok(...runIn('old', '--rm', '--name', 'first'));
      assert.deepEqual(await verbs(), ['ADD'], 'one of them has no STATUS');
      assert.equal(await readiness('old'), undefined);
      assert.equal(
        await daemon()
          .wherryOk('network', 'check', 'old')
          .then((text) => text.includes('ready')),
        false,
      );
      await ok('rm', '-f', 'first');
      await ok('network', 'rm', 'old');
      await shelf('new', offered);
      await ok(...runIn('new', '--rm', '--name', 'first'));
      const [, status = '', add] = await place.told();
      assert.match(status, /^STATUS {2}\{/, 'no parameters of a container');
      const input = JSON.parse(status.slice('STATUS  '.length)) as Record<string, unknown>;
      assert.deepEqual([input['cniVersion'], input['name'], input['type']], ['1.1.0', 'new', 'shelf']);
      assert.equal(add, 'ADD eth0');
      await ok('rm', '-f', 'first');
      await ok('network', 'rm', 'new');
      const path = await place.list('alone', { cniVersion: '1.1.0', plugins: [{ type: 'bridge' }] });
      const { stderr } = await daemon().docker(
        'network',
        'create',
        '-d',
        'cni',
        '-o',
        `conflist=${path}`,
        'no',
      );
      assert.match(stderr, /plugin type="bridge" does not support the CNI version 1\.1\.0 of its list, but /);
    });

    test('plugins that are not ready: no ADD, their words, and how it is now', async () => {
      await shelf('full');
      const before = (await place.told()).length;
      await writeFile(FULL, '');
      const { stderr, code } = await daemon().docker(...runIn('full', '--name', 'waiting'));
      assert.equal(code, 125);
      assert.match(stderr, /plugin type="shelf" failed \(status\): no room \(code 50\)/);
      assert.deepEqual((await verbs()).slice(before), ['STATUS']);
      const { CNI } = (await readiness('full')) as { CNI: Record<string, unknown> };
      assert.equal(CNI['Ready'], false);
      assert.match(String(CNI['Error']), /no room \(code 50\)/);
      const checked = await daemon().wherry('network', 'check', 'full');
      assert.equal(checked.code, 1);
      assert.match(checked.stdout, /^full {2}plugin type="shelf" failed \(status\): no room/);
      await rm(FULL);
      assert.match(await daemon().wherryOk('network', 'check', 'full'), /^full {2}ready/);
      await ok('start', 'waiting');
      assert.equal(((await readiness('full')) as { CNI: Record<string, unknown> }).CNI['Ready'], true);
      await ok('rm', '-f', 'waiting');
      await ok('network', 'rm', 'full');
    });

    test('what no container has is collected when the daemon starts; not where the list says so', async () => {
      await shelf('kept', { disableGC: true });
      await ok(...runIn('kept', '--name', 'other'));
      await writeFile(join(KEPT, 'stray'), '');
      await again();
      await eventually('STATUS is asked', async () => ((await readiness('kept')) ?? '') !== '');
      const before = (await place.told()).length;
      await shelf('swept');
      const id = await ok(...runIn('swept', '--name', 'live'));
      assert.ok((await readdir(KEPT)).includes('stray'));
      await again();
      await eventually('it is collected', async () => (await verbs()).includes('collected'));
      const [gc = ''] = (await place.told()).slice(before).filter((line) => line.startsWith('GC'));
      assert.match(gc, /^GC {2}\{/, 'no parameters of a container');
      const input = JSON.parse(gc.slice('GC  '.length)) as Record<string, unknown>;
      assert.deepEqual(input['cni.dev/valid-attachments'], [{ containerID: id, ifname: 'eth0' }]);
      assert.deepEqual(
        await readdir(KEPT),
        [id],
        'the plugin told nothing of other lists, so it took what was theirs',
      );
      await ok('rm', '-f', 'live', 'other');
      await ok('network', 'rm', 'swept', 'kept');
    });

    test('nothing is added while there is a collection; one of a daemon that died is ended', async () => {
      await shelf('busy');
      await writeFile(SLOW, '');
      await again();
      const slow = (): Promise<string[]> =>
        place.told().then((lines) => lines.filter((line) => line.startsWith('slow')));
      await eventually('it collects', async () => (await slow()).length === 1);
      await again();
      await eventually('it collects anew', async () => (await slow()).length === 2);
      const [first = ''] = await slow();
      // A zombie has no command line.
      const command = `/proc/${first.slice('slow '.length)}/cmdline`;
      assert.equal(await readFile(command, 'utf8').catch(() => ''), '');
      const before = (await place.told()).length;
      const running = ok(...runIn('busy', '--name', 'late'));
      await eventually('it is asked for', async () => (await verbs()).slice(before).includes('STATUS'));
      await rm(SLOW);
      const id = await running;
      assert.deepEqual((await verbs()).slice(before), ['STATUS', 'collected', 'ADD']);
      assert.deepEqual(await readdir(KEPT), [id]);
      await ok('rm', '-f', 'late');
      await ok('network', 'rm', 'busy');
    });
  },
  {
    needs: ['cni-plugins'],
    args: [join(place.directory, 'bin'), DEBIAN_PLUGINS].flatMap((each) => ['--cni-plugin-dir', each]),
  },
);
