/** How repositories of the Hugging Face hub are named: `hf://owner/name@revision/path`, and models as `owner/name`. */

import { existsSync } from "node:fs";

import { ConfigError } from "../errors.ts";

export type RepositoryKind = "model" | "dataset";

export interface HubAddress {
  readonly kind: RepositoryKind;
  /** "owner/name". */
  readonly name: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Folder within the repository; "" for all of it. */
  readonly path: string;
}

const SCHEME = "hf://";
const NAME = "[A-Za-z0-9][\\w.-]*/[A-Za-z0-9][\\w.-]*";
const PLAIN = new RegExp(`^(?<name>${NAME})(?:@(?<revision>[^/\\s]+))?$`);
const WHOLE = new RegExp(
  `^(?:(?<kind>models|datasets)/)?(?<name>${NAME})(?:@(?<revision>[^/\\s]+))?(?:/(?<path>.+))?$`,
);

/** True for `hf://…`. */
export function isHubAddress(text: string): boolean {
  return text.startsWith(SCHEME);
}

/**
 * Whether a text names a repository of the hub and nothing on this machine: `hf://…`, or `owner/name` where no file or
 * folder has that path.
 */
export function isHubName(text: string): boolean {
  return isHubAddress(text) || (PLAIN.test(text) && !existsSync(text));
}

/** `kind` is what a text that does not say it means. A slash in a revision is written %2F. Throws ConfigError for what is no address. */
export function parseHubAddress(text: string, kind: RepositoryKind): HubAddress {
  const groups = isHubAddress(text)
    ? WHOLE.exec(text.slice(SCHEME.length))?.groups
    : PLAIN.exec(text)?.groups;
  const path = (groups?.["path"] ?? "").replace(/\/+$/, "");
  if (groups === undefined || path.split("/").includes("..")) {
    throw new ConfigError(`${text} is no address on the Hugging Face hub.`, {
      hint: "Write hf://owner/name, hf://owner/name@revision or hf://owner/name@revision/folder.",
    });
  }
  const said = groups["kind"];
  return {
    kind: said === undefined ? kind : said === "models" ? "model" : "dataset",
    name: groups["name"] ?? "",
    revision: decodeURIComponent(groups["revision"] ?? "main"),
    path,
  };
}

/** The repository's page, for people. */
export function pageOf({ kind, name }: Pick<HubAddress, "kind" | "name">, endpoint: string): string {
  return `${endpoint}/${kind === "dataset" ? "datasets/" : ""}${name}`;
}
