/**
 * What an optimizer remembers, on disk: the mean gradient of every trained parameter, and of those that AdamW moves the
 * mean of its square, in one file, or in several that an index lists; its kind and the number of steps beside them.
 */

import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { CheckpointError } from "../../errors.ts";
import {
  checkpointFault,
  indexFile,
  openCheckpointFiles,
  singleFile,
  type CheckpointFiles,
} from "../../policy/checkpoint-files.ts";
import { FaultList } from "../../policy/fault-list.ts";
import { finiteWeights } from "../../policy/finite-weights.ts";
import type { ParameterShape } from "../../policy/parameters.ts";
import { readJsonFile } from "../../policy/published-file.ts";
import { SafetensorsWriter } from "../../policy/safetensors-writer.ts";
import { planShards, type Shard } from "../../policy/shards.ts";
import type { OptimizerSettings } from "../optimizer-settings.ts";
import type { ParameterSource } from "./parameter-source.ts";
import { policyParts, type GraphPolicy } from "./policy-parts.ts";
import type { OptimizerSource, OptimizerState } from "./policy-state.ts";

const STEM = "optimizer";
const MOMENTS = singleFile(STEM);
const INDEX = indexFile(STEM);
const STEP = "optimizer.json";
const firstMoment = (name: string): string => `m:${name}`;
const secondMoment = (name: string): string => `v:${name}`;

export interface OpenedOptimizer extends OptimizerSource {
  /** Where each moment lies: `m:name` and `v:name` of a trained parameter. */
  readonly places: ReadonlyMap<string, { readonly path: string; readonly key: string }>;
  close(): Promise<void>;
}

export async function saveOptimizer(
  directory: string,
  policy: GraphPolicy,
  optimizer: OptimizerState,
): Promise<void> {
  const writer = await SafetensorsWriter.create(join(directory, MOMENTS), momentShapes(policy), "F32");
  const { step, firstMoments, secondMoments } = optimizer;
  for (const { name } of policyParts(policy).trained) {
    await writer.write(firstMoment(name), firstMoments.get(name) as Float32Array);
    const squares = secondMoments.get(name);
    if (squares !== undefined) await writer.write(secondMoment(name), squares);
  }
  await writer.finish();
  await saveStep(directory, { step, kind: kindOf(policy) });
}

/** How the moments are spread over files, each of at most so many bytes. */
export function planOptimizerShards(policy: GraphPolicy, maxShardBytes: number): Shard[] {
  const moments = momentShapes(policy).map((moment) => ({ ...moment, type: "F32" as const }));
  return planShards(moments, maxShardBytes, STEM);
}

/** Writes what lies beside the moments. */
export async function saveStep(
  directory: string,
  { step, kind }: { readonly step: number; readonly kind: OptimizerSettings["kind"] },
  index?: string,
): Promise<void> {
  // AdamW was the only one when the file had no kind.
  const content = kind === "adamw" ? { step } : { step, kind };
  await writeFile(join(directory, STEP), `${JSON.stringify(content)}\n`);
  if (index !== undefined) await writeFile(join(directory, INDEX), index);
}

const OptimizerFile = z.object({ step: z.int().min(1), kind: z.string().default("adamw") });
const WHOLE = "Copy the checkpoint again, or go on from an earlier one.";

/**
 * Opens a directory's state of the optimizer; undefined where it has none. Throws CheckpointError where it is damaged,
 * not whole, or another policy's.
 */
export async function openOptimizer(
  directory: string,
  policy: GraphPolicy,
): Promise<OpenedOptimizer | undefined> {
  const hasMoments = [MOMENTS, INDEX].some((file) => existsSync(join(directory, file)));
  const json = join(directory, STEP);
  if (!hasMoments && !existsSync(json)) return undefined;
  if (!hasMoments || !existsSync(json)) {
    throw new CheckpointError(
      `${directory} has an optimizer's state without ${hasMoments ? STEP : MOMENTS}.`,
      { hint: WHOLE },
    );
  }
  const parsed = OptimizerFile.safeParse(await readJsonFile(json, WHOLE));
  if (!parsed.success) {
    throw new CheckpointError(`${json} does not say how many steps were made, as {"step": 12}.`, {
      hint: WHOLE,
    });
  }
  const { step, kind } = parsed.data;
  if (kind !== kindOf(policy)) {
    throw new CheckpointError(
      `${directory} holds the state of the optimizer ${kind}; this run has ${kindOf(policy)}.`,
      {
        hint: `Go on with optimizer.kind ${kind}, or begin a run of its own from these weights with policy.checkpoint.`,
      },
    );
  }
  const files = await openCheckpointFiles(directory, STEM);
  try {
    requireMoments(files, policy);
  } catch (error) {
    await files.close();
    throw error;
  }
  return {
    step,
    firstMoments: momentSource(files, firstMoment, -Infinity),
    secondMoments: momentSource(files, secondMoment, 0),
    places: new Map(
      Array.from(files.tensors, ([name, { file, entry }]) => [name, { path: file.path, key: entry.name }]),
    ),
    close: () => files.close(),
  };
}

function momentSource(
  files: CheckpointFiles,
  nameOf: (name: string) => string,
  least: number,
): ParameterSource {
  return {
    read: async (name, into) => {
      const moment = nameOf(name);
      const file = files.tensors.get(moment)?.file;
      if (file === undefined) return undefined;
      const values = finiteWeights(await file.read(moment, into), moment, file.path);
      if (values.every((value) => value >= least)) return values;
      throw new CheckpointError(`${file.path}: ${moment} is a mean of squares, but has negative values.`, {
        hint: WHOLE,
      });
    },
    close: async () => {},
  };
}

/** Throws CheckpointError that lists every moment that is missing, unexpected or of another shape. */
function requireMoments({ listing, tensors }: CheckpointFiles, policy: GraphPolicy): void {
  const expected = new Map(momentShapes(policy).map(({ name, shape }) => [name, shape.join(" × ")]));
  const faults = new FaultList();
  for (const [name, shape] of expected) {
    const found = tensors.get(name)?.entry;
    if (found === undefined) faults.add(() => `${name}: missing`);
    else if (found.shape.join(" × ") !== shape)
      faults.add(() => `${name}: [${found.shape.join(" × ")}], the parameter is [${shape}]`);
  }
  for (const name of tensors.keys()) {
    if (!expected.has(name)) faults.add(() => `${name}: the policy trains no such parameter`);
  }
  if (faults.count > 0) throw checkpointFault(`${listing} is not the optimizer state of this policy`, faults);
}

/** The moments of every trained parameter, in the order they are written. */
function momentShapes(policy: GraphPolicy): ParameterShape[] {
  const { trained, squared } = policyParts(policy);
  const isSquared = new Set(squared);
  return trained.flatMap((parameter) => {
    const { name, shape } = parameter;
    const first = { name: firstMoment(name), shape };
    return isSquared.has(parameter) ? [first, { name: secondMoment(name), shape }] : [first];
  });
}

function kindOf({ optimizer }: GraphPolicy): OptimizerSettings["kind"] {
  return optimizer?.kind ?? "adamw";
}
