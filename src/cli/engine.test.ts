import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { earl } from "../../test/run-earl.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-install-"));
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A Python that says its version and fails, saying `words`, in the module of this name. */
function python(version: string, failing: string, words = ""): string {
  const path = join(folder, "python");
  // What the environment's own Python does is what this one does.
  const script = `#!/bin/sh
if [ "$1" = -c ]; then echo ${version}; exit 0; fi
if [ "$2" = ${failing} ]; then echo "${words}" >&2; exit 1; fi
if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

const install = (path: string) => earl("engine", "install", "--cpu", "--python", path);

describe("earl engine install", () => {
  test("names a Python that is not there, does not run, or is too old, before it speaks of a download", async () => {
    const missing = await install(join(folder, "none"));
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining("There is no ") as string });
    const broken = join(folder, "broken");
    writeFileSync(broken, "#!/bin/sh\nexit 3\n");
    chmodSync(broken, 0o755);
    expect((await install(broken)).err).toContain("is no Python that runs");
    const old = await install(python("3.9.2", "none"));
    expect(old.err).toContain("is Python 3.9.2; the engine needs 3.10 or later");
    expect(`${missing.err}${old.err}`).not.toContain("Downloads");
  });

  test("says how venv is had where it is missing", async () => {
    const { code, err } = await install(python("3.12.1", "venv", "No module named venv"));
    expect(code).toBe(2);
    expect(err).toContain("No module named venv");
    expect(err).toContain("python3-venv");
  });

  test.each([
    ["NewConnectionError: Failed to establish a new connection", "The package index cannot be reached"],
    ["OSError: [Errno 28] No space left on device", "XDG_CACHE_HOME"],
    ["No matching distribution found for torch==2.13.0", "PIP_EXTRA_INDEX_URL"],
  ])("where pip says %s it says what next", async (words, hint) => {
    const { code, err } = await install(python("3.12.1", "pip", words));
    expect(code).toBe(2);
    expect(err).toContain(words);
    expect(err).toContain(hint);
  });

  test("goes on where it stopped, and does nothing the next time", async () => {
    expect((await install(python("3.12.1", "pip", "gone"))).code).toBe(2);
    const done = await install(python("3.12.1", "none"));
    // The environment that was half made is made again, with a Python that works.
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining("Installed in") as string });
    expect((await install("none")).out).toContain("is installed already");
  });

  test("says that its place cannot be written to", async () => {
    writeFileSync(join(folder, "cache"), "a file");
    const { code, err } = await install(python("3.12.1", "none"));
    expect(code).toBe(2);
    expect(err).toContain("cannot be written to");
    expect(err).toContain("XDG_CACHE_HOME");
  });
});
