/** Where the page begins. */

import { render } from "preact";

import { App } from "./app.tsx";

const root = document.querySelector<HTMLElement>("#page");
if (root !== null) {
  root.replaceChildren();
  render(<App first={root.dataset["first"] ?? ""} />, root);
}
