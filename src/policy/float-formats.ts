/**
 * Half-width floats to float32 and back: F16 is IEEE 754 binary16, BF16 the upper half of a float32. Rounding is to
 * the nearest, ties to even, as torch does. A little-endian machine is assumed, as everywhere in safetensors.
 */

/** Types that weights are written in, by safetensors' names: what config.json calls them. */
export const DTYPES = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

let halfTable: Float32Array | undefined;

/** Every binary16 as a float32, by its bits: 65,536 values, built once. */
function halves(): Float32Array {
  if (halfTable === undefined) {
    halfTable = new Float32Array(65_536);
    for (let bits = 0; bits < 65_536; bits += 1) halfTable[bits] = halfValue(bits);
  }
  return halfTable;
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** binary16 bits → float32, into `target` from `offset` on. */
export function widenF16(bits: Uint16Array, target: Float32Array, offset: number): void {
  const table = halves();
  for (let index = 0; index < bits.length; index += 1) {
    target[offset + index] = table[bits[index]!]!;
  }
}

/** bfloat16 bits → float32, into `target` from `offset` on. */
export function widenBF16(bits: Uint16Array, target: Float32Array, offset: number): void {
  const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let index = 0; index < bits.length; index += 1) words[offset + index] = bits[index]! << 16;
}

/** float32 → bfloat16 bits. */
export function narrowBF16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index]!;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    // Half of the last kept place less one, plus that place's own bit: ties go to the even neighbour.
    bits[index] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}

/** float32 → binary16 bits; beyond 65,504 (rounded) it is an infinity. */
export function narrowF16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < words.length; index += 1) bits[index] = halfBits(words[index]!);
  return bits;
}

function halfBits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 0x477ff000 is 65,520: half-way between the largest half and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000)
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  return sign | subnormalBits(magnitude);
}

/** Below 2^-14 a half is a multiple of 2^-24. */
function subnormalBits(magnitude: number): number {
  const exponent = magnitude >>> 23;
  // 2^-25 is half of the smallest half and rounds to zero, as does all below it.
  if (exponent < 102) return 0;
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0);
}
