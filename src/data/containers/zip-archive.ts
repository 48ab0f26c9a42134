/**
 * Zip archives, read entry by entry: the directory at the end is read once, and of it as little is kept as finds an
 * entry again. Nothing is written anywhere; an archive with a name that climbs out of its folder is refused all the same.
 */

import { crc32, inflateRawSync } from "node:zlib";

import { configure, Reader, Uint8ArrayWriter, ZipReader, type FileEntry } from "@zip.js/zip.js";

import { DataError } from "../../errors.ts";
import { formatBytes } from "../../format.ts";
import { isFailedRead, messageOf, openSource, ShortRead, type ByteSource } from "./byte-source.ts";

/** An entry is a picture or a small file; a larger one is not read into memory. */
const MOST_ENTRY_BYTES = 256 * 2 ** 20;
const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;

interface Place {
  readonly offset: number;
  readonly stored: number;
  readonly size: number;
  readonly method: number;
  /** Absent where the directory has none. */
  readonly crc: number | undefined;
  /** Kept where the entry is encrypted: it takes the library to read it. */
  readonly encrypted: FileEntry | undefined;
}

configure({ useWebWorkers: false });

export class ZipArchive {
  readonly path: string;
  readonly #source: ByteSource;
  readonly #entries: ReadonlyMap<string, Place>;
  readonly #password: string | undefined;

  private constructor(source: ByteSource, entries: ReadonlyMap<string, Place>, password: string | undefined) {
    this.path = source.path;
    this.#source = source;
    this.#entries = entries;
    this.#password = password;
  }

  /** Reads the directory. Throws DataError for a file that is missing, cut off or no zip archive. */
  static async open(path: string, options: { readonly password?: string } = {}): Promise<ZipArchive> {
    return ZipArchive.of(await openSource(path), options);
  }

  /** Reads the directory. Throws DataError for what is cut off or no zip archive. */
  static async of(source: ByteSource, options: { readonly password?: string } = {}): Promise<ZipArchive> {
    const { path } = source;
    const reader = new ZipReader(new SourceReader(source));
    const entries = new Map<string, Place>();
    try {
      for await (const entry of reader.getEntriesGenerator()) {
        if (entry.directory) continue;
        const { filename, offset, compressedSize, uncompressedSize, compressionMethod, crc32: crc } = entry;
        const place = {
          offset,
          stored: compressedSize,
          size: uncompressedSize,
          method: compressionMethod,
          crc,
          encrypted: entry.encrypted ? entry : undefined,
        };
        // Of a name that is there twice the first counts: what looked at it first is what reads it.
        if (!entries.has(filename)) entries.set(filename, place);
      }
    } catch (cause) {
      if (isFailedRead(cause)) throw cause;
      const climbing = cause instanceof Error && "filename" in cause ? ` (${String(cause.filename)})` : "";
      throw new DataError(`${path} cannot be read as a zip archive: ${messageOf(cause)}${climbing}.`, {
        hint: "Check that the file is whole; fetch it again if not.",
        cause,
      });
    }
    return new ZipArchive(source, entries, options.password);
  }

  names(): IterableIterator<string> {
    return this.#entries.keys() as IterableIterator<string>;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * An entry's content; undefined where there is none of this name. Throws Error where it is damaged, lies about its
   * length or is too large; DataError where the archive cannot be read.
   */
  async read(name: string): Promise<Uint8Array | undefined> {
    const place = this.#entries.get(name);
    if (place === undefined) return undefined;
    if (place.size > MOST_ENTRY_BYTES || place.stored > MOST_ENTRY_BYTES) {
      throw new Error(`${name} in it is larger than ${formatBytes(MOST_ENTRY_BYTES)}`);
    }
    if (place.encrypted !== undefined) return this.#decrypted(name, place.encrypted);
    const content = unpacked(name, await this.#packed(name, place), place);
    if (content.length !== place.size) throw new Error(`${name} in it is not as long as it says`);
    if (place.crc !== undefined && crc32(content) !== place.crc >>> 0)
      throw new Error(`the checksum of ${name} in it differs`);
    return content;
  }

  async #packed(name: string, { offset, stored }: Place): Promise<Uint8Array> {
    const header = Buffer.from(await this.#source.read(offset, offset + LOCAL_HEADER_BYTES));
    if (header.readUInt32LE(0) !== LOCAL_HEADER) throw new Error(`${name} in it is not where it should be`);
    const start = offset + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
    return this.#source.read(start, start + stored);
  }

  async #decrypted(name: string, entry: FileEntry): Promise<Uint8Array> {
    if (this.#password === undefined) {
      throw new DataError(`${this.path} is encrypted.`, { hint: "Unpack it with its password first." });
    }
    try {
      return await entry.getData(new Uint8ArrayWriter(), { password: this.#password, checkSignature: true });
    } catch (cause) {
      if (isFailedRead(cause)) throw cause;
      throw new Error(`${name} in it cannot be decrypted (${messageOf(cause)})`, { cause });
    }
  }
}

function unpacked(name: string, packed: Uint8Array, { method, size }: Place): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED)
    throw new Error(`${name} in it is packed by a method (${method}) that is not read`);
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch (cause) {
    throw new Error(`${name} in it cannot be unpacked, or to another length than it says`, { cause });
  }
}

class SourceReader extends Reader<ByteSource> {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    super(source);
    this.#source = source;
    this.size = source.byteLength;
  }

  override async readUint8Array(index: number, length: number): Promise<Uint8Array> {
    // The library asks past the end when it looks for the directory.
    const end = Math.min(index + length, this.#source.byteLength);
    if (index > end) throw new ShortRead("the archive ends before its directory does");
    return this.#source.read(index, end);
  }
}
