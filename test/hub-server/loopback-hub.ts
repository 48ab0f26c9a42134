/** A small hub on loopback that speaks as much of Hugging Face's protocol as its clients ask for, and fails on request. */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HeldRepository {
  readonly kind: "model" | "dataset";
  readonly name: string;
  /** Path to content. Those that `large` names are LFS files. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly large?: ReadonlySet<string>;
  /** Needed to see it. */
  readonly token?: string;
}

const sha = (text: string): string => createHash("sha1").update(text).digest("hex");

export class LoopbackHub implements AsyncDisposable {
  readonly #repositories = new Map<string, { held: HeldRepository; commit: string }>();
  readonly #server: Server;
  /** Requests so far: "GET /owner/name/resolve/…", with the range where one was asked for. */
  readonly requests: string[] = [];
  /** After how many bytes the next answers of 1,000 bytes or more break off. */
  readonly cuts: number[] = [];
  /** Statuses that the next requests of content are answered with. */
  readonly refusals: number[] = [];
  /** Statuses that the next questions about a repository are answered with. */
  readonly apiRefusals: number[] = [];
  /** Whether all of a file is sent whatever part of it was asked for. */
  ignoresRanges = false;
  /** Content that is served in the place of a file's. */
  readonly swapped = new Map<string, Buffer>();

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async open(): Promise<LoopbackHub> {
    const hub = new LoopbackHub();
    await new Promise<void>((resolve) => hub.#server.listen(0, "127.0.0.1", resolve));
    return hub;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Puts a repository's newest commit; returns its id. */
  hold(held: HeldRepository): string {
    const content = [...held.files].map(
      ([path, bytes]) => `${path} ${createHash("sha1").update(bytes).digest("hex")}`,
    );
    const commit = sha(`${held.name}\n${content.join("\n")}`);
    for (const revision of ["main", commit]) {
      this.#repositories.set(`${held.kind} ${held.name} ${revision}`, { held, commit });
    }
    return commit;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { range, authorization } = request.headers;
    const url = new URL(request.url ?? "/", this.endpoint);
    this.requests.push(`${request.method} ${url.pathname}${range === undefined ? "" : ` ${range}`}`);
    const refuse = (status: number, error: string): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error }));
    };
    const api = /^\/api\/(model|dataset)s\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)(?:\/(.+))?$/.exec(
      url.pathname,
    );
    const content = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const found =
      api === null
        ? this.#repositories.get(
            `${content?.[1] === undefined ? "model" : "dataset"} ${content?.[2]} ${content?.[3]}`,
          )
        : this.#repositories.get(`${api[1]} ${api[2]} ${decodeURIComponent(api[4] ?? "")}`);
    if (found === undefined) return refuse(404, "Repository not found");
    const { held, commit } = found;
    const refusal = api === null ? undefined : this.apiRefusals.shift();
    if (refusal !== undefined) return refuse(refusal, "Busy");
    if (held.token !== undefined && authorization !== `Bearer ${held.token}`) {
      return refuse(authorization === undefined ? 401 : 403, "Access is restricted");
    }
    if (api?.[3] === "revision") {
      const id = { _id: "0", id: held.name, modelId: held.name, sha: commit, likes: 0, downloads: 0 };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ ...id, private: false, gated: false, lastModified: "2026-01-01T00:00:00.000Z" }),
      );
      return undefined;
    }
    if (api?.[3] === "tree") return this.#tree(response, held, api[5]);
    return this.#content(response, held, {
      path: decodeURIComponent(content?.[4] ?? ""),
      range: this.ignoresRanges ? undefined : range,
    });
  }

  #tree(response: ServerResponse, { files, large }: HeldRepository, under: string | undefined): void {
    const entries = [...files]
      .filter(([path]) => under === undefined || path.startsWith(`${under}/`))
      .map(([path, bytes]) => ({
        type: "file",
        path,
        size: bytes.length,
        oid: createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex"),
        ...(large?.has(path) === true && {
          lfs: {
            oid: createHash("sha256").update(bytes).digest("hex"),
            size: bytes.length,
            pointerSize: 130,
          },
        }),
      }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(entries));
  }

  #content(
    response: ServerResponse,
    { files }: HeldRepository,
    { path, range }: { path: string; range: string | undefined },
  ): void {
    const bytes = this.swapped.get(path) ?? files.get(path);
    if (bytes === undefined) {
      response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
      return;
    }
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const [start, end] = [Number(from), to === "" ? bytes.length - 1 : Number(to)];
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      response.writeHead(refusal).end();
      return;
    }
    const part = bytes.subarray(start, end + 1);
    response.writeHead(range === undefined ? 200 : 206, {
      "content-length": part.length,
      etag: `"${createHash("sha1").update(bytes).digest("hex")}"`,
      "content-range": `bytes ${start}-${start + part.length - 1}/${bytes.length}`,
      "accept-ranges": "bytes",
    });
    const cut = part.length < 1000 ? undefined : this.cuts.shift();
    if (cut === undefined) response.end(part);
    else response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
