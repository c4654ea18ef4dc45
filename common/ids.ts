import { customAlphabet } from 'nanoid';

/** A container, network or exec id: 64 lower-case hex digits, 256 random bits. */
export const newId: () => string = customAlphabet('0123456789abcdef', 64);

/** The first 12 digits, as every client prints it. */
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);
