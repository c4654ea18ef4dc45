/** One program run of a foreign suite: the smallest part of it that can be started alone. */
export interface Unit {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

/** What a unit ended with, by name: unique in its suite, and the same in every run. */
export interface Result {
  readonly test: string;
  readonly outcome: 'passed' | 'skipped' | 'failed';
  /** Why it was skipped, or what a failed test wrote. */
  readonly detail: string;
}

/** A public suite that is built outside the repository; its directory is what `variable` names. */
export interface Suite {
  readonly name: string;
  readonly variable: string;
  /** Throws when `directory` doesn't hold the suite, built. */
  units(directory: string, runtime: string): Promise<Unit[]>;
  results(unit: Unit, output: string, code: number): Result[];
}
