/**
 * Trained parameters as one array: the optimizer's state is three arrays instead of three a tensor, so an update is
 * a dozen nodes, and a step passes three tensors to onnxruntime instead of hundreds. Each parameter is a view.
 */

import { ShapeError } from "../../errors.ts";
import { sizeOf, type ParameterShape } from "../../policy/parameters.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { concat, reshape, slice } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";

interface Place {
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** Where each parameter lies in the array, in the order of the forward pass. */
export interface ParameterLayout {
  readonly places: readonly Place[];
  readonly size: number;
}

export function parameterLayout(shapes: readonly ParameterShape[]): ParameterLayout {
  let size = 0;
  const places = shapes.map(({ name, shape }) => {
    const start = size;
    size += sizeOf(shape);
    return { name, shape, start, end: size };
  });
  return { places, size };
}

/** Copies parameters into one array. Throws ShapeError for a missing or misshapen one. */
export function flatten(
  layout: ParameterLayout,
  parameters: ReadonlyMap<string, Float32Array>,
): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const { name, shape, start, end } of layout.places) {
    const values = parameters.get(name);
    if (values?.length !== end - start) {
      throw new ShapeError(
        `The parameter ${name} has shape [${shape.join(", ")}], got ${values?.length ?? 0} values.`,
      );
    }
    flat.set(values, start);
  }
  return flat;
}

/** Each parameter as a view of the array, nothing copied. */
export function parameterViews({ places }: ParameterLayout, flat: Float32Array): Map<string, Float32Array> {
  return new Map(places.map(({ name, start, end }) => [name, flat.subarray(start, end)]));
}

export const PARAMETERS = "parameters";

/** The array as a graph input, and each parameter as a piece of it. */
export function flatPieces({ places, size }: ParameterLayout): {
  readonly flat: Value;
  readonly pieces: Map<string, Value>;
} {
  const flat = input(PARAMETERS, [size]);
  const pieces = new Map(
    places.map(({ name, shape, start, end }) => [name, reshape(slice(flat, 0, start, end), shape)]),
  );
  return { flat, pieces };
}

/** Gradients of the parameters, in the layout's order, as one array. */
export function joined(slopes: readonly Value[]): Value {
  return concat(
    slopes.map((slope) => reshape(slope, [sizeOf(slope.shape)])),
    0,
  );
}
