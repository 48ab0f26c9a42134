/** What the bench's judge says of itself, all of it since it started. Seconds. */
export interface ServerFigures {
  /** Requests that were answered. */
  readonly served: number;
  /** Slots' time with a request in them. */
  readonly busy: number;
  readonly cpu: number;
  /** On the server's clock. */
  readonly at: number;
}
