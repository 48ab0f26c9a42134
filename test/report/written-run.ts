/**
 * A run directory as a test needs it: events, pictures, manifest and configuration of a made-up SFT → GRPO run, so that
 * the report can be tested without training. Holds instructions that try to break out of the page.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { Rng } from "../../src/random.ts";
import type { ArmResult, ArmRole, LoggedMeasure } from "../../src/runs/arm-result.ts";
import type { LoggedCompletion, RunEvent } from "../../src/runs/event.ts";

export const HOSTILE = `make it <script>alert("x")</script> & 'red'`;

const TASKS = ["recolour", "add", "remove", "replace", "background", "move", "swap", "count"];
const COLOURS = ["#d64545", "#3f7fd1", "#e8b93c", "#4caf6d", "#8d5bc4"];

async function scene(directory: string, name: string, rng: Rng): Promise<string> {
  const shapes = Array.from({ length: 3 }, () => {
    const [x, y] = [rng.integer(4) * 8 + 4, rng.integer(4) * 8 + 4];
    return rng.uniform() < 0.5
      ? `<circle cx="${x}" cy="${y}" r="3.5" fill="${rng.pick(COLOURS)}"/>`
      : `<rect x="${x - 3}" y="${y - 3}" width="6" height="6" fill="${rng.pick(COLOURS)}"/>`;
  });
  const ground = rng.pick(["#f4f1ea", "#dfe8ef", "#2b2f3a"]);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="32" fill="${ground}"/>${shapes.join("")}</svg>`;
  await sharp(Buffer.from(svg))
    .png()
    .toFile(join(directory, "images", `${name}.png`));
  return `${name}.png`;
}

const ROLES: Readonly<Record<string, ArmRole>> = { "source copied": "copy", "SFT → RL": "rl" };

function arm(name: string, decoding: string, task: string, means: readonly [number, number]): ArmResult {
  const [reward, exact] = [Math.min(9.7, means[0]), means[1]];
  const half = task === "all" ? 0.14 : 0.42;
  return {
    arm: name,
    role: ROLES[name] ?? "policy",
    benchmark: "held-out",
    decoding,
    task,
    count: task === "all" ? 512 : 64,
    failed: name === "SFT" && task === "all" ? 3 : 0,
    figures: {
      reward: { mean: reward, low: reward - half, high: Math.min(10, reward + half) },
      exact_match: { mean: exact, low: Math.max(0, exact - half / 4), high: Math.min(1, exact + half / 4) },
    },
  };
}

/** What the figures of `testArms` are. */
export const TEST_MEASURES: readonly LoggedMeasure[] = [
  { name: "reward", label: "reward", unit: "score", range: [0, 10] },
  { name: "exact_match", label: "exact match", unit: "share", range: [0, 1] },
];

/** Rows of the three arms, as `arms-evaluated` carries them. */
export function testArms(): ArmResult[] {
  const rng = Rng.from(1, "arms");
  return ["all", ...TASKS].flatMap((task) => {
    const shift = task === "all" ? 0 : rng.normal() * 0.5;
    return [
      arm("source copied", "—", task, [3.1 + shift, 0]),
      arm("SFT", "temperature 1", task, [6.17 + shift, 0.45]),
      arm("SFT → RL", "temperature 1", task, [8.51 + shift, 0.7]),
      arm("SFT", "greedy", task, [8.3 + shift, 0.73]),
      arm("SFT → RL", "greedy", task, [9.12 + shift, 0.79]),
    ];
  });
}

