/** The document of the page: everything in it is made by its modules. */

import { html, trusted } from "../report/html.ts";
import { ENTRY, IMPORT_MAP } from "./page-files.ts";

/** The policy of the page knows this script by its hash: no space may come between. */
const IMPORTS = trusted(`<script type="importmap">${IMPORT_MAP}</script>`);

/** `first` is the run that the page opens with. */
export function pageHtml(first: string | undefined): string {
  const page = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>earl</title>
      <link rel="icon" href="data:," />
      <link rel="stylesheet" href="/library/uplot.css" />
      <link rel="stylesheet" href="/page/style.css" />
      ${IMPORTS}
      <script type="module" src="${ENTRY}"></script>
    </head>
    <body>
      <div id="page" data-first="${first ?? ""}">
        <noscript
          ><p>This page needs JavaScript; <code>earl report</code> writes one that does not.</p></noscript
        >
      </div>
    </body>
  </html>`;
  return `<!doctype html>\n${page.markup}`;
}
