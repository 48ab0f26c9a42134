/** Pictures as MoVQ sees them: channels apart, −1…1. To the bit as the image processors of Emu3 and transformers. */

import type { Picture } from "../../images/picture.ts";
import { picture } from "../../images/picture.ts";

/** (v / 255 − 0.5) / 0.5 in float32, for every byte. */
const LEVELS = Float32Array.from({ length: 256 }, (_, level) => (Math.fround(level * (1 / 255)) - 0.5) / 0.5);

/** [3, height, width] in −1…1. */
export function toPixels({ width, height, pixels }: Picture): Float32Array {
  const size = width * height;
  const result = new Float32Array(3 * size);
  for (let place = 0; place < size; place += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      result[channel * size + place] = LEVELS[pixels[3 * place + channel] as number] as number;
    }
  }
  return result;
}

/** The picture of [3, height, width]: clipped to 0…255 and cut to a whole number, not rounded, as both processors do. */
export function fromPixels(values: Float32Array, width: number, height: number): Picture {
  const size = width * height;
  const result = picture(width, height);
  for (let place = 0; place < size; place += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const unit = Math.fround(Math.fround((values[channel * size + place] as number) + 1) / 2);
      const level = Math.fround(unit * 255);
      result.pixels[3 * place + channel] = Math.trunc(Math.min(255, Math.max(0, level)));
    }
  }
  return result;
}
