import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { create } from "tar";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { zipOf } from "../../../test/small/zip-of.ts";
import { pictureStore, type StoreOptions } from "./picture-store.ts";

let outside = "";
let folder = "";
beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), "earl-store-"));
  folder = join(outside, "set");
  await mkdir(join(folder, "images"), { recursive: true });
  await writeFile(join(outside, "secret.png"), "secret");
  await writeFile(join(folder, "images", "a.png"), "a");
});
afterEach(async () => {
  await rm(outside, { recursive: true });
});

async function read(name: string, options?: StoreOptions): Promise<string> {
  const found = await (await pictureStore(folder, options)).read(name);
  return "broken" in found ? `broken: ${found.broken}` : Buffer.from(found).toString();
}

describe("pictureStore", () => {
  test("finds files in the folder and in those within", async () => {
    expect(await read("images/a.png")).toBe("a");
    expect(await read("a.png", { within: ["images"] })).toBe("a");
    expect(await read("none.png")).toMatch(/^broken: .*none\.png is not there$/);
  });

  test.each([
    "../secret.png",
    "images/../../secret.png",
    "/etc/passwd",
    "C:\\x.png",
    "..\\secret.png",
    "a\0.png",
  ])("does not follow the name %j out of it", async (name) => {
    expect(await read(name)).toMatch(/leads out of its folder/);
  });

  test("does not follow links out of it, but those that stay and those of the hub's cache", async () => {
    await symlink(join(outside, "secret.png"), join(folder, "link.png"));
    await symlink(outside, join(folder, "up"));
    await symlink(join(folder, "images", "a.png"), join(folder, "own.png"));
    expect(await read("link.png")).toMatch(/is a link that leads out/);
    expect(await read("up/secret.png")).toMatch(/is a link that leads out/);
    expect(await read("own.png")).toBe("a");

    const [blobs, snapshot] = [join(outside, "blobs"), join(outside, "snapshots", "abc")];
    await mkdir(blobs);
    await mkdir(snapshot, { recursive: true });
    await writeFile(join(blobs, "123"), "blob");
    await symlink("../../blobs/123", join(snapshot, "b.png"));
    folder = snapshot;
    expect(await read("b.png")).toBe("blob");
  });

  test("looks into archives, by the name and by its end", async () => {
    await writeFile(join(folder, "x_images.zip"), zipOf({ "images/b.png": Buffer.from("zipped") }));
    await writeFile(join(outside, "c.png"), "tarred");
    await create({ cwd: outside, file: join(folder, "y.tar") }, ["./c.png"]);
    expect(await read("images/b.png")).toBe("zipped");
    expect(await read("data/x/images/b.png")).toBe("zipped");
    expect(await read("c.png")).toBe("tarred");
    expect(await read("c.png", { archived: /^x/ })).toMatch(/is not there/);
  });

  test("says of a damaged entry what is wrong with it", async () => {
    await writeFile(
      join(folder, "x.zip"),
      zipOf({ "b.png": Buffer.from("b") }, { "b.png": { checksum: 1 } }),
    );
    expect(await read("b.png")).toBe("broken: the checksum of b.png in it differs");
  });
});
