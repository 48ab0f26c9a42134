import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { saying } from "../../test/small/small-reward.ts";
import { TabularPolicy } from "../../test/small/tabular-policy.ts";
import { SFT_LOSS } from "../algorithms/losses.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { DataError, JudgeError } from "../errors.ts";
import { referenceReward } from "../rewards/reference.ts";
import { demonstrationGroups } from "../train/demonstrations.ts";
import type { UntimedEvent } from "../runs/event.ts";
import type { Benchmark } from "./benchmark.ts";
import { evaluateBenchmark, type BenchmarkRequest, type PolicyArm } from "./evaluate-benchmark.ts";
import { evaluatePolicy } from "./evaluate-policy.ts";
import { openBenchmark } from "./open-benchmark.ts";
import { recordBenchmark } from "./record-benchmark.ts";

const world = smallWorld();
const prepared = smallEdits(world, paintExamples());
const edits = await prepared.take([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);

function heldOut(reward = referenceReward): Benchmark {
  const context = { edits: async () => prepared, prepare: async () => prepared, reward };
  return openBenchmark({ kind: "held-out", split: "test" }, context);
}

/** A policy that writes the targets, and one that knows nothing. */
const learned: PolicyArm = {
  name: "SFT",
  role: "policy",
  open: async () => {
    const engine = new TabularPolicy(world.grammar);
    await engine.step(demonstrationGroups(edits), SFT_LOSS, 100);
    return engine;
  },
};
const fresh: PolicyArm = {
  name: "start",
  role: "policy",
  open: () => Promise.resolve(new TabularPolicy(world.grammar)),
};

function request(own: Partial<BenchmarkRequest> = {}): BenchmarkRequest {
  return { benchmark: heldOut(), edits, policy: world, arms: [learned], maxTokens: 40, seed: 3, ...own };
}

function withoutTarget({ target: _target, targetCodes: _codes, ...edit }: PreparedEdit): PreparedEdit {
  return edit;
}

describe("evaluateBenchmark", () => {
  test("greedy decoding of a policy that learned the edits is exact everywhere, copying the source nowhere", async () => {
    const { results, measures } = await evaluateBenchmark(request());
    const overall = results.filter(({ task }) => task === "all");
    expect(overall.map(({ arm, role, decoding }) => [arm, role, decoding])).toEqual([
      ["source copied", "copy", "—"],
      ["SFT", "policy", "temperature 1"],
      ["SFT", "policy", "greedy"],
    ]);
    const [copy, sampled, greedy] = overall;
    expect(copy).toMatchObject({
      count: 12,
      failed: 0,
      figures: { reward: { mean: 0 }, exact_match: { mean: 0 } },
    });
    expect(greedy).toMatchObject({
      benchmark: "held-out",
      count: 12,
      failed: 0,
      figures: { reward: { mean: 10, low: 10, high: 10 }, exact_match: { mean: 1 } },
    });
    expect(sampled!.figures["reward"]!.mean).toBeLessThan(10);
    expect(measures).toEqual([
      { name: "reward", label: "reward", unit: "score", range: [0, 10] },
      { name: "exact_match", label: "exact match", unit: "share", range: [0, 1] },
    ]);
  });

  test("the source copied has full marks where nothing had to change", async () => {
    const unchanged = { ...edits[0]!, target: edits[0]!.source, targetCodes: edits[0]!.sourceCodes };
    const { results } = await evaluateBenchmark(request({ edits: [unchanged], arms: [] }));
    expect(results[0]).toMatchObject({ figures: { reward: { mean: 10 }, exact_match: { mean: 1 } } });
  });

  test("keeps the pictures of the edits that are shown, and of these alone", async () => {
    const { comparisons } = await evaluateBenchmark(request({ comparisons: 2, arms: [fresh, learned] }));
    expect(comparisons.map(({ edit }) => edit.id)).toEqual(edits.slice(0, 2).map(({ id }) => id));
    for (const { arms } of comparisons) {
      expect(arms.map(({ arm }) => arm)).toEqual(["start", "SFT"]);
      for (const { completion } of arms) expect(completion.picture).toMatchObject({ width: 8, height: 8 });
    }
    expect((await evaluateBenchmark(request())).comparisons).toEqual([]);
  });

  test("edits without a target are measured by what needs none, and compared without one", async () => {
    const benchmark = heldOut(saying(({ edited }) => edited.pixels[0]! / 100));
    const bare = edits.map(withoutTarget);
    const found = await evaluateBenchmark(request({ benchmark, edits: bare, comparisons: 1 }));
    for (const { figures } of found.results) expect(Object.keys(figures)).toEqual(["reward"]);
    const events: UntimedEvent[] = [];
    let pictures = 0;
    recordBenchmark(
      {
        record: (event) => {
          events.push(event);
        },
        saveImage: () => {
          pictures += 1;
          return `${pictures}.png`;
        },
      },
      found,
    );
    expect(events.map(({ kind }) => kind)).toEqual(["comparison-logged", "arms-evaluated"]);
    expect(events[0]).not.toHaveProperty("target");
    expect(events[0]).toMatchObject({ benchmark: "held-out", exampleId: bare[0]!.id, source: "1.png" });
  });

  test("a reward that needs targets where there are none ends it before anything is generated", async () => {
    const opened: string[] = [];
    const arm = { ...learned, open: async () => (opened.push("SFT"), learned.open()) };
    const attempt = evaluateBenchmark(request({ edits: edits.map(withoutTarget), arms: [arm] }));
    await expect(attempt).rejects.toThrow(DataError);
    expect(opened).toEqual([]);
  });

  test("a policy that writes no picture is a row of failures beside the others", async () => {
    const { results } = await evaluateBenchmark(request({ maxTokens: 5 }));
    expect(results.filter(({ role }) => role === "policy")).toMatchObject([
      { task: "all", decoding: "temperature 1", count: 12, failed: 12 },
      { task: "all", decoding: "greedy", count: 12, failed: 12 },
    ]);
  });

  test("a judge that fails too often is an outage, no result", async () => {
    let asked = 0;
    const flaky = saying(() => {
      asked += 1;
      return asked % 3 === 0 ? { kind: "unreachable", reason: "no reply" } : 5;
    });
    const benchmark = heldOut(flaky);
    await expect(evaluateBenchmark(request({ benchmark, maxFailed: 0.3 }))).rejects.toThrow(JudgeError);
    const { results } = await evaluateBenchmark(request({ benchmark, maxFailed: 0.4 }));
    expect(results[0]).toMatchObject({ failed: 4, count: 12, figures: { reward: { mean: 5 } } });
  });

  test("stops in the middle of a batch when told to, and closes the engine", async () => {
    const interrupt = new AbortController();
    const closed: string[] = [];
    const arm: PolicyArm = {
      ...learned,
      open: async (): Promise<PolicyEngine> => {
        const engine = await learned.open();
        return Object.assign(Object.create(engine) as PolicyEngine, {
          generate: engine.generate.bind(engine),
          [Symbol.asyncDispose]: async () => {
            closed.push("SFT");
            await engine[Symbol.asyncDispose]();
          },
        });
      },
    };
    let judged = 0;
    const reward = saying(() => {
      judged += 1;
      // After the copied sources, in the middle of the first batch.
      if (judged === 15) interrupt.abort(new Error("Ctrl-C"));
      return 5;
    });
    const own = { benchmark: heldOut(reward), arms: [arm], signal: interrupt.signal };
    await expect(evaluateBenchmark(request(own))).rejects.toThrow("Ctrl-C");
    expect(closed).toEqual(["SFT"]);
    expect(judged).toBeLessThan(24);
  });
});

describe("evaluatePolicy", () => {
  const settings = { temperature: 1, maxTokens: 40, seed: 3, batchSize: 5 };

  test("the same seed and batch size give the same completions, in the order of the edits, without pictures", async () => {
    const parts = { ...world, engine: new TabularPolicy(world.grammar), reward: referenceReward };
    const once = await evaluatePolicy(parts, edits, settings);
    expect(once.map((group) => group.edit.id)).toEqual(edits.map((edit) => edit.id));
    expect(await evaluatePolicy(parts, edits, settings)).toEqual(once);
    for (const { completions } of once) expect(completions[0]).not.toHaveProperty("picture");
  });
});
