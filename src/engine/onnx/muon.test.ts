/** Muon against what torch.optim.Muon recorded (test/fixtures/muon), and what it makes of a matrix. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { freshPolicyConfig } from "../../policy/config.ts";
import { sizeOf } from "../../policy/parameters.ts";
import { Rng } from "../../random.ts";
import { GraphRunner } from "../../tensor/graph-runner.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { OptimizerSettings } from "../optimizer-settings.ts";
import { flatten, parameterLayout, parameterViews } from "./flat-parameters.ts";
import { orthogonalised } from "./muon.ts";
import { next, STATE, update, updateScalars } from "./optimizer-update.ts";
import { policyParts } from "./policy-parts.ts";

type Recorded = Readonly<Record<string, readonly number[]>>;
interface Recording {
  readonly rates: readonly number[];
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  readonly start: Recorded;
  readonly gradients: readonly Recorded[];
  readonly norms: readonly number[];
  readonly float32: Recorded;
  readonly bfloat16: Recorded;
}

const recording = JSON.parse(
  await readFile(join(import.meta.dirname, "../../../test/fixtures/muon/recording.json"), "utf8"),
) as Recording;
const SIZES = {
  hiddenSize: 8,
  layers: 1,
  heads: 2,
  keyValueHeads: 1,
  intermediateSize: 12,
  ropeTheta: 500,
  normEpsilon: 1e-5,
  weightStd: 0.2,
};
const config = freshPolicyConfig(SIZES, { size: 10, pad: 0, bos: 1, eos: 2 }, 16);
const optimizer = OptimizerSettings.parse({
  kind: "muon",
  weightDecay: recording.weightDecay,
  maxGradNorm: recording.maxGradNorm,
});

interface Moved {
  readonly norms: readonly number[];
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

/** The recorded gradients, one after another. */
async function moved(): Promise<Moved> {
  const parts = policyParts({ config, optimizer });
  const layout = parameterLayout(parts.trained);
  const flat = (values: Recorded): Float32Array =>
    flatten(layout, new Map(Object.entries(values).map(([name, of]) => [name, Float32Array.from(of)])));
  const build = (): ReturnType<typeof update> =>
    update(input(STATE.parameters, [layout.size]), input("gradient", [layout.size]), optimizer, parts);
  let state: Record<string, Float32Array> = {
    [STATE.parameters]: flat(recording.start),
    [STATE.firstMoment]: new Float32Array(layout.size),
    [STATE.secondMoment]: new Float32Array(parameterLayout(parts.squared).size),
  };
  const norms: number[] = [];
  await using runner = new GraphRunner({ threads: 1 });
  for (const [step, rate] of recording.rates.entries()) {
    const gradient = flat(recording.gradients[step] as Recorded);
    const feeds = { ...state, gradient, ...updateScalars(step + 1, rate, optimizer) };
    const { read } = await runner.run({ key: ["update"], build }, feeds);
    norms.push(read["gradNorm"]?.[0] as number);
    state = Object.fromEntries(
      Object.values(STATE).map((name) => [name, Float32Array.from(read[next(name)] as Float32Array)]),
    );
  }
  return { norms, parameters: parameterViews(layout, state[STATE.parameters] as Float32Array) };
}

/** Largest distance from what was recorded, by parameter. */
function distances(parameters: Moved["parameters"], recorded: Recorded): [string, number][] {
  return Object.entries(recorded).map(([name, values]) => {
    const own = parameters.get(name) as Float32Array;
    return [name, Math.max(...values.map((value, at) => Math.abs(value - (own[at] as number))))];
  });
}

describe("muon beside AdamW agrees with torch", () => {
  test("in float32, over three steps with weight decay, of which two are clipped", async () => {
    const { norms, parameters } = await moved();
    expect([...parameters.keys()].toSorted()).toEqual(Object.keys(recording.start).toSorted());
    for (const [step, norm] of norms.entries()) expect(norm).toBeCloseTo(recording.norms[step] as number, 5);
    expect(norms.filter((norm) => norm > recording.maxGradNorm)).toHaveLength(2);
    for (const [name, distance] of distances(parameters, recording.float32))
      expect(distance, name).toBeLessThan(2e-6);
  });

  test("as far as torch's own iteration in bfloat16 goes", async () => {
    const { parameters } = await moved();
    const furthest = Math.max(...distances(parameters, recording.bfloat16).map(([, distance]) => distance));
    // Three steps move a value by 0.03 or so.
    expect(furthest).toBeLessThan(5e-4);
  });

  test("and keeps squares of embeddings, head and norms alone", () => {
    const { trained, squared } = policyParts({ config, optimizer });
    const moments = (parameters: typeof trained): number =>
      parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    expect(moments(squared)).toBe(2 * 10 * 8 + 3 * 8);
    expect(trained.slice(0, squared.length)).toEqual(squared);
    expect(squared.map(({ name }) => name)).toContain("lm_head.weight");
  });
});

describe("orthogonalised", () => {
  test.each([
    { what: "wide", rows: 5, columns: 16 },
    { what: "tall", rows: 16, columns: 5 },
    { what: "square", rows: 6, columns: 6 },
  ])("brings singular values of a $what matrix near 1, and leaves nothing as nothing", async (size) => {
    const { rows, columns } = size;
    const rng = Rng.from(1, "matrix", size.what);
    const matrices = new Float32Array(2 * rows * columns);
    for (let at = 0; at < rows * columns; at += 1) matrices[at] = 1e-3 * rng.normal();
    await using runner = new GraphRunner({ threads: 1 });
    const build = (): { result: ReturnType<typeof orthogonalised> } => ({
      result: orthogonalised(input("matrices", [2, rows, columns]), 5),
    });
    const { read } = await runner.run({ key: [size], build }, { matrices });
    const result = read["result"] as Float32Array;
    // The mean square of the singular values.
    const squares = result.subarray(0, rows * columns).reduce((sum, value) => sum + value * value, 0);
    expect(squares / Math.min(rows, columns)).toBeGreaterThan(0.5);
    expect(squares / Math.min(rows, columns)).toBeLessThan(1.4);
    expect([...result.subarray(rows * columns)].every((value) => value === 0)).toBe(true);
  });
});
