/** Whether `done` resolves in time. `timeoutMs` below 0 waits for ever. */
export async function within(timeoutMs: number, done: Promise<unknown>): Promise<boolean> {
  if (timeoutMs < 0) {
    await done;
    return true;
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
