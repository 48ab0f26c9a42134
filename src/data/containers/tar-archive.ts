/**
 * Tar archives without compression, by position: headers are walked from one to the next, content is read when it is
 * asked for. Links in them are not followed, and nothing is written anywhere.
 */

import { Header, Pax } from "tar";

import { DataError } from "../../errors.ts";
import { formatBytes } from "../../format.ts";
import { messageOf, openSource, type ByteSource } from "./byte-source.ts";

const BLOCK = 512;
/** Names are short; a longer record about one is a lie. */
const MOST_ABOUT_BYTES = 2 ** 20;
const MOST_ENTRY_BYTES = 256 * 2 ** 20;
const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
const LONG_NAMES: ReadonlySet<string> = new Set(["NextFileHasLongPath", "OldGnuLongPath"]);

export interface TarEntry {
  readonly name: string;
  /** Where its first header begins, a long name's included. */
  readonly start: number;
  /** Of its content. */
  readonly offset: number;
  readonly size: number;
  /** Where the next entry begins. */
  readonly end: number;
}

export class TarArchive {
  readonly path: string;
  readonly #source: ByteSource;

  private constructor(source: ByteSource) {
    this.path = source.path;
    this.#source = source;
  }

  /** Throws DataError for a file that is missing, empty or compressed. */
  static async open(path: string): Promise<TarArchive> {
    const source = await openSource(path);
    const start = await source.read(0, Math.min(4, source.byteLength));
    const isGzip = start[0] === 0x1f && start[1] === 0x8b;
    const isZstd = start[0] === 0x28 && start[1] === 0xb5;
    if (isGzip || isZstd) {
      throw new DataError(`${path} is compressed, so that rows cannot be read by number.`, {
        hint: isGzip
          ? "Unpack it with `gunzip`, or with `tar xzf` into a folder."
          : "Unpack it with `zstd -d`.",
      });
    }
    return new TarArchive(source);
  }

  /** Files from a position on, in order. Throws DataError where headers are damaged or the archive is cut off. */
  async *entries(from = 0): AsyncGenerator<TarEntry> {
    const { byteLength } = this.#source;
    let start = from;
    let [longName, about]: [string | undefined, Pax | undefined] = [undefined, undefined];
    for (let at = from; at + BLOCK <= byteLength;) {
      const header = await this.#header(at, about);
      // A block of zeros ends it.
      if (header.nullBlock) return;
      const { type, path = "", size = 0 } = header;
      const offset = at + BLOCK;
      const end = offset + Math.ceil(size / BLOCK) * BLOCK;
      if (!(size >= 0) || offset + size > byteLength)
        throw this.#damaged(`the entry at byte ${at} is cut off`);
      at = end;
      if (LONG_NAMES.has(type)) longName = textOf(await this.#about(offset, size)).replace(/\0.*$/s, "");
      else if (type === "ExtendedHeader") about = Pax.parse(textOf(await this.#about(offset, size)), about);
      else if (type !== "GlobalExtendedHeader") {
        if (FILES.has(type)) yield { name: about?.path ?? longName ?? path, start, offset, size, end };
        [longName, about] = [undefined, undefined];
        start = end;
      }
    }
  }

  /** The content. Throws Error for one that is too large, DataError where the archive cannot be read. */
  async read({ name, offset, size }: TarEntry): Promise<Uint8Array> {
    if (size > MOST_ENTRY_BYTES)
      throw new Error(`${name} in it is larger than ${formatBytes(MOST_ENTRY_BYTES)}`);
    return this.#source.read(offset, offset + size);
  }

  async #header(at: number, about: Pax | undefined): Promise<Header> {
    const block = Buffer.from(await this.#source.read(at, at + BLOCK));
    let header: Header;
    try {
      header = new Header(block, 0, about);
    } catch (cause) {
      throw this.#damaged(`the header at byte ${at} is damaged (${messageOf(cause)})`);
    }
    if (header.nullBlock || header.cksumValid) return header;
    throw this.#damaged(`the header at byte ${at} is damaged`);
  }

  async #about(offset: number, size: number): Promise<Buffer> {
    if (size > MOST_ABOUT_BYTES) throw this.#damaged("a name in it is longer than a megabyte");
    return Buffer.from(await this.#source.read(offset, offset + size));
  }

  #damaged(what: string): DataError {
    return new DataError(`${this.path} cannot be read as a tar archive: ${what}.`, {
      hint: "Check that the file is whole; fetch it again if not.",
    });
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