/** Writes a whole run into `directory`, which must exist; with half a line at the end, as a kill leaves it. */
export async function writeTestRun(directory: string): Promise<void> {
  await mkdir(join(directory, "images"));
  const rng = Rng.from(0, "test run");
  let time = 1_760_000_000_000;
  const now = (): number => (time += 450);
  const events: RunEvent[] = [
    { kind: "run-start", v: 1, attempt: 0, name: "demo", seed: 7, time: now() },
    { kind: "stage-start", v: 1, attempt: 0, stage: "sft", steps: 400, time: now() },
  ];
  for (let step = 1; step <= 400; step += 1) {
    const loss = 0.4 + 2.6 * Math.exp(-step / 60) + rng.normal() * 0.08;
    const learning_rate = 0.0025 * Math.min(1, step / 30) * (0.5 + 0.5 * Math.cos((Math.PI * step) / 400));
    const metrics = { loss, grad_norm: 0.6 + Math.abs(rng.normal()) * 0.3, learning_rate };
    events.push({ kind: "step-end", v: 1, attempt: 0, stage: "sft", step, metrics, time: now() });
    if (step % 50 !== 0) continue;
    const validation = { "loss/validation": 0.45 + 2.6 * Math.exp(-step / 60) };
    events.push({
      kind: "evaluation-end",
      v: 1,
      attempt: 0,
      stage: "sft",
      step,
      metrics: validation,
      isBest: true,
      time: now(),
    });
  }
  events.push({
    kind: "stage-end",
    v: 1,
    attempt: 0,
    stage: "sft",
    step: 400,
    reason: "finished",
    time: now(),
  });
  events.push({ kind: "stage-start", v: 1, attempt: 0, stage: "grpo", steps: 300, time: now() });
  for (let step = 1; step <= 240; step += 1) {
    const reward = 8.7 - 2.5 * Math.exp(-step / 50) + rng.normal() * 0.3;
    const metrics = {
      loss: rng.normal() * 0.01,
      reward,
      reward_std: 0.8 + Math.exp(-step / 80),
      "rewards/reference/mean": reward,
      "rewards/reference/success/mean": reward / 10,
      "rewards/reference/preservation/mean": 0.9 + 0.01 * rng.uniform(),
      exact_match: 0.75 - 0.3 * Math.exp(-step / 50),
      kl: 0.02 * (1 - Math.exp(-step / 90)),
      entropy: 0.2 + 0.3 * Math.exp(-step / 70),
      grad_norm: 0.4 + Math.abs(rng.normal()) * 0.2,
      learning_rate: 2e-4 * (1 - (0.8 * step) / 300),
      "completions/mean_length": 21 + rng.normal() * 0.1,
      "completions/min_length": 20,
      "completions/max_length": 22,
      frac_reward_zero_std: 0.2 + 0.3 * (1 - Math.exp(-step / 60)),
      "completions/undecodable": 0,
    };
    events.push({ kind: "step-end", v: 1, attempt: 0, stage: "grpo", step, metrics, time: now() });
    if (step % 40 === 0) {
      const evaluated = { "eval/reward": reward, "eval/exact_match": 0.6 };
      events.push({
        kind: "evaluation-end",
        v: 1,
        attempt: 0,
        stage: "grpo",
        step,
        metrics: evaluated,
        isBest: step === 200,
        time: now(),
      });
    }
    if (step !== 1 && step !== 240) continue;
    for (let index = 0; index < 3; index += 1) {
      const completions: LoggedCompletion[] = [];
      for (let place = 0; place < 8; place += 1) {
        const image = await scene(directory, `g${step}-${index}-${place}`, rng);
        const own = Math.min(10, Math.max(0, 6 + rng.normal() * 3));
        const said = place === 0 ? { reasoning: HOSTILE } : {};
        completions.push({
          image,
          verdict: "scored",
          reward: own,
          subscores: { success: own / 10, preservation: 0.93 },
          ...said,
          advantage: (own - 6) / 3,
          isExact: own === 10,
        });
      }
      completions[6] = { verdict: "unreachable", problem: HOSTILE };
      completions[7] = { verdict: "undecodable", problem: "cut off after 24 tokens" };
      const group = {
        exampleId: `g${index}`,
        task: TASKS[index] ?? "",
        instruction: index === 0 ? HOSTILE : "paint the small circle blue",
        source: await scene(directory, `gs${index}`, rng),
        target: await scene(directory, `gt${index}`, rng),
        completions,
      };
      events.push({ kind: "group-logged", v: 1, attempt: 0, stage: "grpo", step, group, time: now() });
    }
  }
  events.push({
    kind: "stage-end",
    v: 1,
    attempt: 0,
    stage: "grpo",
    step: 240,
    reason: "early-stop",
    time: now(),
  });
  for (let index = 0; index < 32; index += 1) {
    const wrong = rng.uniform();
    const target = await scene(directory, `t${index}`, rng);
    const other = await scene(directory, `o${index}`, rng);
    events.push({
      kind: "comparison-logged",
      benchmark: "held-out",
      v: 1,
      attempt: 0,
      exampleId: `c${index}`,
      task: TASKS[index % TASKS.length] ?? "",
      instruction:
        index === 2 ? HOSTILE : "move the large yellow square to the bottom left corner of the picture",
      source: await scene(directory, `s${index}`, rng),
      target,
      arms: [
        {
          arm: "SFT",
          ...(wrong < 0.5
            ? { image: other, reward: wrong * 12, isExact: false }
            : { image: target, reward: 10, isExact: true }),
        },
        index === 5
          ? { arm: "SFT → RL", problem: "no picture could be decoded" }
          : {
              arm: "SFT → RL",
              ...(wrong < 0.25
                ? { image: other, reward: wrong * 16, isExact: false }
                : { image: target, reward: 10, isExact: true }),
            },
      ],
      time: now(),
    });
  }
  const table = { measures: TEST_MEASURES, results: testArms() };
  events.push({ kind: "arms-evaluated", v: 1, attempt: 0, ...table, time: now() });
  events.push({ kind: "run-end", v: 1, attempt: 0, time: now() });
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join("");
  await writeFile(join(directory, "events.jsonl"), `${lines}{"kind":"step-e`);
  await writeFile(
    join(directory, "manifest.json"),
    JSON.stringify({
      commit: "1066dca",
      hardware: { cpu: "2 cores", memoryBytes: 8e9 },
      versions: { node: "20.19.0", "onnxruntime-node": "1.30.0" },
      data: { train: { rows: 8000, sha256: "ab".repeat(32) } },
    }),
  );
  await writeFile(
    join(directory, "config.yaml"),
    "name: demo\nseed: 7\ngrpo:\n  groupSize: 8\n  loss:\n    kind: grpo\n",
  );
}
