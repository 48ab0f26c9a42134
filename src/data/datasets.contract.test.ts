/** Kinds of datasets that hold their rows in tables, written by us and read back through the front door. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  Binary,
  Field,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import { create } from "tar";

import { zipOf } from "../../test/small/zip-of.ts";
import { datasetContract, type ContractRow, type ContractSubject } from "./edit-dataset.contract.ts";
import type { EditDataset } from "./edit-dataset.ts";
import { openDataset, type DatasetSettings } from "./open-dataset.ts";

/** A row as columns: bytes of pictures, or nothing where it is faulty. */
interface PlainRow {
  readonly id: string;
  readonly task: string;
  readonly instruction: string;
  readonly source: Uint8Array | null;
  readonly target: Uint8Array | null;
}

type Writer = (folder: string, rows: readonly PlainRow[]) => Promise<void>;

function plain(row: ContractRow, index: number): PlainRow {
  if (!("fault" in row)) return row;
  const whole = { id: `faulty ${index}`, task: "t", instruction: "do", source: PIXEL, target: PIXEL };
  switch (row.fault) {
    case "no source":
      return { ...whole, source: null };
    case "no target":
      return { ...whole, target: null };
    case "no instruction":
      return { ...whole, instruction: "" };
    case "wrong type":
      return { ...whole, source: Uint8Array.of() };
    default:
      return row.fault satisfies never;
  }
}

const PIXEL = Uint8Array.of(1, 2, 3);

/** A subject whose rows `write` puts into a fresh folder. */
function subject(
  settings: Record<string, unknown>,
  write: Writer,
  about: Omit<ContractSubject, "open" | "close"> = {},
): ContractSubject {
  const folders: string[] = [];
  return {
    ...about,
    async open(rows): Promise<EditDataset> {
      const directory = await mkdtemp(join(tmpdir(), "earl-contract-"));
      folders.push(directory);
      await write(directory, rows.map(plain));
      return openDataset({ ...settings, directory } as DatasetSettings, "train");
    },
    async close() {
      for (const folder of folders) await rm(folder, { recursive: true });
    },
  };
}

const image = (bytes: Uint8Array | null): unknown => (bytes === null ? null : { bytes, path: "x" });

/** Parquet with a picture column wherever a cell is bytes. */
function parquetOf(columns: Readonly<Record<string, readonly unknown[]>>): Uint8Array {
  const text = { type: "BYTE_ARRAY", repetition_type: "OPTIONAL", converted_type: "UTF8" } as const;
  const schema = Object.entries(columns).flatMap(([name, cells]) => {
    const isImage = cells.some((cell) => typeof cell === "object" && cell !== null);
    if (!isImage) return [{ name, ...text }];
    return [
      { name, repetition_type: "OPTIONAL" as const, num_children: 2 },
      { name: "bytes", type: "BYTE_ARRAY" as const, repetition_type: "OPTIONAL" as const },
      { name: "path", ...text },
    ];
  });
  const names = Object.keys(columns);
  const columnData = names.map((name) => ({ name, data: [...columns[name]!] }));
  return new Uint8Array(
    parquetWriteBuffer({ columnData, schema: [{ name: "root", num_children: names.length }, ...schema] }),
  );
}

/** The columns of a published dataset, by what they hold. */
const parquet =
  (names: Partial<Record<keyof PlainRow, string>>, more: Readonly<Record<string, string>> = {}): Writer =>
  async (folder, rows) => {
    const columns: Record<string, unknown[]> = {};
    for (const [key, name] of Object.entries(names)) {
      const cells = rows.map((row) => row[key as keyof PlainRow]);
      columns[name] =
        key === "source" || key === "target" ? cells.map((one) => image(one as Uint8Array)) : cells;
    }
    for (const [name, value] of Object.entries(more)) columns[name] = rows.map(() => value);
    await writeFile(join(folder, "train-00000-of-00001.parquet"), parquetOf(columns));
  };

/** Pictures as files of a folder; a faulty one is not there. */
async function pictureFiles(folder: string, rows: readonly PlainRow[]): Promise<Record<string, string>[]> {
  const named: Record<string, string>[] = [];
  for (const [at, { id, task, instruction, source, target }] of rows.entries()) {
    const files = { source: `${at}-a.png`, target: `${at}-b.png` };
    if (source !== null && source.length > 0) await writeFile(join(folder, files.source), source);
    if (target !== null) await writeFile(join(folder, files.target), target);
    named.push({ id, task, instruction, ...files });
  }
  return named;
}

