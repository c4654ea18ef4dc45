import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { env } from 'node:process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClient, create, remove, type Client } from '../bench/client.ts';
import { startDaemon } from '../lib/daemon.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { alive } from '../lib/soak/ask.ts';

/** Demand 11: WHERRY_TEST_EVENTS=1000000 WHERRY_TEST_PATIENCE=12 nice node scripts/test.ts test/fault/events-many.test.ts */
const COUNT = Number(env['WHERRY_TEST_EVENTS'] ?? 3000);
const AT_ONCE = 8;
const KILLS = 5;
/** The reader stops this often, for this long: the socket fills, and the journal is ahead of it. */
const PAUSE_EVERY = 500;
const PAUSE_MS = 200;
/** The journal has 100,000: who is further behind is told of a gap. */
const MOST_BEHIND = 80_000;
const HOUR_MS = 3_600_000;

interface Message {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly eventId: number;
}

/** What was answered and what was told, as far as they don't cancel each other out. */
interface Account {
  answered(renamed: string): void;
  seen(renamed: string): void;
  /** Answered, and not yet told. */
  unseen(): readonly string[];
}

function createAccount(): Account {
  const [unseen, unanswered] = [new Set<string>(), new Set<string>()];
  return {
    answered: (renamed) => void (unanswered.delete(renamed) || unseen.add(renamed)),
    seen: (renamed) => void (unseen.delete(renamed) || unanswered.add(renamed)),
    unseen: () => [...unseen],
  };
}

/** One that takes its time, and comes again where it was when a daemon dies. */
interface SlowReader {
  readonly state: { lastId: number; count: number; connections: number };
  readonly wrong: readonly string[];
  stop(): Promise<void>;
}

function readSlowly(socketPath: string, after: number, account: Account): SlowReader {
  const wrong: string[] = [];
  const state = { lastId: after, count: 0, connections: 0 };
  const end = { isOver: false, leave: (): void => {} };
  const take = ({ Action, Actor, eventId }: Message): void => {
    if (eventId !== state.lastId + 1) wrong.push(`after ${state.lastId} came ${eventId}: ${Action}`);
    state.lastId = eventId;
    state.count += 1;
    if (Action === 'rename') account.seen(`${Actor.ID} ${Actor.Attributes['name'] ?? ''}`);
  };
  const connect = (): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const asked = request({ socketPath, path: `/events?after=${state.lastId}`, agent: false }, resolve);
      asked.on('error', reject).end();
      end.leave = () => void asked.destroy();
    });
  const follow = async (): Promise<void> => {
    const input = await connect();
    state.connections += 1;
    for await (const line of createInterface({ input })) {
      take(JSON.parse(line) as Message);
      if (state.count % PAUSE_EVERY === 0) await sleep(PAUSE_MS);
    }
  };
  const reading = (async () => {
    while (!end.isOver) {
      // A daemon that is killed leaves half a line, or nobody to ask.
      await follow().catch(() => sleep(20));
    }
  })();
  return {
    state,
    wrong,
    stop: () => {
      end.isOver = true;
      end.leave();
      return reading;
    },
  };
}

/** The id of the newest event. */
async function newest(socket: string, client: Client): Promise<number> {
  const since = Date.now() / 1000 - 0.001;
  await remove(client, await create(client, ['true']));
  const path = `/events?since=${since.toFixed(3)}&until=${(Date.now() / 1000 + 0.05).toFixed(3)}`;
  const { text } = await rest(socket, 'GET', { path });
  return (JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as Message).eventId;
}

test(
  `${COUNT} events, a slow reader, and the daemon killed ${KILLS} times: none is missing, none comes twice`,
  { ...requires('root', 'busybox', 'nftables', 'overlay', 'unshare') },
  async (t) => {
    const daemon = await startDaemon(t);
    const { socket } = daemon;
    using client = connectClient(socket, AT_ONCE);
    const ids = await Promise.all(Array.from({ length: AT_ONCE }, () => create(client, ['true'])));
    const first = await newest(socket, client);
    const account = createAccount();
    const reader = readSlowly(socket, first, account);
    const work = { begun: 0, answered: 0, behind: 0 };
    const rename = async (id: string): Promise<void> => {
      while (work.begun < COUNT) {
        work.begun += 1;
        const name = `n${work.begun}`;
        const path = `/containers/${id}/rename?name=${name}`;
        const isAnswered = await client.call('POST', path).then(
          () => true,
          () => false,
        );
        if (!isAnswered) {
          await alive(socket);
          continue;
        }
        work.answered += 1;
        account.answered(`${id} ${name}`);
        work.behind = Math.max(work.behind, work.answered - reader.state.count);
        while (work.answered - reader.state.count > MOST_BEHIND) await sleep(50);
      }
    };
    const kill = async (): Promise<void> => {
      for (let done = 1; done <= KILLS; done++) {
        await eventually('it is time', () => work.begun >= (COUNT * done) / (KILLS + 1), HOUR_MS);
        await daemon.kill9();
        await daemon.restart();
      }
    };
    const startedAt = performance.now();
    await Promise.all([...ids.map(rename), kill()]);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    const last = await newest(socket, client);
    await eventually('the reader has come to the end', () => reader.state.lastId >= last, 600_000);
    await reader.stop();
    const { count, connections } = reader.state;
    t.diagnostic(`${work.answered} of ${work.begun} answered in ${seconds} s, up to ${work.behind} ahead`);
    t.diagnostic(`${count} events on ${connections} connections`);
    assert.deepEqual(reader.wrong.slice(0, 5), []);
    assert.equal(count, last - first);
    const missing = account.unseen();
    assert.deepEqual(missing.slice(0, 5), [], `${missing.length} that were answered are never told`);
    assert.ok(connections > KILLS && work.answered > COUNT - KILLS * AT_ONCE - 1);
    for (const id of ids) await remove(client, id);
  },
);
