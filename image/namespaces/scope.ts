/** Who asks: a namespace, and the lease that gets what is made. */
export interface Scope {
  readonly namespace: string;
  readonly lease: string | undefined;
}
