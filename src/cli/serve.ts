/** `earl serve [RUN]`: the page's server, until it is interrupted. */

import { randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";

import { DataError } from "../errors.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import { isLoopback } from "../serve/guard.ts";
import { listen } from "../serve/listen.ts";
import { pageServer } from "../serve/page-server.ts";
import { Playground } from "../serve/playground.ts";
import { RunShelf } from "../serve/run-shelf.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { locateRun } from "./locate-run.ts";
import type { Surroundings } from "./surroundings.ts";

export interface ServeFlags {
  readonly port?: number;
  readonly host: string;
  readonly device?: string;
}

/** The folder of runs that a path means, and the run in it that the page opens with. */
interface Shown {
  readonly folder: string;
  readonly first?: string | undefined;
}

/** Serves until SIGINT or SIGTERM. Throws DataError for a path that is no folder, ConfigError for a port that is taken. */
export async function serve(
  run: string | undefined,
  { port, host, device }: ServeFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { folder, first } = shownBy(run);
  const token = isLoopback(host) ? undefined : randomBytes(16).toString("hex");
  await using shelf = new RunShelf(folder);
  // A long run is read while its reader opens the page.
  if (first !== undefined) shelf.watch(first);
  await using playground = new Playground(folder, device);
  using interrupt = listenForInterrupt(surroundings, { says: "Closing the page." });
  await using server = await listen(pageServer({ shelf, playground, first, token }), { host, port });
  const query = token === undefined ? "" : `?token=${token}`;
  surroundings.stdout.write(`http://${host.includes(":") ? `[${host}]` : host}:${server.port}/${query}\n`);
  surroundings.stderr.write(`Runs of ${folder}. Ctrl-C ends the page; runs go on without it.\n`);
  await new Promise<void>((end) => {
    if (interrupt.signal.aborted) end();
    else interrupt.signal.addEventListener("abort", () => end());
  });
}

function shownBy(run: string | undefined): Shown {
  if (run === undefined) return { folder: "runs" };
  const path = locateRun(run);
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new DataError(`${run} is no folder.`, {
      hint: "Give a run's folder or a folder of runs; `earl ls` lists them.",
    });
  }
  if (!new RunDirectory(path).exists()) return { folder: path };
  const whole = resolve(path);
  return { folder: dirname(whole), first: basename(whole) };
}
