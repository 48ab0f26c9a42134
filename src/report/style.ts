/**
 * The look of the report: system fonts, one accent, light and dark scheme, one column that fits 390 px and more. Wide
 * tables scroll inside their own box, the page never does.
 */

export const COLOURS = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1b1d21; --soft: #5a616b; --line: #e3e4e6; --faint: #f1f1ef;
  --blue: #2a5bd0; --orange: #b4560b; --green: #16793b; --purple: #7a3fc4; --grey: #737a84; --red: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131417; --card: #1a1c20; --ink: #e8e9eb; --soft: #a2a9b3; --line: #2d3036; --faint: #22252a;
    --blue: #82a8ff; --orange: #f2a65a; --green: #63cc88; --purple: #c5a3ff; --grey: #9aa1ab; --red: #ff8a80;
  }
}
.arm-blue { --arm: var(--blue) } .arm-orange { --arm: var(--orange) } .arm-green { --arm: var(--green) }
.arm-purple { --arm: var(--purple) } .arm-grey { --arm: var(--grey) }
`;

const TEXT = `
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 40px 16px 64px }
@media (min-width: 700px) { main { padding: 64px 32px 96px } }
h1, h2, h3, h4 { line-height: 1.2; margin: 0; font-weight: 650; text-wrap: balance }
h1 { font-size: clamp(1.75rem, 5vw, 2.5rem); letter-spacing: -.02em; overflow-wrap: anywhere }
h2 { font-size: 1.375rem; letter-spacing: -.01em }
h3 { font-size: 1rem; margin: 32px 0 12px }
h4 { font-size: .9375rem }
section { margin-top: 64px }
p { margin: 0 }
small { font-size: .8125rem; font-weight: 400; color: var(--soft) }
code { font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.eyebrow { color: var(--soft); font-size: .875rem; margin-bottom: 8px }
.lead { font-size: clamp(1.0625rem, 2.6vw, 1.3125rem); line-height: 1.4; max-width: 46em; margin-top: 16px; text-wrap: pretty }
.note { color: var(--soft); font-size: .875rem; max-width: 68ch; margin: 6px 0 16px }
.muted { color: var(--soft); font-weight: 400 }
.bad { color: var(--red) }
.facts { display: flex; flex-wrap: wrap; gap: 16px 40px; margin: 28px 0 0; padding-top: 20px; border-top: 1px solid var(--line) }
.facts dt { color: var(--soft); font-size: .8125rem }
.facts dd { margin: 0; font-variant-numeric: tabular-nums }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px }
summary { cursor: pointer; font-weight: 600; font-size: .9375rem; padding: 10px 0 }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: 4px }
[hidden] { display: none !important }
footer { margin-top: 64px; color: var(--soft); font-size: .8125rem }
`;

const TABLES = `
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9375rem }
th, td { text-align: left; vertical-align: top; padding: 12px 14px; border-top: 1px solid var(--line) }
thead th { border-top: 0; font-size: .8125rem; font-weight: 500; color: var(--soft); padding-block: 10px; white-space: nowrap }
tbody th { font-weight: 600 }
th small, td small { display: block }
thead small { display: inline }
.swatch { display: inline-block; width: 9px; height: 9px; border-radius: 2px; background: var(--arm); margin-right: 7px }
.arms tbody th { width: 26% }
.arms tbody th small { padding-left: 16px }
.estimate b { font-size: 1.0625rem }
.bar { position: relative; display: block; height: 8px; margin-top: 8px; border-radius: 2px; background: var(--faint); min-width: 72px }
.bar::before { content: ""; position: absolute; inset: 0 auto 0 0; width: var(--mean); border-radius: 2px; background: var(--arm); opacity: .8 }
.bar::after { content: ""; position: absolute; top: -3px; bottom: -3px; left: var(--low); width: max(1px, calc(var(--high) - var(--low)));
  border-inline: 1.5px solid var(--ink); background: linear-gradient(var(--ink), var(--ink)) center / 100% 1.5px no-repeat }
@media (min-width: 700px) { .estimate small { display: inline; margin-left: 6px } }
.tasks td, .tasks tbody th { white-space: nowrap }
.strip-cell { width: 30%; min-width: 120px }
.strip { display: flex; flex-direction: column; gap: 4px; padding-block: 5px;
  background: repeating-linear-gradient(to right, var(--line) 0 1px, transparent 1px calc(50% - .5px)) }
