#!/usr/bin/env node
/** The installed command. It runs what `npm run build` compiled; a fresh clone has not built anything yet. */

import { existsSync } from "node:fs";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write(
    "earl is not built here. In a clone, use: npm run earl -- <command>  (or: npm run build)\n",
  );
  process.exitCode = 2;
}
