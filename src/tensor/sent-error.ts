/**
 * Errors between threads. Structured cloning keeps an error's message and loses its class: ours come back as what they
 * were, hint and causes included, since whoever catches them acts by that; a system's error keeps its code and path.
 */

import * as errors from "../errors.ts";

export interface SentError {
  readonly kind: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly hint: string | undefined;
  /** Of a system's error. */
  readonly code: string | undefined;
  readonly path: string | undefined;
  readonly cause: SentError | undefined;
}

type EarlErrorClass = new (message: string, details: errors.ErrorDetails) => errors.EarlError;

/** Every class of errors.ts that is thrown, by name. */
const CLASSES = new Map<string, EarlErrorClass>(
  Object.values(errors)
    .filter((kind) => kind !== errors.EarlError && kind.prototype instanceof errors.EarlError)
    .map((kind) => [kind.name, kind as unknown as EarlErrorClass]),
);

export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { ...NOTHING, kind: "Error", message: String(error) };
  const field = (name: string): string | undefined => {
    const value: unknown = name in error ? (error as unknown as Record<string, unknown>)[name] : undefined;
    return typeof value === "string" ? value : undefined;
  };
  return {
    kind: error.name,
    message: error.message,
    stack: error.stack,
    hint: error instanceof errors.EarlError ? error.hint : undefined,
    code: field("code"),
    path: field("path"),
    cause: error.cause === undefined ? undefined : sentError(error.cause),
  };
}

const NOTHING = { stack: undefined, hint: undefined, code: undefined, path: undefined, cause: undefined };

export function receivedError(sent: SentError): Error {
  const { kind, message, stack, hint, code, path } = sent;
  const cause = sent.cause === undefined ? undefined : receivedError(sent.cause);
  const Kind = CLASSES.get(kind);
  const error =
    Kind === undefined
      ? new Error(message, cause === undefined ? undefined : { cause })
      : new Kind(message, { ...(hint !== undefined && { hint }), ...(cause !== undefined && { cause }) });
  if (stack !== undefined) error.stack = stack;
  if (Kind === undefined) {
    error.name = kind;
    if (code !== undefined) Object.assign(error, { code });
    if (path !== undefined) Object.assign(error, { path });
  }
  return error;
}
