/** What went wrong between the hub and us, in words. */

import { HubApiError } from "@huggingface/hub";

import type { HubEnvironment } from "../config/env.ts";
import { DataError, EarlError } from "../errors.ts";
import { pageOf, type HubAddress } from "./hub-address.ts";

export interface HubPlace {
  readonly address: HubAddress;
  readonly environment: HubEnvironment;
  /** Absent where the repository itself was asked for. */
  readonly file?: string;
}

/** The hub has no such repository, revision or file, or does not say so to this account. */
export class NotOnHub extends DataError {}

/** True for an answer that may be another one in a moment. */
export function isPassing(cause: unknown): boolean {
  if (!(cause instanceof HubApiError)) return false;
  const { statusCode: status } = cause;
  return status === 408 || status === 429 || status >= 500;
}

/** Errors that are ours already stay as they are. The token is in none. */
export function hubFault(cause: unknown, { address, environment, file }: HubPlace): unknown {
  if (cause instanceof EarlError) return cause;
  const { name, revision } = address;
  const { endpoint, token } = environment;
  const page = pageOf(address, endpoint);
  const what = file === undefined ? name : `${file} of ${name}`;
  // A folder that is not there looks like a model's name: runs/demo, with a slip of the keyboard in it.
  const here = address.kind === "model" && file === undefined ? ` There is no folder ${name} here.` : "";
  if (!(cause instanceof HubApiError)) {
    const reason =
      cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : String(cause);
    return new DataError(`${what} cannot be fetched from ${endpoint}: ${reason}.`, {
      hint: `Check the network, then run the same command again: it goes on where it was. HF_HUB_OFFLINE=1 does without.${here}`,
      cause,
    });
  }
  const { statusCode: status } = cause;
  if (status === 401 || status === 403) {
    const hint =
      token === undefined
        ? `Ask for access at ${page}, and set HF_TOKEN to a token of that account.`
        : `Ask for access at ${page} with the account of your token, or give another one in HF_TOKEN.`;
    return new NotOnHub(`${what} is gated, private or not there: the hub says ${status}.`, {
      hint: `${hint}${here}`,
    });
  }
  if (status === 404) {
    return new NotOnHub(`The hub has no ${address.kind} ${what} at ${revision}.`, {
      hint: `Look at ${page}. Datasets are written hf://owner/name, models owner/name.${here}`,
    });
  }
  return new DataError(`${what} cannot be fetched: the hub says ${status}.`, { hint: "Try again later." });
}
