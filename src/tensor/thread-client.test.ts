import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ERROR_CLASSES } from "../../test/small/error-classes.ts";
import type { OddService } from "../../test/small/odd-service.ts";
import * as errors from "../errors.ts";
import { startThread } from "./start-module.ts";
import { ThreadClient } from "./thread-client.ts";

function open(onNote?: (note: unknown) => void): ThreadClient<OddService> {
  const worker = startThread("../../test/small/odd-service", import.meta.url, undefined);
  return new ThreadClient<OddService>(worker, { name: "The service", ...(onNote && { onNote }) });
}

const names = Object.keys(ERROR_CLASSES) as (keyof typeof ERROR_CLASSES)[];

describe("a thread's calls", () => {
  let client: ThreadClient<OddService>;
  beforeAll(() => {
    client = open();
  });
  afterAll(() => client[Symbol.asyncDispose]());

  test("are answered one at a time, in order", async () => {
    const [slow, quick] = await Promise.all([client.call("wait", 50), client.call("wait", 1)]);
    expect(slow.slice(-1)).toEqual([50]);
    expect(quick.slice(-2)).toEqual([50, 1]);
  });

  test("take buffers over where they are handed over", async () => {
    const values = Float32Array.of(1, 2, 3);
    expect(await client.handOver([values.buffer], "sumOf", values)).toBe(6);
    expect(values).toHaveLength(0);
  });

  test.each(names)("throw %s as what it was, with its hint and its causes", async (kind) => {
    const error = await client.call("fail", kind).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ERROR_CLASSES[kind]);
    expect(error).toMatchObject({
      name: kind,
      message: "It went wrong.",
      hint: "Do this next.",
      cause: { code: "ENOSPC", path: "/full/model.safetensors" },
    });
    expect((error as Error).stack).toContain("odd-service");
  });

  test("covers every class that earl throws", () => {
    const thrown = Object.values(errors).filter((kind) => kind.prototype instanceof errors.EarlError);
    expect(thrown.map((kind) => kind.name).toSorted()).toEqual(names.toSorted());
  });

  test("throw a full disk as the system's error, with code and path", async () => {
    await expect(client.call("fillDisk")).rejects.toMatchObject({
      code: "ENOSPC",
      path: "/full/model.safetensors",
    });
  });

  test("that cannot be sent reject and leave nothing waiting", async () => {
    const unsendable = (() => {}) as unknown as number;
    await expect(client.call("wait", unsendable)).rejects.toThrow("could not be cloned");
    expect((await client.call("wait", 1)).at(-1)).toBe(1);
  });

  test("whose answer cannot be sent reject, and the next one is answered", async () => {
    await expect(client.call("unsendable")).rejects.toThrow("could not be cloned");
    expect((await client.call("wait", 1)).at(-1)).toBe(1);
  });

  test("all reject when the thread dies, and so does every later one", async () => {
    await using dying = open();
    const calls = [dying.call("die"), dying.call("wait", 1)];
    for (const call of calls) await expect(call).rejects.toThrow("The service's thread ended with code 3.");
    await expect(dying.call("wait", 1)).rejects.toThrow(errors.EngineError);
  });
});

describe("a thread's end", () => {
  test("waits for the calls before it, and lets the service free what it holds", async () => {
    const notes: unknown[] = [];
    const ending = open((note) => notes.push(note));
    const waiting = ending.call("wait", 50);
    await ending.call("note", "hello");
    await Promise.all([ending[Symbol.asyncDispose](), ending[Symbol.asyncDispose]()]);
    expect(await waiting).toEqual([50]);
    expect(notes).toEqual(["hello", "disposed"]);
    await expect(ending.call("wait", 1)).rejects.toThrow("The service is closed.");
  });
});
