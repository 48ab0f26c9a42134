/**
 * The Gaussian window of structural similarity, σ = 1.5 over eleven places, and the one loop that all its time goes
 * into: eleven arrays of doubles weighed into one. JavaScript has no vector instructions, so that loop is written down
 * as the WebAssembly of a single function, two doubles at a time, in the order of a plain sum.
 */

const RADIUS = 5;
const SIGMA = 1.5;
export const WINDOW_RADIUS = RADIUS;

/** From the window's end to its middle; it is the same from either side, and sums to 1. */
const HALF = halfOfWindow();

function halfOfWindow(): number[] {
  const raw = Array.from({ length: RADIUS + 1 }, (_, at) =>
    Math.exp(-((at - RADIUS) ** 2) / (2 * SIGMA ** 2)),
  );
  const total = raw.reduce((sum, value, at) => sum + (at === RADIUS ? value : 2 * value), 0);
  return raw.map((value) => value / total);
}

const PAGE_BYTES = 65_536;
/** Shared by all calls, none of which is interrupted: it grows to what the widest picture needs. */
const memory = new WebAssembly.Memory({ initial: 16 });

/** Doubles from the beginning of the memory on, whatever a call before left there. */
export function windowMemory(count: number): Float64Array {
  const lacking = count * Float64Array.BYTES_PER_ELEMENT - memory.buffer.byteLength;
  if (lacking > 0) memory.grow(Math.ceil(lacking / PAGE_BYTES));
  return new Float64Array(memory.buffer, 0, count);
}

/** Weighs `count` doubles, an even number, from each of eleven places of the memory into `to`; places are in doubles. */
export function weigh(to: number, count: number, from: readonly number[]): void {
  kernel(8 * to, 8 * count, ...from.map((place) => 8 * place));
}

const I32 = 0x7f;
const PARAMETERS = 2 + 2 * RADIUS + 1;
/** The local after the parameters: bytes that are done. */
const DONE = PARAMETERS;
const F64X2_ADD = [0xfd, 0xf0, 0x01];
const F64X2_MUL = [0xfd, 0xf2, 0x01];

const get = (local: number): number[] => [0x20, local];
/** Of a parameter's address, as far on as is done. */
const at = (parameter: number): number[] => [...get(parameter), ...get(DONE), 0x6a];
const load = (place: number): number[] => [...at(2 + place), 0xfd, 0x00, 3, 0];

function weight(value: number): number[] {
  return [0xfd, 0x0c, ...new Uint8Array(Float64Array.of(value, value).buffer)];
}

function loopBody(): number[] {
  const terms = HALF.flatMap((value, place) => [
    ...weight(value),
    ...load(place),
    ...(place === RADIUS ? [] : [...load(2 * RADIUS - place), ...F64X2_ADD]),
    ...F64X2_MUL,
    ...(place === 0 ? [] : F64X2_ADD),
  ]);
  const store = [0xfd, 0x0b, 3, 0];
  // done += 16; again while done < count
  const next = [...get(DONE), 0x41, 16, 0x6a, 0x22, DONE, ...get(1), 0x49, 0x0d, 0];
  return [0x03, 0x40, ...at(0), ...terms, ...store, ...next, 0x0b];
}

/** Unsigned LEB128. */
function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function named(name: string): number[] {
  return [name.length, ...new TextEncoder().encode(name)];
}

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** WebAssembly 2.0, section 5.5: one type, the memory, one function of that type, its name, its code. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const code = [1, 1, I32, ...loopBody(), 0x0b];
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(1, [1, 0x60, PARAMETERS, ...Array<number>(PARAMETERS).fill(I32), 0]),
    ...section(2, [1, ...named("earl"), ...named("memory"), 0x02, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...named("weigh"), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

const kernel = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()), { earl: { memory } }).exports[
  "weigh"
] as (to: number, bytes: number, ...from: number[]) => void;
