/** What a layer says of a container: whether it has a process, whether that is held, which it is. Undefined: it says nothing of it. */
export interface Said {
  readonly alive?: boolean;
  readonly paused?: boolean;
  readonly pid?: number;
  /** The whole id, of a layer that was asked by a name. */
  readonly id?: string;
  readonly exitCode?: number;
  /** In the layer's own word: `running`, `STOPPED`. */
  readonly word: string;
  /** Further facts, and what is wrong by themselves. */
  readonly facts: readonly string[];
  readonly faults: readonly string[];
}

/** One layer's answer, or why there is none. */
export type Answer =
  | { readonly kind: 'said'; readonly said: Said }
  /** It knows no such container, or has no such part. */
  | { readonly kind: 'unknown'; readonly text: string }
  /** Nobody is there. */
  | { readonly kind: 'down'; readonly text: string }
  /** Somebody is there and did not answer in time. */
  | { readonly kind: 'silent'; readonly text: string };

export interface Layer {
  readonly name: string;
  /** Called once; may throw, which is `down`. Whoever does not answer is left behind: `signal` is aborted by then. */
  ask(signal: AbortSignal): Promise<Answer>;
  /** What the kernel says of the process that should have answered. */
  whySilent(): string;
  /** What a person would type to ask it. */
  byHand(found: Found): readonly string[];
}

/** What is known of the container, by whatever layer. */
export interface Found {
  readonly id: string;
  readonly pid: number | undefined;
  readonly shimPid: number | undefined;
}

export interface Report {
  readonly layer: string;
  readonly answer: Answer;
  readonly tookMs: number;
  readonly byHand: readonly string[];
}

/** Where this daemon's parts are. */
export interface Roots {
  readonly execRoot: string;
  readonly dataRoot: string;
  /** Of the container in containerd's API. */
  readonly namespace: string;
}
