import type { LogChunk, LogsRequest } from '../contract.ts';
import { formatTimeFixed } from '../time.ts';
import { parseEntry } from './entry.ts';
import { appendUnescaped } from './unescape.ts';

/** Turns lines of a json-file log into what a client gets. */
export interface Renderer {
  /** Whole lines with their newlines. The chunks own their bytes. `ended`: a line is beyond `until`. */
  render(lines: Buffer): { readonly chunks: readonly LogChunk[]; readonly ended: boolean };
}

type Stream = LogChunk['stream'];

/** How the shim ends a line without attributes: stream and a time of 30 characters (native/c/log.c, write_line). */
const HEAD = Buffer.from('{"log":"');
const STREAM_KEY = Buffer.from('","stream":"std');
const TIME_KEY = Buffer.from('","time":"');
const TIME_LENGTH = 30;
const TAIL_LENGTH = 60;
const STREAM_AT = 15;
const TIME_KEY_AT = 18;
const TIME_AT = 28;
const NEWLINE = 10;
const SPACE = 32;
const LETTER_O = 0x6f;

interface Sink {
  readonly out: Buffer;
  readonly chunks: LogChunk[];
  stream: Stream;
  from: number;
  at: number;
}

export function renderer(
  request: Pick<LogsRequest, 'stdout' | 'stderr' | 'timestamps' | 'details' | 'sinceNs' | 'untilNs'>,
): Renderer {
  const since = request.sinceNs === undefined ? undefined : Buffer.from(formatTimeFixed(request.sinceNs));
  const until = request.untilNs === undefined ? undefined : Buffer.from(formatTimeFixed(request.untilNs));
  const wanted = (stream: Stream): boolean => (stream === 'stdout' ? request.stdout : request.stderr);

  /** The shim's own form, without building a string. False: not of that form. */
  const renderPlain = (lines: Buffer, line: Line, sink: Sink): boolean => {
    const tail = line.end - TAIL_LENGTH;
    if (request.details || !isPlain(lines, line.start, tail)) return false;
    const stream: Stream = lines[tail + STREAM_AT] === LETTER_O ? 'stdout' : 'stderr';
    const time = tail + TIME_AT;
    const timeEnd = time + TIME_LENGTH;
    if (until !== undefined && lines.compare(until, 0, TIME_LENGTH, time, timeEnd) > 0) line.beyond = true;
    else if (
      wanted(stream) &&
      !(since !== undefined && lines.compare(since, 0, TIME_LENGTH, time, timeEnd) < 0)
    ) {
      select(sink, stream);
      if (request.timestamps) {
        sink.at += lines.copy(sink.out, sink.at, time, timeEnd);
        sink.out[sink.at++] = SPACE;
      }
      sink.at = appendUnescaped(sink.out, sink.at, {
        from: lines,
        start: line.start + HEAD.length,
        end: tail,
      });
    }
    return true;
  };

  const renderAny = (lines: Buffer, line: Line, sink: Sink): void => {
    const entry = parseEntry(lines.toString('utf8', line.start, line.end));
    if (entry === undefined) return;
    if (request.untilNs !== undefined && entry.timeNs > request.untilNs) line.beyond = true;
    else if (wanted(entry.stream) && (request.sinceNs === undefined || entry.timeNs >= request.sinceNs)) {
      const time = request.timestamps ? `${formatTimeFixed(entry.timeNs)} ` : '';
      const details = request.details ? `${formatDetails(entry.attrs)} ` : '';
      flush(sink);
      sink.chunks.push({ stream: entry.stream, data: Buffer.from(time + details + entry.log) });
    }
  };

  return {
    render: (lines) => {
      // What comes out is never longer than what goes in: a timestamp is shorter than the JSON around it.
      const sink: Sink = {
        out: Buffer.allocUnsafe(lines.length),
        chunks: [],
        stream: 'stdout',
        from: 0,
        at: 0,
      };
      const line: Line = { start: 0, end: 0, beyond: false };
      while (line.start < lines.length && !line.beyond) {
        const newline = lines.indexOf(NEWLINE, line.start);
        line.end = newline < 0 ? lines.length : newline;
        if (!renderPlain(lines, line, sink)) renderAny(lines, line, sink);
        line.start = line.end + 1;
      }
      flush(sink);
      return { chunks: sink.chunks, ended: line.beyond };
    },
  };
}

interface Line {
  start: number;
  /** Of its newline. */
  end: number;
  beyond: boolean;
}

function isPlain(lines: Buffer, start: number, tail: number): boolean {
  return (
    tail >= start + HEAD.length &&
    equals(lines, start, HEAD) &&
    equals(lines, tail, STREAM_KEY) &&
    equals(lines, tail + TIME_KEY_AT, TIME_KEY)
  );
}

function equals(lines: Buffer, at: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i += 1) if (lines[at + i] !== text[i]) return false;
  return true;
}

/** Lines of one stream in a row go out in one chunk. */
function select(sink: Sink, stream: Stream): void {
  if (sink.stream === stream) return;
  flush(sink);
  sink.stream = stream;
}

function flush(sink: Sink): void {
  if (sink.at > sink.from)
    sink.chunks.push({ stream: sink.stream, data: sink.out.subarray(sink.from, sink.at) });
  sink.from = sink.at;
}

/** `k=v,k2=v2`, sorted, each part as in a URL's query (Go's url.QueryEscape). */
function formatDetails(attrs: Readonly<Record<string, string>>): string {
  return Object.entries(attrs)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${queryEscape(name)}=${queryEscape(value)}`)
    .join(',');
}

const queryEscape = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
