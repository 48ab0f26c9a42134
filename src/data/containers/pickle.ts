/**
 * Python's pickles, as far as arrays of NumPy in plain containers need them: a pickle is a program, and this reader runs
 * none of it. It knows the opcodes that build values, and of names only those below; anything else is refused
 * (opcodes: CPython, Lib/pickletools.py).
 */

import { build, made, MARK, named, plain, textOf, type Pickled, type Value } from "./pickle-values.ts";

/** Throws Error for what is cut off, asks for another name, or is no pickle of plain values and arrays. */
export function readPickle(bytes: Uint8Array): Pickled {
  return plain(new PickleReader(bytes).run(), 0);
}

/** Values on the stack, or kept under a number; a grid needs a few dozen. */
const MOST_VALUES = 1_000_000;

class PickleReader {
  readonly #bytes: Buffer;
  #at = 0;
  readonly #stack: Value[] = [];
  readonly #memo = new Map<number, Value>();

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  run(): Value {
    for (;;) {
      const opcode = this.#take(1)[0]!;
      if (opcode === 0x2e) return this.#pop();
      this.#step(opcode);
      if (this.#stack.length > MOST_VALUES || this.#memo.size > MOST_VALUES) {
        throw new Error("the pickle holds too many values");
      }
    }
  }

  #step(opcode: number): void {
    const value = this.#constant(opcode);
    if (value !== undefined) this.#stack.push(value);
    else if (!this.#memoStep(opcode) && !this.#container(opcode)) {
      const shown = `0x${opcode.toString(16).padStart(2, "0")}`;
      throw new Error(
        `the pickle has an opcode (${shown} at byte ${this.#at - 1}) that code grids do not need`,
      );
    }
  }

  /** What is pushed as it stands; undefined for any other opcode. */
  #constant(opcode: number): Value | undefined {
    switch (opcode) {
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
        return true;
      case 0x89: // NEWFALSE
        return false;
      case 0x4a: // BININT
        return this.#take(4).readInt32LE(0);
      case 0x4b: // BININT1
        return this.#take(1)[0]!;
      case 0x4d: // BININT2
        return this.#take(2).readUInt16LE(0);
      case 0x8a: // LONG1
        return integerOf(this.#take(this.#take(1)[0]!));
      case 0x47: // BINFLOAT
        return this.#take(8).readDoubleBE(0);
      case 0x58: // BINUNICODE
        return this.#take(this.#take(4).readUInt32LE(0)).toString("utf8");
      case 0x8c: // SHORT_BINUNICODE
        return this.#take(this.#take(1)[0]!).toString("utf8");
      case 0x42: // BINBYTES
        return this.#take(this.#take(4).readUInt32LE(0));
      case 0x43: // SHORT_BINBYTES
        return this.#take(this.#take(1)[0]!);
      case 0x7d: // EMPTY_DICT
        return new Map();
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return [];
      case 0x28: // MARK
        return MARK;
      case 0x63: // GLOBAL
        return named(`${this.#line()} ${this.#line()}`);
      default:
        return undefined;
    }
  }

  #memoStep(opcode: number): boolean {
    switch (opcode) {
      case 0x80: // PROTO
        this.#take(1);
        return true;
      case 0x95: // FRAME
        this.#take(8);
        return true;
      case 0x71: // BINPUT
        this.#memo.set(this.#take(1)[0]!, this.#top());
        return true;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#take(4).readUInt32LE(0), this.#top());
        return true;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#top());
        return true;
      case 0x68: // BINGET
        this.#stack.push(this.#kept(this.#take(1)[0]!));
        return true;
      case 0x6a: // LONG_BINGET
        this.#stack.push(this.#kept(this.#take(4).readUInt32LE(0)));
        return true;
      default:
        return false;
    }
  }

  #container(opcode: number): boolean {
    switch (opcode) {
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        this.#stack.push(this.#popMany(opcode - 0x84));
        return true;
      case 0x74: // TUPLE
        this.#stack.push(this.#popToMark());
        return true;
      case 0x61: // APPEND
        this.#append(this.#popMany(1));
        return true;
      case 0x65: // APPENDS
        this.#append(this.#popToMark());
        return true;
      case 0x73: // SETITEM
        this.#set(this.#popMany(2));
        return true;
      case 0x75: // SETITEMS
        this.#set(this.#popToMark());
        return true;
      case 0x93: {
        // STACK_GLOBAL
        this.#stack.push(named(this.#popMany(2).map(textOf).join(" ")));
        return true;
      }
      case 0x52: {
        // REDUCE
        const [called, given] = this.#popMany(2);
        this.#stack.push(made(called!, given!));
        return true;
      }
      case 0x62: {
        // BUILD
        const state = this.#pop();
        build(this.#top(), state);
        return true;
      }
      default:
        return false;
    }
  }

  #append(values: readonly Value[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw new Error("the pickle adds to what is no list");
    for (const value of values) list.push(value);
  }

  #set(pairs: readonly Value[]): void {
    const record = this.#top();
    if (!(record instanceof Map)) throw new Error("the pickle sets keys of what is no dict");
    for (let at = 0; at + 1 < pairs.length; at += 2) record.set(pairs[at]!, pairs[at + 1]!);
  }

  #kept(number: number): Value {
    const value = this.#memo.get(number);
    if (value === undefined) throw new Error("the pickle refers to a value that it has not made");
    return value;
  }

  #top(): Value {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK)
      throw new Error("the pickle takes more values than it has made");
    return value;
  }

  #pop(): Value {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): Value[] {
    const values = Array.from({ length: count }, () => this.#pop());
    return values.toReversed();
  }

  #popToMark(): Value[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw new Error("the pickle takes more values than it has made");
    const values = this.#stack.splice(mark);
    return values.slice(1);
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new Error("the pickle is cut off");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new Error("the pickle is cut off");
    const line = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return line;
  }
}

/** Little-endian, two's complement. */
function integerOf(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (const [at, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * at);
  if ((bytes.at(-1) ?? 0) > 127) value -= 1n << BigInt(8 * bytes.length);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
