import { describe, expect, test } from "vitest";
import { picture, type Picture } from "../images/picture.ts";
import { PictureUrls } from "./picture-urls.ts";

/** Remembers which pictures it was given. */
function recorder(): { readonly urls: PictureUrls; readonly encoded: Picture[] } {
  const encoded: Picture[] = [];
  const urls = new PictureUrls(async (one) => {
    encoded.push(one);
    return `url of ${one.width}`;
  });
  return { urls, encoded };
}

const [small, large] = [picture(1, 1), picture(2, 1)];

describe("PictureUrls", () => {
  test("encodes a picture once for all who use it at the same time, however often they read it", async () => {
    const { urls, encoded } = recorder();
    using one = urls.use([small, large]);
    using other = urls.use([large]);
    other.begin();
    expect(await one.read()).toEqual(["url of 1", "url of 2"]);
    expect(await other.read()).toEqual(["url of 2"]);
    expect(await one.read()).toEqual(["url of 1", "url of 2"]);
    expect(encoded).toEqual([large, small]);
  });
  test("encodes nothing before somebody begins or reads", () => {
    const { urls, encoded } = recorder();
    using _ = urls.use([small]);
    expect(encoded).toEqual([]);
  });
  test("keeps nothing beyond the last who uses it", async () => {
    const { urls, encoded } = recorder();
    {
      using one = urls.use([small]);
      using _ = urls.use([small, small]);
      await one.read();
      expect(urls.size).toBe(1);
    }
    expect(urls.size).toBe(0);
    using again = urls.use([small]);
    await again.read();
    expect(encoded).toEqual([small, small]);
  });
  test("tells whoever reads a picture what is wrong with it, and nobody else", async () => {
    const urls = new PictureUrls(async () => Promise.reject(new Error("no picture")));
    using one = urls.use([small]);
    one.begin();
    await new Promise((resolve) => setTimeout(resolve, 0));
    await expect(one.read()).rejects.toThrow("no picture");
  });
});
