import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Ctx } from '../../../common/ctx.ts';
import type { Engine } from '../../core/contract.ts';
import type { CreateDefaults } from './wire/to-create.ts';
import type { DoorInfo } from './wire/system.ts';

/** What every route works with. */
export interface Door {
  readonly engine: Engine;
  /** Of the daemon: an operation goes on when its client leaves, unless it only streams to it. */
  readonly ctx: Ctx;
  readonly defaults: CreateDefaults;
  readonly info: DoorInfo;
}

/** Routes under a name: `request.params.name`. */
export interface Named {
  Params: { readonly name: string };
}

/** Sends docker's JSON: no charset in its type, a newline at its end. */
export function sendJson(reply: FastifyReply, value: unknown, status = 200): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .send(`${JSON.stringify(value)}\n`);
}

export const sendNothing = (reply: FastifyReply): FastifyReply => reply.code(204).send();

/** The name in a path; clients may write a container's with its slash. */
export const nameOf = (request: FastifyRequest<Named>): string => request.params.name;
