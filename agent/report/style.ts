import { graphStyle } from '../graph/svg.ts';

/** The page's style sheet. Every colour has a value for light and one for dark, and a word says what each colour means. */
export const style = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1b1f24, #e6edf3);
  --muted: light-dark(#57606a, #9ea7b3);
  --line: light-dark(#d0d7de, #30363d);
  --ground: light-dark(#ffffff, #0d1117);
  --raised: light-dark(#f6f8fa, #161b22);
  --accent: light-dark(#0550ae, #79b8ff);
  --good: light-dark(#116329, #56d364);
  --good-ground: light-dark(#dafbe1, #12261e);
  --bad: light-dark(#a40e26, #ff9492);
  --bad-ground: light-dark(#ffebe9, #2d1517);
  --warn: light-dark(#7d4e00, #e3b341);
  --warn-ground: light-dark(#fff8c5, #272115);
  --mono: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
* { box-sizing: border-box }
[hidden] { display: none !important }
body { margin: 0 auto; max-width: 88rem; padding: 0 1.5rem 3rem; background: var(--ground); color: var(--text); font: 0.9375rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 1.75rem 0 1rem; overflow-wrap: anywhere }
h2 { font-size: 1.1875rem; margin: 2.25rem 0 0.75rem }
h3 { font-size: 1rem; margin: 1.25rem 0 0.5rem; overflow-wrap: anywhere }
h4 { font-size: 0.875rem; font-weight: 500; margin: 1rem 0 0.25rem; overflow-wrap: anywhere }
a { color: var(--accent) }
code, kbd, pre, .address, .endpoints th[scope=row] { font-family: var(--mono); font-size: 0.8125rem }
kbd { border: 1px solid var(--line); border-radius: 4px; padding: 0 0.3em }
.muted { color: var(--muted); font-weight: 400 }
.skip { position: absolute; left: -100rem; padding: 0.5rem 1rem; background: var(--ground) }
.skip:focus { left: 0.5rem; top: 0.5rem; z-index: 3 }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px }
.facts { display: flex; flex-wrap: wrap; gap: 0.625rem; margin: 0 }
.facts div { background: var(--raised); border: 1px solid var(--line); border-radius: 8px; padding: 0.5rem 0.875rem; min-width: 8rem }
.facts dt { color: var(--muted); font-size: 0.75rem }
.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere }
.tools { display: flex; flex-wrap: wrap; gap: 0.625rem; align-items: end; margin: 0 0 0.5rem }
.tools label { display: grid; gap: 0.125rem; font-size: 0.75rem; color: var(--muted) }
.tools .search { flex: 1 1 16rem }
input, select, .tools button { font: inherit; font-size: 0.875rem; color: var(--text); background: var(--ground); border: 1px solid light-dark(#8c959f, #6e7681); border-radius: 6px; padding: 0.375rem 0.625rem; min-height: 2.25rem; width: 100%; max-width: 100% }
.tools button { width: auto; cursor: pointer; background: var(--raised) }
.line { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 0.5rem 0; font-size: 0.8125rem }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; color: var(--muted); font-size: 0.75rem; padding: 0.25rem 0 }
th, td { text-align: left; padding: 0.4375rem 0.75rem; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400 }
thead th { font-size: 0.75rem; color: var(--muted); font-weight: 600 }
main > section > table > thead th { position: sticky; top: 0; background: var(--ground); z-index: 2; box-shadow: inset 0 -1px var(--line); border-bottom: 0 }
.service { cursor: pointer; scroll-margin-top: 2.5rem }
.service:hover { background: var(--raised) }
.service button { all: unset; display: block; padding-left: 1.1em; text-indent: -1.1em; font-weight: 600; cursor: pointer; overflow-wrap: anywhere; color: var(--accent) }
.service button:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px }
.service button::before { content: "▸"; content: "▸" / ""; display: inline-block; width: 1.1em; text-indent: 0; color: var(--muted) }
.service button[aria-expanded=true]::before { content: "▾"; content: "▾" / "" }
.number { font-variant-numeric: tabular-nums; white-space: nowrap }
.address { overflow-wrap: anywhere; max-width: 26rem }
.state { white-space: nowrap }
.state::before { content: "●"; content: "●" / ""; margin-right: 0.4em; color: var(--good) }
.state.serves-in-part::before { content: "◐"; content: "◐" / ""; color: var(--warn) }
.state.no-endpoints::before, .state.absent::before { content: "○"; content: "○" / ""; color: var(--bad) }
.badge { display: inline-block; border-radius: 1rem; padding: 0 0.625rem; font-size: 0.75rem; line-height: 1.375rem; white-space: nowrap; background: var(--raised); color: var(--text); border: 1px solid var(--line) }
.badge.added { background: var(--good-ground); color: var(--good); border-color: currentColor }
.badge.removed, .badge.error, .badge.danger { background: var(--bad-ground); color: var(--bad); border-color: currentColor }
.badge.changed, .badge.warning { background: var(--warn-ground); color: var(--warn); border-color: currentColor }
.details > td { background: var(--raised); padding: 0.25rem 1.25rem 1.25rem; max-width: 0 }
.changes, .diagnostics, .dangers { list-style: none; margin: 0.25rem 0; padding: 0 }
.changes > li, .diagnostics > li, .dangers > li { padding: 0.4375rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
.changes > li:last-child, .diagnostics > li:last-child, .dangers > li:last-child { border-bottom: 0 }
summary { cursor: pointer; margin: 0.5rem 0 }
details details, li details { font-size: 0.875rem }
.summary { font-size: 1.0625rem; margin: 0 }
.graph, .scroll, pre { overflow-x: auto; background: var(--ground); border: 1px solid var(--line); border-radius: 8px }
.graph { padding: 0.75rem; margin: 0.5rem 0 }
.graph svg { display: block }
.scroll { margin: 0.5rem 0; padding: 0.25rem 0.5rem }
.endpoints td, .endpoints th { font-size: 0.8125rem; padding: 0.25rem 0.75rem 0.25rem 0 }
.endpoints tr:last-child > * { border-bottom: 0 }
.why { min-width: 18rem }
pre { margin: 0.5rem 0; padding: 0.75rem; line-height: 1.45; max-height: 32rem; overflow: auto; tab-size: 4 }
.diff span { display: block; min-width: max-content }
.diff .added { background: var(--good-ground); color: var(--good) }
.diff .removed { background: var(--bad-ground); color: var(--bad) }
footer { margin-top: 3rem; color: var(--muted); font-size: 0.75rem }
.graph {
${graphStyle.trim()}
text { font: 10px Arial, Helvetica, "Liberation Sans", sans-serif }
.edge text { font-size: 8px }
.graph { fill: none }
}
@media (max-width: 44rem) {
  body { padding: 0 0.875rem 2rem }
  .wide { display: none }
  th, td { padding: 0.4375rem 0.25rem }
  main > section > table th:first-child { min-width: 8rem }
  .badge { padding: 0 0.375rem; white-space: normal; border-radius: 0.6875rem }
  .state { white-space: normal }
  .details > td { padding: 0.25rem 0.625rem 1rem }
  .tools label { flex: 1 1 8rem }
  .tools .search { flex: 1 1 100% }
  #keys { display: none }
  .facts div { min-width: 0; flex: 1 1 7rem; padding: 0.375rem 0.625rem }
}
@media print {
  .tools, .skip, #keys { display: none }
  pre { max-height: none; white-space: pre-wrap }
}
`;
