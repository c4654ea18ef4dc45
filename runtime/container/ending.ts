/** Linux's signals in Go's words (syscall.Signal.String), which runc's messages have. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: 'hangup',
  2: 'interrupt',
  3: 'quit',
  4: 'illegal instruction',
  5: 'trace/breakpoint trap',
  6: 'aborted',
  7: 'bus error',
  8: 'floating point exception',
  9: 'killed',
  10: 'user defined signal 1',
  11: 'segmentation fault',
  12: 'user defined signal 2',
  13: 'broken pipe',
  14: 'alarm clock',
  15: 'terminated',
  31: 'bad system call',
};
const SIGNAL_BITS = 0x7f;
const DUMPED_BIT = 0x80;

/** How a process ended by its wait status, as Go's os/exec says it: `exit status 1`, `signal: killed`. */
export function endingOf(status: number): string {
  const signal = status & SIGNAL_BITS;
  if (signal === 0) return `exit status ${(status >> 8) & 0xff}`;
  const dumped = (status & DUMPED_BIT) === 0 ? '' : ' (core dumped)';
  return `signal: ${SIGNALS[signal] ?? `signal ${signal}`}${dumped}`;
}
