/** The twelve digits that clients print of an id or digest. */
export const shortId = (id: string): string => id.replace(/^[a-z0-9]+:/, '').slice(0, 12);
