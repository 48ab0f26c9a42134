/** One request to a judge's server and what became of it. A verdict is reached after one or several. */

/** What a request came to. */
export type AttemptStatus =
  | "answered"
  /** A reply came, and nothing can be made of it: asked again, for another reply. */
  | "unparsable"
  | "truncated"
  | "refused"
  | "empty"
  | "malformed"
  | "too-large"
  /** No reply came, and may come later: sent again after a while. */
  | "timeout"
  | "connection"
  | "throttled"
  | "server-error"
  /** The server will not answer this request, however often it is sent. */
  | "rejected";

export interface Attempt {
  /** The server's address, without anything secret. */
  readonly endpoint: string;
  readonly status: AttemptStatus;
  /** From sending to the end of the reply. */
  readonly seconds: number;
  /** HTTP status, where a reply came. */
  readonly http?: number;
  /** What was wrong with it. */
  readonly reason?: string;
}

/** Tokens that a server counted; 0 where it did not. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0 };

/** What one request came to, before it is known whether to try again. */
export type Outcome<Answer> =
  | { readonly status: "answered"; readonly answer: Answer; readonly usage: Usage }
  | {
      readonly status: Exclude<AttemptStatus, "answered">;
      readonly reason: string;
      readonly http?: number;
      /** What the server asked to wait, in milliseconds. */
      readonly retryAfterMs?: number;
      /** The next request asks for less, for what this server does not offer: it is sent at once. */
      readonly isConceded?: boolean;
      readonly usage?: Usage;
    };

/** Whose turn it is after a request that was not answered: the model's at once, the server's later, or nobody's. */
export function remedyFor(status: Exclude<AttemptStatus, "answered">): "ask-again" | "later" | "give-up" {
  switch (status) {
    case "unparsable":
    case "truncated":
    case "refused":
    case "empty":
    case "malformed":
    case "too-large":
      return "ask-again";
    case "timeout":
    case "connection":
    case "throttled":
    case "server-error":
      return "later";
    case "rejected":
      return "give-up";
    default:
      return status satisfies never;
  }
}
