import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { Judge } from "./judge-load.ts";
import type { ServerFigures } from "./server-figures.ts";

/** A judge of so many slots that takes so long over a request, as a process of its own. */
export async function startJudge(
  slots: number,
  milliseconds: number,
): Promise<{ readonly judge: Judge; readonly child: ChildProcess }> {
  const script = join(import.meta.dirname, "slow-server.ts");
  const start = join(import.meta.dirname, "..", "..", "src", "from-source.mjs");
  const child = spawn(process.execPath, [start, script, String(slots), String(milliseconds)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [{ url }] = (await once(child, "message")) as [{ readonly url: string }];
  const figures = async (): Promise<ServerFigures> => {
    child.send("figures");
    const [said] = (await once(child, "message")) as [ServerFigures];
    return said;
  };
  return { judge: { url, slots, seconds: milliseconds / 1000, figures }, child };
}
