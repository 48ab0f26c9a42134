/** The parameters of a MoVQ by their published names, as its graphs ask for them, and fresh values. */

import { Rng } from "../../random.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { sizeOf, type Shape, type Value } from "../../tensor/value.ts";
import { spatialFactor, type MovqConfig } from "./config.ts";
import { decodeCodes } from "./decoder.ts";
import { encodePictures } from "./encoder.ts";
import type { Parameters } from "./layers.ts";

export type MovqHalf = "encoder" | "decoder";

/** Inputs of a graph that parameters are fed to, and the list of those it asked for. */
export function parameterInputs(): {
  readonly parameters: Parameters;
  readonly shapes: ReadonlyMap<string, Shape>;
} {
  const values = new Map<string, Value>();
  const shapes = new Map<string, Shape>();
  const parameters: Parameters = (name, shape) => {
    const known = values.get(name) ?? input(name, shape);
    values.set(name, known);
    shapes.set(name, known.shape);
    return known;
  };
  return { parameters, shapes };
}

/** Name and shape of everything one half needs, in the order it is needed. The codebook belongs to both. */
export function movqParameterShapes(config: MovqConfig, half: MovqHalf): ReadonlyMap<string, Shape> {
  const { parameters, shapes } = parameterInputs();
  // The smallest picture there is: shapes of parameters do not depend on its size.
  const side = spatialFactor(config);
  if (half === "encoder")
    encodePictures(config, parameters, input("pixels", [1, config.inputChannels, side, side]));
  else decodeCodes(config, parameters, input("codes", [1, 1, 1], "int64"));
  return shapes;
}

/** Name and shape of every tensor, running statistics included. */
export function allMovqShapes(config: MovqConfig): ReadonlyMap<string, Shape> {
  return new Map([...movqParameterShapes(config, "encoder"), ...movqParameterShapes(config, "decoder")]);
}

/** Numbers that are learned: 270,740,287 for the published config. Running statistics are not among them. */
export function movqParameterCount(config: MovqConfig): number {
  const learned = [...allMovqShapes(config)].filter(([name]) => !name.includes(".running_"));
  return learned.reduce((count, [, shape]) => count + sizeOf(shape), 0);
}

/**
 * Fresh values for every parameter: norms 1 and 0, biases 0, convolutions with the variance 2 / (outputs · window) of
 * He et al. 2015 (eq. 14), codebook entries uniform over ±1. Uniform, since normal numbers take five times as long
 * to draw and 270 million are needed. A tensor's values depend on the seed and its name alone.
 */
export function initialMovqParameters(config: MovqConfig, seed: number): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const [name, shape] of allMovqShapes(config)) {
    const tensor = new Float32Array(sizeOf(shape));
    if (shape.length === 1) tensor.fill(/\.(?:weight|running_var)$/.test(name) ? 1 : 0);
    else fillUniform(tensor, boundOf(shape), Rng.from(seed, "movq", name));
    parameters.set(name, tensor);
  }
  return parameters;
}

/** Largest magnitude of a fresh matrix or window; that of a uniform variable is √3 times its standard deviation. */
function boundOf(shape: Shape): number {
  if (shape.length === 2) return 1;
  return Math.sqrt(6 / ((shape[0] as number) * sizeOf(shape.slice(2))));
}

function fillUniform(tensor: Float32Array, bound: number, rng: Rng): void {
  for (let index = 0; index < tensor.length; index += 1) tensor[index] = (2 * rng.uniform() - 1) * bound;
}
