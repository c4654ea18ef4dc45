import { Session } from 'node:inspector/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { getHeapSnapshot, getHeapStatistics } from 'node:v8';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../../../../common/errors.ts';
import { sendJson, type Door } from '../door.ts';
import type { Query } from '../query.ts';
import { integer } from '../query.ts';

const DEFAULT_SECONDS = 30;

/**
 * Docker's debug endpoints, there only while `debug` is on: `/debug/vars`, and in place of Go's profiles V8's, to be opened with Chrome's
 * developer tools: `/debug/pprof/profile?seconds=N` (.cpuprofile) and `/debug/pprof/heap` (.heapsnapshot; the daemon stands still
 * while it is taken).
 */
export function debugRoutes(app: FastifyInstance, door: Door): void {
  const check = (): void => {
    if (!door.info.debug) throw notFound('page not found');
  };
  app.get('/debug/vars', (_request, reply) => {
    check();
    return sendJson(reply, {
      cmdline: process.argv,
      memory: process.memoryUsage(),
      heap: getHeapStatistics(),
      resources: process.resourceUsage(),
      active: process.getActiveResourcesInfo(),
    });
  });
  app.get<{ Querystring: Query }>('/debug/pprof/profile', async (request, reply) => {
    check();
    const seconds = integer(request.query, 'seconds') ?? DEFAULT_SECONDS;
    return sendJson(reply, await profile(seconds * 1000));
  });
  app.get('/debug/pprof/heap', (_request, reply) => {
    check();
    return reply.header('content-type', 'application/octet-stream').send(getHeapSnapshot());
  });
}

async function profile(ms: number): Promise<object> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    await delay(ms);
    const { profile: taken } = await session.post('Profiler.stop');
    return taken;
  } finally {
    session.disconnect();
  }
}
