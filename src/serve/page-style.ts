/** The look of the page: the report's colours, a column that fits 360 px and more, both schemes. */

import { COLOURS } from "../report/style.ts";

export const PAGE_STYLE = `${COLOURS}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
a { color: var(--blue) }
h1 { font-size: 1.5rem; margin: 0 0 16px; letter-spacing: -.01em } h1 small, h2 small, h3 small { font-weight: 400; color: var(--soft); font-size: .8em }
h2 { font-size: 1.0625rem; margin: 0 0 8px } h3 { font-size: .875rem; margin: 0; font-weight: 600; overflow-wrap: anywhere }
section { margin: 0 0 28px } p { margin: 0 0 10px }
code { font: .92em ui-monospace, SFMono-Regular, Menlo, monospace }
.soft, small { color: var(--soft) } .bad { color: var(--red) } .good { color: var(--green) }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: 4px }
.skip { position: absolute; left: -999px } .skip:focus { left: 8px; top: 8px; background: var(--card); padding: 8px; z-index: 9 }
header { display: flex; gap: 20px; align-items: center; padding: 10px 20px; border-bottom: 1px solid var(--line); background: var(--card) }
.brand { font-weight: 700; margin: 0; letter-spacing: -.02em; font-size: 1.125rem }
.runs { list-style: none; display: flex; gap: 6px; margin: 0; padding: 2px; overflow-x: auto } header nav { min-width: 0 }
.runs a { display: block; padding: 5px 10px; border-radius: 8px; text-decoration: none; color: inherit; white-space: nowrap; font-size: .8125rem }
.runs a[aria-current] { background: var(--faint) } .runs .name { font-weight: 600 }
.state { font-size: .75rem; padding: 1px 7px; border-radius: 99px; border: 1px solid var(--line); color: var(--soft) }
.state.running { color: var(--green); border-color: currentColor } .state.paused { color: var(--orange); border-color: currentColor }
.state.damaged { color: var(--red); border-color: currentColor }
.beside { display: grid; grid-template-columns: 150px minmax(0, 1fr); max-width: 1500px; margin: 0 auto }
.views { display: flex; flex-direction: column; gap: 2px; padding: 22px 8px 22px 16px; position: sticky; top: 0; align-self: start }
.views a { padding: 7px 10px; border-radius: 8px; text-decoration: none; color: inherit } .views a[aria-current] { background: var(--faint); font-weight: 600 }
main { padding: 22px 24px 64px; min-width: 0; outline: none }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; margin: 0 0 14px }
.lead { font-size: 1.0625rem } .alert { border: 1px solid currentColor; color: var(--red); border-radius: 8px; padding: 8px 12px }
.stages { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 14px; margin-bottom: 20px } .stages .card { margin: 0 }
progress { width: 100%; height: 8px; accent-color: var(--blue) }
.figures { display: flex; flex-wrap: wrap; gap: 8px 22px; margin: 10px 0 0 } .figures dt, .parts dt { color: var(--soft); font-size: .75rem }
.figures dd, .parts dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600 }
.warnings li { margin-bottom: 4px }
.controls { display: flex; flex-wrap: wrap; gap: 12px 22px; align-items: center; margin-bottom: 18px }
.controls fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 10px } .controls legend { float: left; margin-right: 8px }
.moment { display: flex; gap: 8px; align-items: center; flex-wrap: wrap } .moment input { width: min(46vw, 340px) }
button, select, input { font: inherit; color: inherit } button, select, input[type=text], input[type=number], input[type=search] { background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: 5px 10px }
button { cursor: pointer } button:disabled { opacity: .45; cursor: default } button.main { background: var(--blue); color: var(--card); border-color: var(--blue); font-weight: 600 }
input[type=range], input[type=checkbox] { accent-color: var(--blue) }
summary { cursor: pointer } details > summary { padding: 6px 0; font-weight: 600 } .completion details > summary { font-weight: 400; font-size: .75rem; padding: 2px 0; color: var(--soft) }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 380px), 1fr)); gap: 14px; padding: 4px 0 18px }
.unseen { min-height: 300px } .chart { margin: 0; height: 100% } .chart figcaption { display: flex; justify-content: space-between; gap: 10px; margin-bottom: 6px } .chart .value { font-variant-numeric: tabular-nums; font-weight: 600; white-space: nowrap }
.about { font-size: .75rem; margin: 6px 0 0 } .plot { min-height: 190px } .u-legend { font-size: .6875rem; text-align: left } .u-legend .u-series > * { padding: 1px 4px; border: 0 } .u-select { background: color-mix(in srgb, var(--blue) 18%, transparent) }
.strip { display: flex; gap: 10px; overflow-x: auto; padding-bottom: 6px } .completion { margin: 0; flex: 0 0 132px; font-size: .8125rem }
.completion img { width: 132px; height: 132px; object-fit: contain; background: var(--faint); border-radius: 6px; image-rendering: pixelated; display: block; outline: 1px solid var(--line); outline-offset: -1px }
.canvas { width: 132px; height: 132px; background: var(--faint); border-radius: 6px; overflow: hidden } .canvas img { height: auto; border-radius: 0 }
.no-picture { width: 132px; height: 132px; display: grid; place-items: center; background: var(--faint); border-radius: 6px; color: var(--soft); margin: 0; padding: 6px; overflow: auto; font-size: .75rem }
.got { margin: 4px 0 2px; font-variant-numeric: tabular-nums } .parts { display: flex; flex-wrap: wrap; gap: 2px 10px; margin: 0 } .parts dd { font-size: .8125rem; font-weight: 500 }
.words { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .75rem; max-height: 180px; overflow: auto; margin: 0 }
.oddity { margin-left: 10px; padding: 1px 8px; border-radius: 99px; background: var(--faint); color: color-mix(in srgb, var(--orange) 80%, var(--ink)); font-size: .75rem; display: inline-block }
.scroll { overflow-x: auto; margin-bottom: 16px } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .875rem } th, td { text-align: left; padding: 7px 14px 7px 0; border-top: 1px solid var(--line); vertical-align: top } thead th { border-top: 0; color: var(--soft); font-weight: 500; white-space: nowrap }
.playground { display: grid; grid-template-columns: minmax(200px, 280px) minmax(0, 1fr); gap: 20px } .fields { display: grid; gap: 10px; align-content: start } .fields label { display: grid; gap: 3px; font-size: .8125rem; color: var(--soft) } .fields input, .fields select { color: var(--ink); width: 100% } .row { display: flex; gap: 10px } .row label { flex: 1 }
.drop { position: relative; display: grid; place-items: center; gap: 10px; min-height: 220px; border: 2px dashed var(--line); border-radius: 10px; text-align: center; padding: 12px; color: var(--soft); cursor: pointer } .drop img { width: 100%; height: 230px; object-fit: contain; image-rendering: pixelated } .drop input { position: absolute; opacity: 0; pointer-events: none } .drop:focus-within { outline: 2px solid var(--blue) }
@media (max-width: 760px) {
  header { flex-wrap: wrap; gap: 6px; padding: 8px 12px } .beside { grid-template-columns: minmax(0, 1fr) }
  .views { flex-direction: row; overflow-x: auto; position: static; padding: 8px 12px; border-bottom: 1px solid var(--line) } .views a { white-space: nowrap; padding: 8px 10px }
  .completion { flex-basis: 96px } .completion img, .canvas, .no-picture { width: 96px; height: 96px }
  main { padding: 16px 12px 48px } .playground { grid-template-columns: minmax(0, 1fr) } button { min-height: 36px }
}
`;
