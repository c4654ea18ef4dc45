import { WherryError } from '../../common/errors.ts';
import { humanSize } from '../format/units.ts';
import { jsonLines, type Message } from './progress.ts';

const BAR_WIDTH = 50;
/** A narrower terminal gets numbers without a bar. */
const MIN_COLUMNS = 110;

/**
 * Draws a progress stream on a terminal as docker does: one line for each layer, rewritten in place. What has no id is printed below,
 * and layers that come after it get lines of their own. Throws what the stream reports as error.
 */
export async function drawProgress(
  body: AsyncIterable<Buffer>,
  screen: { readonly columns: () => number; readonly write: (text: string) => void },
): Promise<void> {
  let lines = new Map<string, number>();
  for await (const text of jsonLines(body)) {
    const message = JSON.parse(text) as Message;
    const failure = message.errorDetail?.message ?? message.error;
    if (failure !== undefined) throw new WherryError('internal', failure);
    if (message.status === undefined && message.stream === undefined) continue;
    if (message.id === undefined || message.progressDetail === undefined) {
      lines = new Map();
      screen.write(plain(message));
      continue;
    }
    screen.write(inPlace(lines, message.id, lineOf(message, screen.columns())));
  }
}

function plain({ stream, id, status = '' }: Message): string {
  if (stream !== undefined) return stream;
  return id === undefined ? `${status}\n` : `${id}: ${status}\n`;
}

/** Goes up to the line of this id, writes it anew, and comes back. */
function inPlace(lines: Map<string, number>, id: string, text: string): string {
  const known = lines.get(id);
  const line = known ?? lines.size;
  if (known === undefined) lines.set(id, line);
  const distance = lines.size - line;
  return `${known === undefined ? '\n' : ''}\u001b[${distance}A\u001b[2K\r${text}\r\u001b[${distance}B`;
}

/** `3c2cba919283: Downloading [==>   ]  1.2MB/3.4MB`. */
export function lineOf({ id = '', status = '', progressDetail = {} }: Message, columns: number): string {
  const { current = 0, total = 0 } = progressDetail;
  const head = `${id}: ${status} `;
  if (current <= 0 && total <= 0) return head;
  const done = humanSize(current, 4).padStart(8);
  if (total <= 0) return head + done;
  const numbers = current > total ? done : `${done}/${humanSize(total, 4)}`;
  if (columns <= MIN_COLUMNS) return head + numbers;
  const filled = Math.min(BAR_WIDTH, Math.floor(Math.floor((current / total) * 100) / 2));
  return `${head}[${'='.repeat(filled)}>${' '.repeat(BAR_WIDTH - filled)}] ${numbers}`;
}
