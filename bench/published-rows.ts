/**
 * Every published benchmark in one command, on the rows that tests have of them, without anything to fetch: layouts as
 * published, a checkpoint in Emu3's layout with random weights, small random CLIP and DINO from transformers' files, and a
 * judge on loopback that scores by brightness. The figures say that all of it works, and nothing else.
 *
 *   node src/from-source.mjs bench/published-rows.ts [--out folder]
 */

import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { rowSettings } from "../test/benchmark-layouts/row-settings.ts";
import { JudgeServer } from "../test/judge-server/judge-server.ts";
import { lookingJudge } from "../test/judge-server/looking-judge.ts";
import { earlCommand } from "../test/run-earl.ts";
import { writeTransformersCheckpoint } from "../test/small/emu3-checkpoint.ts";

const { values } = parseArgs({ options: { out: { type: "string" } } });
const folder = values.out ?? mkdtempSync(join(tmpdir(), "earl-published-rows-"));
await writeTransformersCheckpoint(join(folder, "emu3"));
await using server = await JudgeServer.start(lookingJudge);
writeFileSync(join(folder, "rows.yaml"), JSON.stringify(rowSettings(folder, server.url)));
const words = ["benchmark", "all", "--partial", "--config", join(folder, "rows.yaml"), "--copy"];
const places = ["--checkpoint", join(folder, "emu3"), "--out", join(folder, "tables")];
const child = spawn(...earlCommand(...words, ...places), { stdio: "inherit" });
process.exitCode = await new Promise<number>((end) => child.on("exit", (code) => end(code ?? 1)));
