/** A number of processors in billionths: `1.5` is 1500000000. */
export function parseCpus(text: string): number {
  if (!/^\d*\.?\d+$/.test(text)) throw new Error(`failed to parse ${text} as a rational number`);
  if ((text.split('.')[1] ?? '').replace(/0+$/, '').length > 9) throw new Error('value is too precise');
  return Math.round(Number(text) * 1e9);
}
