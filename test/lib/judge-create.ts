import type { FieldCase } from './create-fields.ts';
import { judgeRefusal } from './field-cases.ts';
import { eventually } from './process.ts';
import { rest, type Answer } from './rest.ts';
import { outputOf } from './rest-output.ts';

const post = (socket: string, path: string, body?: object): Promise<Answer> =>
  rest(socket, 'POST', { path, body });

/** Makes a container with it, and looks. Undefined when it is as it should be. */
export async function judgeCreate(socket: string, asked: FieldCase): Promise<string | undefined> {
  const script = asked.runs === true ? 'sleep 1000' : (asked.script ?? 'true');
  const body = { Image: 'busybox', Cmd: ['sh', '-c', script], ...asked.ask };
  const prefix = asked.version === undefined ? '' : `/${asked.version}`;
  const made = await post(socket, `${prefix}/containers/create`, body);
  if (made.status !== 201) return judgeRefusal(asked, made);
  const { Id, Warnings } = made.json<{ Id: string; Warnings: string[] }>();
  if (asked.warned?.test(Warnings.join('\n')) === true) return undefined;
  if (asked.shows !== undefined && asked.runs !== true) return judgeInspect(socket, asked, Id);
  const started = await post(socket, `/containers/${Id}/start`);
  if (started.status !== 204) return judgeRefusal(asked, started);
  if (asked.refused !== undefined && asked.says === undefined) return 'it is not refused';
  if (asked.shows !== undefined) return judgeInspect(socket, asked, Id);
  await post(socket, `/containers/${Id}/wait`);
  const output = await outputOf(socket, Id);
  return asked.says?.test(output.trim()) === true ? undefined : `it says ${output}`;
}

/** What a running container shows may come a little later. */
const judgeInspect = async (
  socket: string,
  { shows }: FieldCase,
  id: string,
): Promise<string | undefined> => {
  let text = '';
  const look = async (): Promise<boolean> => {
    ({ text } = await rest(socket, 'GET', { path: `/containers/${id}/json` }));
    return shows?.test(text) === true;
  };
  return eventually('inspect shows it', look, 10_000).then(
    () => undefined,
    () => `inspect shows ${text}`,
  );
};
