/** Settings of the engine that runs in workers of a Ray cluster. */

import { z } from "zod";

import { rows } from "../../config/ranges.ts";

export const TorchSettings = z.strictObject({
  device: z.enum(["cuda", "cpu"]).default("cuda").describe("Where tensors live."),
  workers: z
    .int()
    .min(0)
    .max(1024)
    .default(0)
    .describe("Ranks, a GPU each; 0 takes every GPU of the cluster, or one rank on the CPU."),
  precision: z
    .enum(["bfloat16", "float32"])
    .default("bfloat16")
    .describe("What layers compute in; masters, gradients and moments are float32 either way."),
  threads: z
    .int()
    .min(0)
    .max(1024)
    .default(0)
    .describe("CPU threads of a worker; 0 shares this machine's cores among them."),
  microbatchGroups: z
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe("Groups in one pass of a worker; a larger batch is accumulated."),
  generationRows: rows(1).default(32).describe("Most completions that a worker writes at once."),
  recompute: z
    .boolean()
    .default(false)
    .describe("Compute each layer again in the backward pass, for less memory."),
  offload: z
    .enum(["none", "optimizer"])
    .default("none")
    .describe(
      "`optimizer` keeps the float32 masters, their gradients and the optimizer's moments in the node's memory and makes the step there; layers come to the GPU as they are computed. The numbers stay the same. An adapter's are small and stay on the GPU.",
    ),
  timeoutSeconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(600)
    .describe("How long a worker may stay silent, or wait for another, before the run is ended."),
  python: z
    .string()
    .default("")
    .describe("Python of another environment than the one that `earl engine install` makes."),
});

export type TorchSettings = z.infer<typeof TorchSettings>;
