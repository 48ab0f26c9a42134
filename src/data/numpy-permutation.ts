/**
 * The order that `datasets` gives rows it shuffles with a seed: NumPy's `default_rng(seed).permutation(count)`. That is
 * PCG64 (O'Neill 2014: a linear congruence of 128 bits, its halves folded and rotated), seeded through NumPy's
 * SeedSequence, and Fisher and Yates' shuffle with numbers that are drawn again where they are too large.
 */

const WORD = 0xffff_ffffn;
const LONG = (1n << 64n) - 1n;
const HUGE = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645n;

/** All of 0…count − 1, for a seed below 2³². */
export function numpyPermutation(seed: number, count: number): number[] {
  const next = words(seed);
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = bounded(next, last);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** A number of 0…most, each equally likely: as many low bits as it has, drawn anew while they are more. */
function bounded(next: () => number, most: number): number {
  const mask = 2 ** (32 - Math.clz32(most)) - 1;
  for (;;) {
    const drawn = (next() & mask) >>> 0;
    if (drawn <= most) return drawn;
  }
}

/** Numbers of 32 bits: the halves of those of 64, the lower one first. */
function words(seed: number): () => number {
  const [first, second, third, fourth] = seedState(seed);
  const increment = ((((third! << 64n) | fourth!) << 1n) | 1n) & HUGE;
  const step = (state: bigint): bigint => (state * MULTIPLIER + increment) & HUGE;
  let state = step((increment + ((first! << 64n) | second!)) & HUGE);
  let upper: number | undefined;
  return () => {
    if (upper !== undefined) {
      const kept = upper;
      upper = undefined;
      return kept;
    }
    state = step(state);
    const folded = (state >> 64n) ^ (state & LONG);
    const turn = state >> 122n;
    const rotated = ((folded >> turn) | (folded << (64n - turn))) & LONG;
    upper = Number(rotated >> 32n);
    return Number(rotated & WORD);
  };
}

const POOL = 4;
const XOR_A = 0x43b0_d7e5;
const TIMES_A = 0x931e_8875;
const XOR_B = 0x8b51_f9dd;
const TIMES_B = 0x58f3_8ded;
const TIMES_LEFT = 0xca01_f9dd;
const TIMES_RIGHT = 0x4973_f715;

/** What SeedSequence(seed).generate_state(4, uint64) gives. */
function seedState(seed: number): bigint[] {
  const hash = hasher(XOR_A, TIMES_A);
  const pool = Array.from({ length: POOL }, (_, index) => hash(index === 0 ? seed >>> 0 : 0));
  for (let from = 0; from < POOL; from += 1) {
    for (let to = 0; to < POOL; to += 1) if (from !== to) pool[to] = mixed(pool[to]!, hash(pool[from]!));
  }
  const out = hasher(XOR_B, TIMES_B);
  const parts = Array.from({ length: 2 * POOL }, (_, index) => BigInt(out(pool[index % POOL]!)));
  return Array.from({ length: POOL }, (_, index) => parts[2 * index]! | (parts[2 * index + 1]! << 32n));
}

function hasher(xor: number, times: number): (value: number) => number {
  let constant = xor;
  return (value) => {
    const folded = (value ^ constant) >>> 0;
    constant = Math.imul(constant, times) >>> 0;
    const product = Math.imul(folded, constant) >>> 0;
    return (product ^ (product >>> 16)) >>> 0;
  };
}

function mixed(left: number, right: number): number {
  const result = (Math.imul(TIMES_LEFT, left) - Math.imul(TIMES_RIGHT, right)) >>> 0;
  return (result ^ (result >>> 16)) >>> 0;
}
