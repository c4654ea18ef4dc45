import { join } from 'node:path';
import type { ContentStore } from '../../content.ts';

/** Where contents are on their way in: a file a reference, which lives as long as its row. */
export const writingDirectory = ({ root }: Pick<ContentStore, 'root'>): string => join(root, 'writing');
