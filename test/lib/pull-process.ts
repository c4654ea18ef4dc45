/** A store in a process of its own that pulls one image: `pull-process.ts <data root> <reference>`. For tests that kill it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { argv } from 'node:process';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { openDatabase } from '../../common/sqlite.ts';
import { openImageStore } from '../../image/store.ts';
import { plainRegistries, pullFrom } from './pulling.ts';

const [, , dataRoot = '', reference = ''] = argv;
await mkdir(dataRoot, { recursive: true });
const db = openDatabase(join(dataRoot, 'meta.db'));
const store = await openImageStore({ dataRoot, db, log: silentLog, transfers: plainRegistries() });
await pullFrom({ store, ctx: makeCtx(silentLog) }, reference);
await store.close();
db.close();
