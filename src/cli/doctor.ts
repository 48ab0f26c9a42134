/** `earl doctor`: is this machine fit to train, and if not, what to do about it. */

import { mkdtempSync, rmSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { join } from "node:path";

import pc from "picocolors";

import { EarlError, EngineError } from "../errors.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { formatBytes } from "../format.ts";
import type { Surroundings } from "./surroundings.ts";

interface Finding {
  readonly state: "ok" | "note" | "problem";
  readonly detail: string;
  /** What to do about it. */
  readonly cure?: string;
}

export interface DoctorFlags {
  /** The device that must be there. */
  readonly device?: string;
}

/** What a check looks at is loaded by the check: a library that does not load is what it finds. */
type Check = (flags: DoctorFlags) => Promise<Finding> | Finding;

const GIB = 2 ** 30;
const OLDEST_NODE = [20, 19] as const;

const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ["node", checkNode],
  [
    "processor",
    () => ({ state: "ok", detail: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "?"}` }),
  ],
  ["memory", checkMemory],
  ["disk", checkDisk],
  ["folder", checkFolder],
  ["onnxruntime", checkOnnxruntime],
  ["webgpu", checkWebgpu],
  ["sharp", checkSharp],
  ["torch engine", checkTorch],
];

/** Prints a line a check. Throws EngineError where one found a problem. */
export async function doctor(flags: DoctorFlags, { stdout }: Surroundings): Promise<void> {
  let problems = 0;
  for (const [name, check] of CHECKS) {
    const finding = await examine(check, flags);
    if (finding.state === "problem") problems += 1;
    stdout.write(`${SIGNS[finding.state]} ${name.padEnd(12)} ${finding.detail}\n`);
    if (finding.cure !== undefined) stdout.write(`               → ${finding.cure}\n`);
  }
  if (problems > 0) {
    throw new EngineError(`${problems === 1 ? "A check" : `${problems} checks`} failed.`, {
      hint: "Follow the arrows above, then run `earl doctor` again.",
    });
  }
}

const SIGNS = { ok: pc.green("✓"), note: pc.yellow("·"), problem: pc.red("✗") } as const;

async function examine(check: Check, flags: DoctorFlags): Promise<Finding> {
  try {
    return await check(flags);
  } catch (error) {
    const detail = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    return { state: "problem", detail, cure: "Run `npm ci` again; if that does not help, report this line." };
  }
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNewEnough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (isNewEnough) return { state: "ok", detail: process.version };
  const cure = `Install Node ${OLDEST_NODE.join(".")} or newer.`;
  return { state: "problem", detail: `${process.version} is too old`, cure };
}

function checkMemory(): Finding {
  const detail = `${formatBytes(freemem())} free of ${formatBytes(totalmem())}`;
  if (totalmem() >= 2 * GIB) return { state: "ok", detail };
  return { state: "problem", detail, cure: "The demo needs 2 GiB; use a larger machine." };
}

async function checkDisk(): Promise<Finding> {
  const { bavail, bsize } = await statfs(".");
  const detail = `${formatBytes(bavail * bsize)} free here`;
  if (bavail * bsize >= GIB) return { state: "ok", detail };
  return { state: "problem", detail, cure: "Free 1 GiB, or run earl in a folder on another disk." };
}

function checkFolder(): Finding {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(".", ".earl-doctor-"));
    writeFileAtomically(join(folder, "trial"), "trial");
    return { state: "ok", detail: `${process.cwd()} can be written to` };
  } catch {
    const cure = "Run earl in a folder that you may write to; runs go to runs/ inside it.";
    return { state: "problem", detail: `${process.cwd()} cannot be written to`, cure };
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds a graph with our compiler and lets onnxruntime multiply two matrices whose product is known. */
async function checkOnnxruntime(): Promise<Finding> {
  const { compile } = await import("../tensor/compile.ts");
  const { input } = await import("../tensor/ops/leaves.ts");
  const { matmul } = await import("../tensor/ops/matmul.ts");
  const { Session } = await import("../tensor/session.ts");
  const graph = compile({ product: matmul(input("left", [2, 2]), input("right", [2, 2])) });
  await using session = await Session.open(graph);
  const { product } = await session.run({
    left: new Float32Array([1, 2, 3, 4]),
    right: new Float32Array([5, 6, 7, 8]),
  });
  const found = Array.from(product ?? [], Number).join(" ");
  if (found === "19 22 43 50") return { state: "ok", detail: "multiplies a matrix" };
  return { state: "problem", detail: `a matrix product came out as ${found}`, cure: "Run `npm ci` again." };
}

async function checkWebgpu({ device }: DoctorFlags): Promise<Finding> {
  const { EngineSettings, openEngineHost } = await import("../engine/open-engine-host.ts");
  try {
    const host = await openEngineHost(EngineSettings.parse({ kind: "onnx", device: "webgpu" }));
    await host[Symbol.asyncDispose]();
    return { state: "ok", detail: "doubles a number" };
  } catch (fault) {
    if (!(fault instanceof EarlError)) throw fault;
    const { message: detail, hint: cure } = fault;
    if (device !== "webgpu") return { state: "note", detail };
    return { state: "problem", detail, ...(cure === undefined ? {} : { cure }) };
  }
}

const TORCH_ABOUT =
  "import sys, torch, ray; gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]; " +
  "print(f'Python {sys.version.split()[0]}, torch {torch.__version__}, Ray {ray.__version__}, ' + (', '.join(gpus) or 'no GPU'))";

async function checkTorch(): Promise<Finding> {
  const { requirePython } = await import("../engine/torch/python-environment.ts");
  const { execFile } = await import("node:child_process");
  let python: string;
  try {
    python = requirePython("");
  } catch (fault) {
    if (!(fault instanceof EarlError)) throw fault;
    // Only engine.kind: torch needs it.
    return {
      state: "note",
      detail: fault.message,
      ...(fault.hint === undefined ? {} : { cure: fault.hint }),
    };
  }
  return new Promise((resolve) => {
    execFile(python, ["-c", TORCH_ABOUT], { timeout: 60_000 }, (fault, stdout, stderr) => {
      const said = (fault === null ? stdout : stderr).trim().split("\n").at(-1) ?? "";
      resolve(
        fault === null
          ? { state: "ok", detail: said }
          : {
              state: "problem",
              detail: `${python}: ${said}`,
              cure: "Remove its folder and run `earl engine install`.",
            },
      );
    });
  });
}

async function checkSharp(): Promise<Finding> {
  const { default: sharp } = await import("sharp");
  const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const { data } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  if (data[0] === 255 && data[1] === 0) return { state: "ok", detail: "writes and reads a picture" };
  return {
    state: "problem",
    detail: "a red picture came back in another colour",
    cure: "Run `npm ci` again.",
  };
}
