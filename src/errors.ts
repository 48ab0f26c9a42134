/**
 * The errors earl throws on purpose. Each says what happened and where (message) and what to do next (hint).
 * The command line prints both and exits with `exitCode`; anything else that is thrown is a defect of ours.
 */

export interface ErrorDetails {
  /** What the reader can do about it, in one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * Base of every expected error. `exitCode` is what the command line ends with: 2 where something has to change before
 * the same command can work (input, settings, machine or judge), 1 where it worked and the answer is no
 * (AgreementError). Defects end with 1 too, and with a stack; work that was stopped with 130.
 */
export abstract class EarlError extends Error {
  abstract readonly code: string;
  readonly exitCode: number = 2;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.hint = details.hint;
  }
}

/** A setting, a flag or a combination of them that cannot work. */
export class ConfigError extends EarlError {
  readonly code = "config";
}

/** A picture, dataset or text that is missing, corrupt or out of range. */
export class DataError extends EarlError {
  readonly code = "data";
}

/** Tensors whose shapes do not fit together. */
export class ShapeError extends EarlError {
  readonly code = "shape";
}

/** A device or session that cannot do what was asked of it. */
export class EngineError extends EarlError {
  readonly code = "engine";
}

/** A judge that stayed away, or failed too often to go on. */
export class JudgeError extends EarlError {
  readonly code = "judge";
  /** True where servers stayed away, so that waiting may help. */
  readonly isOutage: boolean;

  constructor(message: string, { isOutage = false, ...details }: ErrorDetails & { isOutage?: boolean } = {}) {
    super(message, details);
    this.isOutage = isOutage;
  }
}

/** A checkpoint that is missing, damaged or made for another policy. */
export class CheckpointError extends EarlError {
  readonly code = "checkpoint";
}

/** Numbers that differ from another system's by more than they may. */
export class AgreementError extends EarlError {
  readonly code = "agreement";
  override readonly exitCode: number = 1;
}

/** Work that was interrupted and left everything in order. Exit code 130, as shells expect of SIGINT. */
export class Interrupted extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = "Interrupted";
    this.hint = hint;
  }
}