datasetContract(
  "humanedit",
  subject(
    { kind: "humanedit" },
    parquet({
      id: "IMAGE_ID",
      task: "EDITING_TYPE",
      instruction: "EDITING_INSTRUCTION",
      source: "INPUT_IMG",
      target: "OUTPUT_IMG",
    }),
  ),
);
datasetContract(
  "aurora",
  subject(
    { kind: "aurora" },
    parquet({ task: "source", instruction: "instruction", source: "input", target: "output" }),
    { lacks: ["id"] },
  ),
);
datasetContract(
  "instructpix2pix",
  subject(
    { kind: "instructpix2pix" },
    parquet({ instruction: "edit_prompt", source: "original_image", target: "edited_image" }),
    { lacks: ["id", "task"] },
  ),
);
datasetContract(
  "folder of parquet",
  subject(
    { kind: "folder", columns: { task: "kind" } },
    parquet({ id: "id", task: "kind", instruction: "instruction", source: "input", target: "output" }),
  ),
);
datasetContract(
  "folder of JSON lines",
  subject({ kind: "folder", columns: {} }, async (folder, rows) => {
    const named = await pictureFiles(folder, rows);
    await writeFile(join(folder, "train.jsonl"), named.map((row) => JSON.stringify(row)).join("\n"));
  }),
);
datasetContract(
  "folder of CSV",
  subject({ kind: "folder", columns: {} }, async (folder, rows) => {
    const named = await pictureFiles(folder, rows);
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const lines = named.map((row) => Object.values(row).map(quoted).join(","));
    await writeFile(join(folder, "train.csv"), [Object.keys(named[0]!).join(","), ...lines].join("\n"));
  }),
);
datasetContract(
  "folder of WebDataset shards",
  subject(
    { kind: "folder", columns: {} },
    async (folder, rows) => {
      const names: string[] = [];
      for (const [at, { id, task, instruction, source, target }] of rows.entries()) {
        const files = {
          "input.png": source,
          "output.png": target,
          json: JSON.stringify({ id, task, instruction }),
        };
        for (const [ending, content] of Object.entries(files)) {
          if (content === null) continue;
          names.push(`${at}.${ending}`);
          await writeFile(join(folder, names.at(-1)!), content);
        }
      }
      await create({ cwd: folder, file: join(folder, "train-0000.tar") }, names);
    },
    // Its ids stand beside its pictures, which are not all read to compare them.
    { lacks: ["id"] },
  ),
);
datasetContract(
  "magicbrush in its archive",
  subject(
    { kind: "magicbrush" },
    async (folder, rows) => {
      const files: Record<string, Uint8Array> = {};
      const turns = rows.map(({ instruction, source, target }, at) => {
        if (source !== null) files[`train/images/${at}/${at}-input.png`] = source;
        if (target !== null) files[`train/images/${at}/${at}-output1.png`] = target;
        return { input: `${at}-input.png`, output: `${at}-output1.png`, instruction };
      });
      files["train/edit_turns.json"] = Buffer.from(JSON.stringify(turns));
      await writeFile(join(folder, "full.zip"), zipOf(files));
    },
    { lacks: ["id", "task"], skip: { "wrong type": "what an entry holds is seen when it is decoded" } },
  ),
);
datasetContract(
  "aurora's repository",
  subject(
    { kind: "aurora" },
    async (folder, rows) => {
      await mkdir(join(folder, "data", "ag", "images"), { recursive: true });
      const named = await pictureFiles(join(folder, "data", "ag", "images"), rows);
      const list = named.map(({ instruction, source, target }) => ({
        instruction: [instruction],
        input: `data/ag/images/${source}`,
        output: `data/ag/images/${target}`,
      }));
      await writeFile(join(folder, "data", "ag", "train.json"), JSON.stringify(list));
    },
    { lacks: ["id", "task"] },
  ),
);
datasetContract(
  "vismin",
  subject(
    { kind: "vismin" },
    async (folder, rows) => {
      const picture = new Struct([
        new Field("bytes", new Binary(), true),
        new Field("path", new Utf8(), true),
      ]);
      const text = new Utf8();
      // Edits first, their originals behind them.
      const cells = {
        image_id: [...rows.map(({ id }) => id), ...rows.map((_, at) => `original ${at}`)],
        image: [...rows, ...rows].map((row, at) => image(at < rows.length ? row.target : row.source)),
        caption: [...rows, ...rows].map(() => "a caption"),
        source_image_id: [...rows.map((_, at) => `original ${at}`), ...rows.map(() => "")],
        category: [...rows.map(({ task }) => task), ...rows.map(() => "")],
        edit_instruction: [...rows.map(({ instruction }) => instruction), ...rows.map(() => "")],
      };
      const vectors = Object.entries(cells).map(
        ([name, values]) => [name, vectorFromArray(values, name === "image" ? picture : text)] as const,
      );
      const schema = new Schema(vectors.map(([name, { type }]) => new Field(name, type, true)));
      const children = vectors.map(([, vector]) => vector.data[0]!);
      const data = makeData({
        type: new Struct(schema.fields),
        length: 2 * rows.length,
        nullCount: 0,
        children,
      });
      const writer = new RecordBatchStreamWriter();
      writer.write(new RecordBatch(schema, data));
      writer.finish();
      await mkdir(join(folder, "train"));
      await writeFile(join(folder, "train", "data-00000-of-00001.arrow"), writer.toUint8Array(true));
    },
    { rowsAnExample: 2 },
  ),
);
