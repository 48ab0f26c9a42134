/**
 * MagicBrush as its authors pack it: `test/edit_turns.json` beside `test/images/ID/…`, in a folder or still in the
 * archive, whose password is published with it.
 */

import { readFile, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

import { isRecord } from "../../config/raw-settings.ts";
import { DataError } from "../../errors.ts";
import { bytesSource, messageOf } from "../containers/byte-source.ts";
import { pictureStore, type PictureStore } from "../containers/picture-store.ts";
import { TableSeries } from "../containers/table-series.ts";
import { TextTable } from "../containers/text-table.ts";
import { ZipArchive } from "../containers/zip-archive.ts";
import { captionsOf, instructionOf, textOf } from "../cells.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample } from "../edit-dataset.ts";
import { SPLIT_NAMES } from "../split-files.ts";
import { tableDataset, type FoundRow } from "../table-dataset.ts";

const TURNS = "edit_turns.json";
/** As published on MagicBrush's page. */
const PASSWORD = "MagicBrush";
/** The README, the evaluation's default, and what others open call these files differently. */
const CAPTION_FILES = {
  /** Of a whole picture. */
  global: ["global_descriptions.json", "global_description.json", "global_captions.json"],
  /** Of what a turn edited. */
  local: ["local_descriptions.json", "local_description.json", "local_captions.json"],
};

/** A place that holds a split: a folder, or the inside of an archive. */
interface Place {
  /** The file of turns, as errors name it. */
  readonly path: string;
  readonly turns: TextTable;
  readonly pictures: PictureStore;
  /** Before `images/` in the names of pictures. */
  readonly prefix: string;
  readonly file: (name: string) => Promise<Uint8Array | undefined>;
}

/** The split, or undefined where no turns of it lie there. Throws DataError for an archive or a list that cannot be read. */
export async function openTurns(directory: string, split: DatasetSplit): Promise<EditDataset | undefined> {
  const place = (await inFolder(directory, split)) ?? (await inArchive(directory, split));
  if (place === undefined) return undefined;
  const captions = await captionsBeside(place);
  return tableDataset(
    { split, directory, series: new TableSeries([place.turns]) },
    {
      columns: ["input", "output", "instruction"],
      optional: ["mask"],
      id: { columns: ["output"], of: ({ output }) => textOf(output)?.replace(/\.[a-z]+$/, "") },
      exampleOf: (row) => exampleOf(row, place, captions),
    },
  );
}

async function inFolder(directory: string, split: DatasetSplit): Promise<Place | undefined> {
  const names = SPLIT_NAMES[split];
  const own = names.includes(basename(resolve(directory))) ? [directory] : [];
  const folders = [...own, ...names.map((name) => join(directory, name))];
  for (const folder of folders) {
    const path = join(folder, TURNS);
    if ((await stat(path).catch(() => undefined)) === undefined) continue;
    return {
      path,
      turns: await TextTable.open(path),
      pictures: await pictureStore(folder),
      prefix: "",
      file: (name) => readFile(join(folder, name)).catch(() => undefined),
    };
  }
  return undefined;
}

async function inArchive(directory: string, split: DatasetSplit): Promise<Place | undefined> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(".zip"));
  for (const name of names.toSorted()) {
    const path = join(directory, name);
    const archive = await ZipArchive.open(path, { password: PASSWORD });
    const at = [...archive.names()].find((entry) => {
      const [folder, file] = entry.split("/").slice(-2);
      return file === TURNS && SPLIT_NAMES[split].includes(folder ?? "");
    });
    if (at === undefined) continue;
    const prefix = at.slice(0, -TURNS.length);
    const label = `${path}/${at}`;
    const file = async (wanted: string): Promise<Uint8Array | undefined> =>
      archive.read(prefix + wanted).catch((cause: unknown) => {
        if (cause instanceof DataError) throw cause;
        throw new DataError(`${path} cannot be read: ${messageOf(cause)}.`, {
          hint: "Fetch it again.",
          cause,
        });
      });
    const turns = await TextTable.of(bytesSource(label, (await file(TURNS))!));
    const pictures = await pictureStore(directory, { archived: literally(name), password: PASSWORD });
    return { path: label, turns, pictures, prefix, file };
  }
  return undefined;
}

function literally(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`);
}

/** Caption of each picture, by session and name. */
type Captions = Readonly<Record<string, unknown>>;
type CaptionKind = keyof typeof CAPTION_FILES;

async function captionsBeside(place: Place): Promise<Record<CaptionKind, Captions>> {
  return { global: await captionsIn(place, "global"), local: await captionsIn(place, "local") };
}

/** Of the first of the files that is there. */
async function captionsIn({ path, file }: Place, kind: CaptionKind): Promise<Captions> {
  for (const name of CAPTION_FILES[kind]) {
    const bytes = await file(name);
    if (bytes === undefined) continue;
    try {
      const content: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
      if (isRecord(content)) return content;
    } catch (cause) {
      throw new DataError(`${name}, beside ${path}, is no JSON.`, { hint: "Fetch it again.", cause });
    }
  }
  return {};
}

async function exampleOf(
  { record, origin }: FoundRow,
  { pictures, prefix }: Place,
  captions: Readonly<Record<CaptionKind, Captions>>,
): Promise<EditExample | BrokenRow> {
  const [input, output, mask] = ["input", "output", "mask"].map((key) => textOf(record[key]));
  const instruction = instructionOf(record["instruction"]);
  if (input === undefined) return { origin, broken: "input is not a text" };
  if (output === undefined) return { origin, broken: "output is not a text" };
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  const session = input.split("-")[0]!;
  const read = async (name: string): ReturnType<PictureStore["read"]> =>
    pictures.read(`${prefix}images/${session}/${name}`);
  const [source, target] = [await read(input), await read(output)];
  if ("broken" in source) return { origin, broken: source.broken };
  if ("broken" in target) return { origin, broken: target.broken };
  const drawn = mask === undefined ? undefined : await read(mask);
  // What a picture shows as a whole; where nothing says that, what was edited in it.
  const whole = (name: string): string | undefined =>
    captionOf(captions.global, session, name) ?? captionOf(captions.local, session, name);
  const turn = /-output(\d+)\./.exec(output)?.[1];
  return {
    id: turn === undefined ? output.replace(/\.[a-z]+$/, "") : `${session}-${turn}`,
    task: "edit",
    instruction,
    source,
    target,
    ...(drawn !== undefined && !("broken" in drawn) && { mask: drawn }),
    ...captionsOf(whole(input), whole(output), captionOf(captions.local, session, output)),
    sourceKey: session,
    origin,
  };
}

function captionOf(captions: Captions, session: string, name: string): string | undefined {
  const ofSession = captions[session];
  return isRecord(ofSession) ? textOf(ofSession[name]) : undefined;
}
