import assert from 'node:assert/strict';
import { LIMITS } from './limit-fields.ts';
import { running } from './judge-update.ts';
import { rest } from './rest.ts';
import { saysIn } from './rest-output.ts';

/** Each has a file of its own, and is not so from the beginning. */
const FIELDS = [
  'CpuShares',
  'Memory',
  'BlkioWeight',
  'CpuQuota',
  'CpusetCpus',
  'MemoryReservation',
  'PidsLimit',
];
const CASES = Object.entries(LIMITS).filter(([name]) => FIELDS.includes(name));
const MARK = '--';

/** Gives a running container all of them in one update, and looks at once and after its next start: what is wrong with which. */
export async function judgeAtOnce(socket: string): Promise<string[]> {
  const id = await running(socket);
  const post = async (path: string, body?: object): Promise<void> => {
    const { status, text } = await rest(socket, 'POST', { path: `/containers/${id}/${path}`, body });
    assert.ok(status < 300, text);
  };
  const script = CASES.map((each) => `${each[1].script ?? ''}; echo ${MARK}`).join('; ');
  const look = async (): Promise<string[]> => {
    const parts = (await saysIn(socket, id, script)).split(`${MARK}\n`);
    return CASES.flatMap(([name, { says }], index) => {
      const said = parts[index]?.trim() ?? '';
      return says?.test(said) === true ? [] : [`${name}: it says ${said}`];
    });
  };
  assert.equal((await look()).length, CASES.length, 'some hold before');
  await post('update', Object.assign({}, ...CASES.map(([, { ask }]) => ask)) as object);
  const live = await look();
  await post('restart?t=0');
  return [...live, ...(await look())];
}
