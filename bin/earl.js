#!/usr/bin/env node
/**
 * The installed command. The package ships its TypeScript and runs it through tsx, so what is installed is what is
 * tested, stack traces name the lines of the source, and there is no build that `npm pack` could forget.
 */

import { register } from "tsx/esm/api";

register();
await import("../src/cli/main.ts");
