import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Ctx } from '../../../common/ctx.ts';
import type { Engine } from '../../core/contract.ts';
import type { CreateDefaults } from './convert/to-create.ts';
import type { DoorInfo } from './convert/system.ts';

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

/** Sends docker's JSON: a newline at its end, and as bytes, since fastify gives a text a charset and clients compare the type. */
export function sendJson(reply: FastifyReply, value: unknown, status = 200): FastifyReply {
  return sendJsonText(reply.code(status), `${JSON.stringify(value)}\n`);
}

/** The same for JSON that is text already. */
export const sendJsonText = (reply: FastifyReply, json: string): FastifyReply =>
  reply.header('content-type', 'application/json').send(Buffer.from(json));

export const sendNothing = (reply: FastifyReply): FastifyReply => reply.code(204).send();

/** The name in a path; clients may write a container's with its slash. */
export const nameOf = (request: FastifyRequest<Named>): string => request.params.name;
