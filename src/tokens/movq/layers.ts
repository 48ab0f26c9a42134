/**
 * The layers MoVQ is made of (Zheng et al. 2022; Emu3's code). Pictures are [B, C, H, W], stretches of time
 * [B, C, T, H, W]. A layer asks for its parameters by the names the published weights have.
 */

import { convolution } from "../../tensor/ops/convolution.ts";
import { add, multiply, silu, sqrt, subtract, divide } from "../../tensor/ops/elementwise.ts";
import { groupNorm, groupStandardize } from "../../tensor/ops/group-norm.ts";
import { scalar } from "../../tensor/ops/leaves.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { softmax } from "../../tensor/ops/normalize.ts";
import { reshape } from "../../tensor/ops/shape.ts";
import { upsample } from "../../tensor/ops/upsample.ts";
import type { Shape, Value } from "../../tensor/value.ts";
import { NORM_GROUPS } from "./config.ts";
import { upsampledConvolution } from "./double-size.ts";

/** The parameter of this name; every layer says what shape it takes. */
export type Parameters = (name: string, shape: Shape) => Value;

/** A normalisation of [B, C, H, W] that keeps its parameters under a name. */
export type Norm = (name: string, operand: Value) => Value;

const GROUP_EPSILON = 1e-6;
const BATCH_EPSILON = 1e-5;

export const channelsOf = (operand: Value): number => operand.shape[1] as number;

export interface PlaneConvolution {
  readonly channels: number;
  /** Side of the window; 3 where not given, with one zero around the picture. */
  readonly kernel?: 1 | 3;
}

/** A convolution that keeps the picture's size. */
export function convolve(
  parameters: Parameters,
  name: string,
  operand: Value,
  { channels, kernel = 3 }: PlaneConvolution,
): Value {
  const border = kernel === 3 ? [1, 1] : [0, 0];
  return convolution(
    operand,
    parameters(`${name}.weight`, [channels, channelsOf(operand), kernel, kernel]),
    parameters(`${name}.bias`, [channels]),
    { before: border, after: border },
  );
}

/** Half the size, rounded down: one zero at the right and the bottom, then every second window. */
export function downsample(parameters: Parameters, name: string, operand: Value): Value {
  const channels = channelsOf(operand);
  return convolution(
    operand,
    parameters(`${name}.conv.weight`, [channels, channels, 3, 3]),
    parameters(`${name}.conv.bias`, [channels]),
    { stride: [2, 2], after: [1, 1] },
  );
}

/** Twice the size: every element becomes four, then a convolution. */
export function doubleSize(parameters: Parameters, name: string, operand: Value): Value {
  const channels = channelsOf(operand);
  return upsampledConvolution(
    operand,
    parameters(`${name}.conv.weight`, [channels, channels, 3, 3]),
    parameters(`${name}.conv.bias`, [channels]),
  );
}

/** The encoder's normalisation: scale and shift a channel. */
export function plainNorm(parameters: Parameters): Norm {
  return (name, operand) => {
    const shape = [channelsOf(operand)];
    const affine = {
      weight: parameters(`${name}.weight`, shape),
      bias: parameters(`${name}.bias`, shape),
    };
    return groupNorm(operand, affine, NORM_GROUPS, GROUP_EPSILON);
  };
}

/**
 * The decoder's normalisation (Zheng et al. 2022, "MoVQ"): group norm whose result is scaled and shifted by two 1 × 1
 * convolutions of the code vectors. `(n·w + b)·(Y z + y) + (B z + β)` is `n·(wY z + wy) + ((bY + B) z + (by + β))`: the
 * norm's own scale and shift are folded into the small weights instead of passing over the picture.
 */
export function spatialNorm(parameters: Parameters, codes: Value): Norm {
  const resized = new Map<number, Value>();
  return (name, operand) => {
    const channels = channelsOf(operand);
    const factor = (operand.shape[2] as number) / (codes.shape[2] as number);
    const seen = resized.get(factor) ?? upsample(codes, [1, 1, factor, factor]);
    resized.set(factor, seen);

    const perChannel = (part: string): Value => parameters(`${name}.${part}`, [channels]);
    const perCode = (part: string): Value =>
      parameters(`${name}.${part}`, [channels, channelsOf(codes), 1, 1]);
    const [weight, bias] = [perChannel("norm_layer.weight"), perChannel("norm_layer.bias")];
    const [scaleWeight, scaleBias] = [perCode("conv_y.weight"), perChannel("conv_y.bias")];
    const [shiftWeight, shiftBias] = [perCode("conv_b.weight"), perChannel("conv_b.bias")];
    const across = (value: Value): Value => reshape(value, [channels, 1, 1, 1]);
    const scale = convolution(seen, multiply(scaleWeight, across(weight)), multiply(scaleBias, weight));
    const shift = convolution(
      seen,
      add(multiply(scaleWeight, across(bias)), shiftWeight),
      add(multiply(scaleBias, bias), shiftBias),
    );
    return add(multiply(groupStandardize(operand, NORM_GROUPS, GROUP_EPSILON), scale), shift);
  };
}