.strip i { position: relative; height: 11px }
.strip i::before { content: ""; position: absolute; top: 4.5px; height: 2px; left: var(--low); width: calc(var(--high) - var(--low)); background: var(--arm) }
.strip i::after { content: ""; position: absolute; top: 1px; left: calc(var(--mean) - 4.5px); width: 9px; height: 9px; border-radius: 50%; background: var(--arm) }
@media (max-width: 699px) {
  th, td { padding: 10px }
  .arms tbody th { width: 31% }
  .arms tbody th small { padding-left: 0; white-space: nowrap }
  .arms thead small { display: block }
  .arms th, .arms td { padding-inline: 8px }
  .tasks tbody th, .tasks thead th:first-child { position: sticky; left: 0; background: var(--card); z-index: 1 }
}
.document { border-top: 1px solid var(--line) }
.document:last-child { border-bottom: 1px solid var(--line) }
.document:first-of-type { margin-top: 12px }
.parts { padding-bottom: 24px }
.parts h4 { margin: 20px 0 6px }
.parts pre { overflow-x: auto; font-size: .8125rem }
.tree { table-layout: fixed; font-size: .875rem }
.tree th, .tree td { padding: 5px 12px 5px 0; overflow-wrap: anywhere }
.tree th { width: 38%; font-weight: 400; color: var(--soft) }
`;

const PICTURES = `
.pic { margin: 0; min-width: 0; font-size: .8125rem; line-height: 1.35 }
.pic img, .missing { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; border-radius: 4px;
  background: var(--faint); outline: 1px solid var(--line) }
.missing { display: grid; place-items: center; color: var(--soft); font-size: .75rem; text-align: center }
.crisp { image-rendering: pixelated }
.pic figcaption { margin-top: 6px; color: var(--soft); overflow-wrap: anywhere }
.pic b { font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums }
.wrong img, .wrong .missing, .failed img, .failed .missing { outline: 2px solid var(--red) }
.wrong b, .failed b { color: var(--red) }
.failed b { white-space: normal }
.right b, .right .reward { color: var(--green) }
.tag { display: inline-block; font-size: .75rem; line-height: 1.6; color: var(--soft); background: var(--faint); border-radius: 4px; padding: 0 7px; margin-right: 4px; white-space: nowrap }
.instruction { overflow-wrap: anywhere; text-wrap: pretty }
.row { display: grid; gap: 10px; padding: 16px 0; border-top: 1px solid var(--line); grid-template-columns: repeat(auto-fit, minmax(72px, 1fr)) }
.row .instruction { grid-column: 1 / -1 }
@media (min-width: 700px) {
  .row { grid-template-columns: 112px minmax(0, 1fr); grid-auto-flow: column; grid-auto-columns: 112px; gap: 20px; align-items: start }
  .row .instruction { grid-column: 2; grid-row: 1; padding-top: 2px }
  .row .instruction .tag { display: table; margin-bottom: 6px }
  .row .source { grid-column: 1; grid-row: 1 }
}
.filter { margin-bottom: 12px; font-size: .875rem; color: var(--soft) }
select { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 6px 8px; margin-left: 6px }
.group { padding: 16px; display: grid; gap: 14px 28px }
.groups { display: grid; gap: 16px }
.pair { display: grid; grid-template-columns: repeat(2, 88px); gap: 12px }
.completions { display: grid; gap: 14px 12px; grid-template-columns: repeat(auto-fill, minmax(70px, 1fr)) }
@media (min-width: 700px) {
  .group { grid-template-columns: 188px minmax(0, 1fr) }
  .group .instruction { grid-column: 1 / -1 }
  .completions { grid-template-columns: repeat(auto-fill, 84px) }
  .pair { align-content: start }
}
.reward { color: var(--ink); font-variant-numeric: tabular-nums }
figcaption > .bad { font-size: .75rem }
.pill { display: inline-block; padding: 0 6px; border-radius: 4px; font-variant-numeric: tabular-nums; color: var(--ink);
  background: color-mix(in srgb, var(--side) calc(var(--tint) * .45), var(--faint)) }
.up { --side: var(--blue) } .down { --side: var(--orange) } .flat { --side: var(--grey) }
.judged dl { display: grid; gap: 0 10px; margin: 2px 0; font-size: .75rem }
.judged dl > div { display: flex; justify-content: space-between }
.judged dd { margin: 0; font-variant-numeric: tabular-nums }
.said { margin: 2px 0; font-size: .75rem; white-space: pre-line }
.judged summary, .thought summary { font-size: .75rem; font-weight: 400; padding: 2px 0 }
`;

const CHARTS = `
.charts { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)) }
.chart { margin: 0; padding: 16px; min-width: 0; display: flex; flex-direction: column }
.chart svg { display: block; width: 100%; height: auto; margin-top: 8px; color: var(--soft); overflow: visible }
.chart figcaption { margin-top: 8px; font-size: .8125rem; color: var(--soft) }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-top: 4px; font-size: .8125rem; color: var(--soft) }
.key::before { content: ""; display: inline-block; width: 14px; height: 3px; border-radius: 2px; background: var(--key); margin-right: 6px; vertical-align: middle }
@media print { .card, .row { break-inside: avoid } }
`;

export const STYLE: string = COLOURS + TEXT + TABLES + PICTURES + CHARTS;
