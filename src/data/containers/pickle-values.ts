/** What a pickle may build: plain values, and arrays of NumPy from the few names that make them. None of them is called. */

/** An array of NumPy: its bytes in C or Fortran order. */
export interface PickledArray {
  readonly shape: readonly number[];
  /** NumPy's code: "<i8". */
  readonly type: string;
  readonly isFortran: boolean;
  readonly bytes: Uint8Array;
}

export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickledArray
  | readonly Pickled[]
  | Map<string, Pickled>;

export function isPickledArray(value: Pickled | undefined): value is PickledArray {
  return typeof value === "object" && value !== null && "isFortran" in value;
}

const NAMES = new Set([
  "numpy.core.multiarray _reconstruct",
  "numpy._core.multiarray _reconstruct",
  "numpy ndarray",
  "numpy dtype",
  "_codecs encode",
  "collections OrderedDict",
]);
const DEEPEST = 16;

export class Name {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
class NumpyType {
  readonly code: string;
  order = "<";
  constructor(code: string) {
    this.code = code;
  }
}
class NumpyArray {
  state: PickledArray | undefined;
}
export const MARK = Symbol("mark");

export type Value =
  | typeof MARK
  | Name
  | NumpyType
  | NumpyArray
  | Value[]
  | Map<Value, Value>
  | Uint8Array
  | null
  | boolean
  | number
  | bigint
  | string;

export function textOf(value: Value | undefined): string {
  if (typeof value !== "string") throw new Error("the pickle has another value where a text should be");
  return value;
}

export function named(name: string): Name {
  if (NAMES.has(name)) return new Name(name);
  throw new Error(
    `the pickle asks for ${JSON.stringify(name.replace(" ", "."))}, which no code grid needs; it is not run`,
  );
}

export function made(called: Value, given: Value): Value {
  if (!(called instanceof Name) || !Array.isArray(given)) throw new Error("the pickle calls what is no name");
  if (called.name.endsWith(" _reconstruct")) return new NumpyArray();
  const [first, second] = given;
  switch (called.name) {
    case "numpy dtype":
      return new NumpyType(textOf(first));
    case "_codecs encode":
      if (typeof first !== "string" || second !== "latin1")
        throw new Error("the pickle encodes bytes in another way");
      return Buffer.from(first, "latin1");
    case "collections OrderedDict":
      return new Map();
    default:
      throw new Error(`the pickle calls ${called.name}`);
  }
}

/** States as NumPy gives them: of a dtype (version, order, …), of an array (version, shape, dtype, fortran, bytes). */
export function build(target: Value, state: Value): void {
  if (!Array.isArray(state)) throw new Error("the pickle gives a state that is no tuple");
  if (target instanceof NumpyType) {
    target.order = textOf(state[1]);
    return;
  }
  const [, shape, type, isFortran, bytes] = state;
  const isWhole = (side: Value): side is number =>
    typeof side === "number" && Number.isInteger(side) && side >= 0;
  if (!(target instanceof NumpyArray) || !(type instanceof NumpyType) || !(bytes instanceof Uint8Array)) {
    throw new Error("the pickle builds what is no array of bytes");
  }
  if (!Array.isArray(shape) || !shape.every(isWhole))
    throw new Error("the pickle has an array without a shape");
  target.state = { shape, type: `${type.order}${type.code}`, isFortran: isFortran === true, bytes };
}

/** The value without what only the reading needed. */
export function plain(value: Value, depth: number): Pickled {
  if (depth > DEEPEST) throw new Error("the pickle is nested too deep");
  if (value instanceof NumpyArray) {
    if (value.state === undefined) throw new Error("the pickle has an array without content");
    return value.state;
  }
  if (value instanceof Name || value instanceof NumpyType || value === MARK) {
    throw new Error("the pickle holds a name where a value should be");
  }
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  if (!(value instanceof Map)) return value;
  const entries = new Map<string, Pickled>();
  for (const [key, one] of value) if (typeof key === "string") entries.set(key, plain(one, depth + 1));
  return entries;
}
