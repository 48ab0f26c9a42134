/**
 * TensorBoard's event files: records of protobuf messages, each framed with its length and two masked CRC-32C (the layout
 * of TensorFlow's record_writer.cc). What is listed of the messages is what is written.
 */

import protobuf from "protobufjs";

const root = protobuf.Root.fromJSON({
  nested: {
    Image: {
      fields: {
        height: { type: "int32", id: 1 },
        width: { type: "int32", id: 2 },
        colorspace: { type: "int32", id: 3 },
        encodedImageString: { type: "bytes", id: 4 },
      },
    },
    Value: {
      // The numbers of a oneof: what is absent must not be written as zero.
      oneofs: { value: { oneof: ["simpleValue", "image"] } },
      fields: {
        tag: { type: "string", id: 1 },
        simpleValue: { type: "float", id: 2 },
        image: { type: "Image", id: 4 },
      },
    },
    Summary: { fields: { value: { rule: "repeated", type: "Value", id: 1 } } },
    SessionLog: { fields: { status: { type: "int32", id: 1 } } },
    Event: {
      fields: {
        wallTime: { type: "double", id: 1 },
        step: { type: "int64", id: 2 },
        fileVersion: { type: "string", id: 3 },
        summary: { type: "Summary", id: 5 },
        sessionLog: { type: "SessionLog", id: 7 },
      },
    },
  },
});
const EventMessage = root.lookupType("Event");

export interface SummaryValue {
  readonly tag: string;
  readonly simpleValue?: number;
  readonly image?: {
    readonly height: number;
    readonly width: number;
    /** 3 is RGB. */
    readonly colorspace: number;
    readonly encodedImageString: Uint8Array;
  };
}

export interface TfEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step?: number;
  readonly fileVersion?: string;
  readonly summary?: { readonly value: readonly SummaryValue[] };
  /** Status 1 begins a sitting: what an earlier one logged from its step on is void. */
  readonly sessionLog?: { readonly status: number };
}

/** What the first event of a file says. */
export const FILE_VERSION = "brain.Event:2";

/** An event as it stands in a file. */
export function tfRecord(event: TfEvent): Uint8Array {
  const data = EventMessage.encode(EventMessage.fromObject(event)).finish();
  const record = Buffer.alloc(12 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(masked(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(masked(data), 12 + data.length);
  return record;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/**
 * CRC-32C (Castagnoli).
 *
 * @example
 * crc32c(new TextEncoder().encode("123456789")); // => 0xe3069283
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A checksum of data that hold checksums would be weak, so it is turned and moved. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
