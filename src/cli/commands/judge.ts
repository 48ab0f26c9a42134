/** What `earl judge` is typed with; the files judge-*.ts above do it, and are loaded when they are asked for. */

import type { Command } from "commander";

import { collect, filePath, wholeNumber } from "../arguments.ts";
import type { AgreementFlags } from "../judge-agreement.ts";
import type { CacheFlags } from "../judge-cache.ts";
import type { JudgeFlags } from "../judge-flags.ts";
import type { NoiseFlags } from "../judge-noise.ts";
import type { ScoreFlags } from "../judge-score.ts";
import type { Surroundings } from "../surroundings.ts";

const MOST_REPEATS = 1000;
const MOST_PAIRS = 1_000_000;

export function addJudge(program: Command, surroundings: Surroundings): void {
  const judge = program.command("judge").description("ask a judge of edits, and look at the judge itself");

  asking(judge.command("score"))
    .description("score pairs of pictures; goes on where it was stopped")
    .argument("<pairs>", 'JSONL of {"source", "edited", "instruction"}, paths from its folder', filePath)
    .option("--out <file>", "JSONL to write (default: beside the pairs, .scores.jsonl)", filePath)
    .action(async (pairs: string, flags: ScoreFlags) => {
      const { scorePairs } = await import("../judge-score.ts");
      await scorePairs(pairs, flags, surroundings);
    });

  asking(judge.command("check"))
    .description("try a judge: does it see pictures, keep to the format, tell a good edit from a bad one")
    .action(async (flags: JudgeFlags) => {
      const { checkJudge } = await import("../judge-check.ts");
      await checkJudge(flags, surroundings);
    });

  asking(judge.command("noise"))
    .description(
      "ask about the same pairs several times: how far answers differ, and what that costs a group",
    )
    .argument("<pairs>", "JSONL of pairs, as for score", filePath)
    .option("--repeats <n>", "answers to each question", wholeNumber(2, MOST_REPEATS), 4)
    .option("--size <n>", "pairs that are asked about, from the first one on", wholeNumber(1, MOST_PAIRS), 50)
    .action(async (pairs: string, flags: NoiseFlags) => {
      const { measureNoise } = await import("../judge-noise.ts");
      await measureNoise(pairs, flags, surroundings);
    });

  judge
    .command("agreement")
    .description(
      "compare a judge's scores with people's ratings, as VIEScore does: Spearman a model and averaged",
    )
    .argument("<scores>", "JSON of models, each with rows of sc, pq and human ratings", filePath)
    .option("--json", "print JSON")
    .action(async (scores: string, flags: AgreementFlags) => {
      const { compareWithPeople } = await import("../judge-agreement.ts");
      await compareWithPeople(scores, flags, surroundings);
    });

  const cache = judge.command("cache").description("answers of judges that are kept");
  for (const [name, about] of [
    ["stats", "say how many answers are kept, and in how much room"],
    ["clear", "forget all answers"],
  ] as const) {
    cache
      .command(name)
      .description(about)
      .option("--cache <dir>", "folder of the answers, where it is not the usual one", filePath)
      .action(async (flags: CacheFlags) => {
        const { cacheStats, clearCache } = await import("../judge-cache.ts");
        await (name === "stats" ? cacheStats : clearCache)(flags, surroundings);
      });
  }
}

/** What every command takes that asks a judge; `what` is whose settings they are. */
export function asking(command: Command, what = "the reward viescore"): Command {
  return command
    .option("--url <url>", "address of the judge's server, with /v1; may be repeated", collect, [])
    .option("--model <name>", "its model (default: the only one that the server has)")
    .option("--config <file>", `YAML of settings of ${what}`, filePath)
    .option("--set <key=value>", "set one setting, e.g. temperature=0.5; may be repeated", collect, []);
}