/** What blocks that differ in their normalisation alone share. */
export interface BlockStyle {
  readonly parameters: Parameters;
  readonly norm: Norm;
}

/** Two normalised, activated convolutions beside a shortcut, which is 1 × 1 where the channels change. */
export function resBlock(
  { parameters, norm }: BlockStyle,
  name: string,
  operand: Value,
  channels: number,
): Value {
  const first = convolve(parameters, `${name}.conv1`, silu(norm(`${name}.norm1`, operand)), { channels });
  const second = convolve(parameters, `${name}.conv2`, silu(norm(`${name}.norm2`, first)), { channels });
  const shortcut =
    channelsOf(operand) === channels
      ? operand
      : convolve(parameters, `${name}.nin_shortcut`, operand, { channels, kernel: 1 });
  return add(shortcut, second);
}

/** Attention of every place of a picture to every other (Vaswani et al. 2017, eq. 1), added to its input. */
export function attentionBlock(
  { parameters, norm }: BlockStyle,
  name: string,
  operand: Value,
  heads: number,
): Value {
  const [batch, channels, height, width] = operand.shape as [number, number, number, number];
  const normal = norm(`${name}.norm`, operand);
  const projected = (part: string): Value =>
    reshape(convolve(parameters, `${name}.${part}`, normal, { channels, kernel: 1 }), [
      batch,
      heads,
      channels / heads,
      height * width,
    ]);
  const scale = 1 / Math.sqrt(channels / heads);
  const scores = matmul(projected("q"), projected("k"), { transposeLeft: true, scale });
  const mixed = matmul(projected("v"), softmax(scores), { transposeRight: true });
  const back = reshape(mixed, operand.shape);
  return add(operand, convolve(parameters, `${name}.proj_out`, back, { channels, kernel: 1 }));
}

/** A convolution of [B, C, T, H, W] that sees no later frame: two frames of zeros in front, none behind. */
export function causalConvolve(
  parameters: Parameters,
  name: string,
  operand: Value,
  window: { readonly kernel: Shape; readonly stride?: Shape },
): Value {
  const channels = channelsOf(operand);
  const stride = window.stride ?? [1, 1, 1];
  const rest = [1, 2].map((axis) => (window.kernel[axis] as number) - (stride[axis] as number));
  return convolution(
    operand,
    parameters(`${name}.conv.weight`, [channels, channels, ...window.kernel]),
    parameters(`${name}.conv.bias`, [channels]),
    {
      stride,
      before: [2, ...rest.map((zeros) => Math.ceil(zeros / 2))],
      after: [0, ...rest.map((zeros) => Math.floor(zeros / 2))],
    },
  );
}

/** A residual block in time, with batch norm as it is at inference: by the statistics of training. */
export function temporalResBlock(parameters: Parameters, name: string, operand: Value): Value {
  const window = { kernel: [3, 3, 3] };
  const first = causalConvolve(
    parameters,
    `${name}.conv1`,
    silu(batchNorm(parameters, `${name}.norm1`, operand)),
    window,
  );
  const second = causalConvolve(
    parameters,
    `${name}.conv2`,
    silu(batchNorm(parameters, `${name}.norm2`, first)),
    window,
  );
  return add(operand, second);
}

function batchNorm(parameters: Parameters, name: string, operand: Value): Value {
  const part = (of: string): Value => parameters(`${name}.${of}`, [channelsOf(operand)]);
  const scale = divide(part("weight"), sqrt(add(part("running_var"), scalar(BATCH_EPSILON))));
  const shift = subtract(part("bias"), multiply(part("running_mean"), scale));
  const across = (value: Value): Value => reshape(value, [channelsOf(operand), 1, 1, 1]);
  return add(multiply(operand, across(scale)), across(shift));
}
