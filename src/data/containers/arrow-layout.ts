/** How the columns of an Arrow record batch share its buffers (Arrow columnar format, "Recordbatch message"). */

import { Type, type Field } from "apache-arrow";

/** A column, or a part of one, with the places of its node and buffers in a batch. */
export interface ColumnLayout {
  readonly name: string;
  readonly kind: "null" | "boolean" | "integer" | "float" | "text" | "bytes" | "list" | "struct" | "other";
  /** Bytes of a value; of an offset, where values have lengths of their own. */
  readonly width: number;
  readonly isSigned: boolean;
  readonly node: number;
  /** Of its validity; −1 where it has none. */
  readonly validity: number;
  /** Of its offsets, or of its values where those are of one length. */
  readonly first: number;
  /** Of what its offsets point into. */
  readonly data: number;
  readonly children: readonly ColumnLayout[];
}

interface Counter {
  node: number;
  buffer: number;
}

/** Throws Error for a type whose buffers cannot be counted. */
export function layoutOf(fields: readonly Field[]): ColumnLayout[] {
  const counter = { node: 0, buffer: 0 };
  return fields.map((field) => columnLayout(field, counter));
}

function columnLayout({ name, type }: Field, counter: Counter): ColumnLayout {
  const node = counter.node;
  counter.node += 1;
  const base = { name, node, isSigned: false, width: 0, validity: -1, first: -1, data: -1, children: [] };
  if (type.typeId === Type.Null) return { ...base, kind: "null" };
  const validity = counter.buffer;
  counter.buffer += 1;
  const take = (): number => {
    counter.buffer += 1;
    return counter.buffer - 1;
  };
  const children = (): ColumnLayout[] =>
    ((type.children ?? []) as readonly Field[]).map((child) => columnLayout(child, counter));
  switch (type.typeId) {
    case Type.Bool:
      return { ...base, kind: "boolean", validity, first: take() };
    case Type.Int: {
      const { bitWidth, isSigned } = type as unknown as { bitWidth: number; isSigned: boolean };
      return { ...base, kind: "integer", width: bitWidth / 8, isSigned, validity, first: take() };
    }
    case Type.Float: {
      const { precision } = type as unknown as { precision: number };
      return { ...base, kind: "float", width: 2 * 2 ** precision, validity, first: take() };
    }
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Binary:
    case Type.LargeBinary: {
      const isText = type.typeId === Type.Utf8 || type.typeId === Type.LargeUtf8;
      const isLarge = type.typeId === Type.LargeUtf8 || type.typeId === Type.LargeBinary;
      const [first, data] = [take(), take()];
      return { ...base, kind: isText ? "text" : "bytes", width: isLarge ? 8 : 4, validity, first, data };
    }
    case Type.List: {
      const first = take();
      return { ...base, kind: "list", width: 4, validity, first, children: children() };
    }
    case Type.Struct:
      return { ...base, kind: "struct", validity, children: children() };
    case Type.Date:
    case Type.Time:
    case Type.Timestamp:
    case Type.Duration:
    case Type.Interval:
    case Type.Decimal:
    case Type.FixedSizeBinary:
      return { ...base, kind: "other", validity, first: take() };
    case Type.FixedSizeList:
      return { ...base, kind: "other", validity, children: children() };
    default:
      throw new Error(`its column ${name} is of a type that is not read (${String(type)})`);
  }
}
