/**
 * manifest.json: what a reproducibility review asks of an experiment. What kind of research it is, on which data
 * and splits, with which software on which hardware, from which commit and seeds, and how it was set up.
 */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { z } from "zod";

import type { BrokenRowsRecord } from "../data/broken-rows.ts";
import type { FileFingerprint } from "../data/fingerprint.ts";
import { DataError } from "../errors.ts";
import { isoTime, type Clock } from "./clock.ts";
import { readJson } from "./run-directory.ts";

export interface Software {
  readonly earl: string;
  readonly node: string;
  readonly system: string;
  /** Every package that is installed for running, with its version. */
  readonly packages: Readonly<Record<string, string>>;
}

export interface Hardware {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly device: string;
}

interface Sitting {
  /** UTC, ISO 8601. */
  readonly startedAt: string;
  /** Commit of the checkout, with "+changes" where files differ from it; absent in an installed package. */
  readonly commit: string | undefined;
  readonly software: Software;
  readonly hardware: Hardware;
}

export interface Manifest extends Sitting {
  readonly name: string;
  readonly command: string;
  readonly researchType: string;
  /** How the experiment was set up, in sentences. */
  readonly setup: readonly string[];
  readonly seeds: Readonly<Record<string, number>>;
  readonly data: readonly FileFingerprint[];
  /** What became of the rows of each split, as of the last checkpoint or the end; absent in earlier versions. */
  readonly rows?: readonly BrokenRowsRecord[];
  /** What the run's reward says of itself: a judge's model, hashes of its prompts, a module's hash. */
  readonly reward: Readonly<Record<string, string>>;
  /** What the dataset's own dataset.json says about how it was made; absent where it has none. */
  readonly dataset: unknown;
  /** Each split that was read: what was declared, how many rows it gives, what was left out, and on which terms it may be used. */
  readonly datasets?: readonly {
    readonly split: string;
    /** As the config says it. */
    readonly declared: unknown;
    /** Rows that a run may be given, those that turn out to be broken included. */
    readonly rows: number;
    readonly files: number;
    /** Left out because an earlier row has their id. */
    readonly repeated: number;
    /** Commands that draw again what of it a program drew. */
    readonly generated?: readonly string[];
    /** What else was left out or not read, in sentences. */
    readonly filters: readonly string[];
    /** Of a mixture. */
    readonly sources?: readonly { name: string; weight: number; rows: number; taken: number }[];
    /** Of published datasets. */
    readonly terms?: readonly {
      source?: string;
      title: string;
      licence: string;
      page: string;
      gating?: string;
    }[];
  }[];
  /** Edits that each stage is to draw, repetitions included. */
  readonly drawn?: Readonly<Record<string, number>>;
  /** Repositories of the Hugging Face hub that were used, each at the commit that its revision stood for. */
  readonly hub?: readonly {
    readonly name: string;
    readonly kind: "model" | "dataset";
    readonly commit: string;
  }[];
  /** One entry a --resume. */
  readonly resumed: readonly (Sitting & { readonly stage: string; readonly step: number })[];
}

/** Reads a run's manifest. Throws DataError when it is missing or damaged. */
export function readManifest(path: string): Manifest {
  const value = readJson(path);
  if (isManifest(value)) return value;
  throw new DataError(`${path} is not the manifest of a run.`, {
    hint: "Check that the folder is a run of earl and was copied whole.",
  });
}

/** earl alone writes manifests, so the parts are taken on trust. */
function isManifest(value: unknown): value is Manifest {
  return typeof value === "object" && value !== null && "software" in value && "resumed" in value;
}

/** What the run itself has to say; the rest is looked up. */
export type ManifestFacts = Pick<
  Manifest,
  | "name"
  | "command"
  | "setup"
  | "seeds"
  | "data"
  | "rows"
  | "reward"
  | "dataset"
  | "datasets"
  | "drawn"
  | "hub"
> & {
  readonly device: string;
};

export function createManifest(facts: ManifestFacts, clock: Clock): Manifest {
  const { device, ...rest } = facts;
  return {
    ...rest,
    researchType: "Experiment: a policy is trained and measured on held-out examples, by the program alone.",
    startedAt: isoTime(clock.now()),
    commit: gitCommit(),
    software: software(),
    hardware: {
      processor: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
      device,
    },
    resumed: [],
  };
}

const PackageJson = z.object({
  version: z.string().default("unknown"),
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});

/** The folder of the installed earl package, found upwards from this file. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

function readPackage(folder: string): z.infer<typeof PackageJson> {
  return PackageJson.parse(readJson(join(folder, "package.json")));
}

function software(): Software {
  const root = packageRoot();
  return {
    earl: readPackage(root).version,
    node: process.version,
    system: `${process.platform} ${release()} ${process.arch}`,
    packages: installedPackages(root),
  };
}

/**
 * Versions of all packages that those in `root` need to run, read from where Node would load them; several versions
 * of one package are joined by a comma. Optional ones that are not installed are left out.
 */
export function installedPackages(root: string): Record<string, string> {
  const versions = new Map<string, Set<string>>();
  const seen = new Set<string>();
  const queue = [root];
  for (const folder of queue) {
    const { dependencies, optionalDependencies } = readPackage(folder);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const found = findPackage(name, folder);
      if (found === undefined || seen.has(found)) continue;
      seen.add(found);
      queue.push(found);
      const known = versions.get(name) ?? new Set();
      versions.set(name, known.add(readPackage(found).version));
    }
  }
  const sorted = [...versions].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, found]) => [name, [...found].toSorted().join(", ")]));
}

function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Absent without git, or where the package does not lie in a checkout of its own. */
function gitCommit(): string | undefined {
  const root = packageRoot();
  if (!existsSync(join(root, ".git"))) return undefined;
  const git = (...words: string[]): string =>
    execFileSync("git", ["-C", root, ...words], {
      encoding: "utf8",
      timeout: 5000,
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    return git("rev-parse", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+changes");
  } catch {
    return undefined;
  }
}
