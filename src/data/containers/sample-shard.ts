/**
 * A tar shard as WebDataset names its files: those that share a name up to the first dot are one sample, and what stands
 * behind the dot says what each is. `000012.input.jpg`, `000012.output.jpg` and `000012.json` are a row with the cells
 * input, output, and whatever the JSON has.
 */

import { basename } from "node:path";

import { isRecord } from "../../config/raw-settings.ts";
import { DataError } from "../../errors.ts";
import { isFailedRead, messageOf } from "./byte-source.ts";
import { DamagedRow, type RowTable, type TableRecord } from "./row-table.ts";
import { TarArchive } from "./tar-archive.ts";

/** The cell with what a sample's files share. */
export const SAMPLE_KEY = "__key__";
/** Cells of a sample whose file has an ending alone are called after it: `12.jpg` gives the cell jpg. */
const PICTURE_ENDINGS = /\.?(?:png|jpe?g|webp)$/i;
const TEXT_ENDINGS = /\.?(?:txt|text)$/i;

interface Sample {
  /** Where its first file begins. */
  readonly start: number;
  readonly files: number;
}

export class SampleShard implements RowTable {
  readonly path: string;
  readonly columns: readonly string[];
  readonly #archive: TarArchive;
  readonly #samples: readonly Sample[];

  private constructor(archive: TarArchive, samples: readonly Sample[], columns: readonly string[]) {
    this.path = archive.path;
    this.#archive = archive;
    this.#samples = samples;
    this.columns = columns;
  }

  /** Walks the headers once. Throws DataError for a file that is missing, compressed, cut off or no tar archive. */
  static async open(path: string): Promise<SampleShard> {
    const archive = await TarArchive.open(path);
    const samples: { start: number; files: number }[] = [];
    let key: string | undefined;
    for await (const entry of archive.entries()) {
      const own = splitName(entry.name);
      if (own === undefined) continue;
      if (own.key !== key) samples.push({ start: entry.start, files: 0 });
      key = own.key;
      samples.at(-1)!.files += 1;
    }
    if (samples.length === 0) throw new DataError(`${path} holds no file.`, { hint: "Fetch it again." });
    const first = await new SampleShard(archive, samples, []).#record(samples[0]!);
    return new SampleShard(archive, samples, first instanceof DamagedRow ? [] : Object.keys(first));
  }

  get name(): string {
    return basename(this.path);
  }

  get rows(): number {
    return this.#samples.length;
  }

  async read(indices: readonly number[]): Promise<(TableRecord | DamagedRow)[]> {
    const rows: (TableRecord | DamagedRow)[] = [];
    for (const index of indices) {
      const sample = this.#samples[index];
      if (sample === undefined) throw new RangeError(`${this.path} has ${this.rows} rows, no row ${index}.`);
      rows.push(await this.#record(sample));
    }
    return rows;
  }

  async *scan(): AsyncGenerator<TableRecord | DamagedRow> {
    for (const sample of this.#samples) yield await this.#record(sample);
  }

  async #record({ start, files }: Sample): Promise<TableRecord | DamagedRow> {
    const cells: [string, unknown][] = [];
    let left = files;
    try {
      for await (const entry of this.#archive.entries(start)) {
        const own = splitName(entry.name);
        if (own === undefined) continue;
        if (cells.length === 0) cells.push([SAMPLE_KEY, own.key]);
        cells.push(...cellsOf(own.ending, await this.#archive.read(entry)));
        left -= 1;
        if (left === 0) break;
      }
    } catch (cause) {
      if (isFailedRead(cause)) throw cause;
      return new DamagedRow(messageOf(cause));
    }
    return Object.fromEntries(cells);
  }
}

function cellsOf(ending: string, content: Uint8Array): [string, unknown][] {
  const text = (): string => Buffer.from(content.buffer, content.byteOffset, content.length).toString("utf8");
  if (/(?:^|\.)json$/i.test(ending)) {
    const value: unknown = JSON.parse(text());
    return isRecord(value) ? Object.entries(value) : [[named(ending, /\.?json$/i), value]];
  }
  if (TEXT_ENDINGS.test(ending)) return [[named(ending, TEXT_ENDINGS), text()]];
  return [[named(ending, PICTURE_ENDINGS), content]];
}

/** What is left without the ending; the ending itself where nothing is. */
function named(ending: string, known: RegExp): string {
  return ending.replace(known, "") || ending;
}

/** Folder and name up to the first dot, and what stands behind it. */
function splitName(name: string): { readonly key: string; readonly ending: string } | undefined {
  const [, key, ending] = /^((?:.*\/)?[^/.][^/.]*)\.([^/]+)$/.exec(name) ?? [];
  return key === undefined || ending === undefined ? undefined : { key, ending };
}
