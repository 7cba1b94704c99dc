/** For a screen, light or dark, and for paper: A4, dense, no colour that a printer would lose a meaning with. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2127; --soft: #5b6673; --line: #d7dce2; --page: #ffffff; --tint: #eef1f5;
  --good: #1f6f43; --bad: #a3241b; --warn: #8a5a00; --back: #1d5c94; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e7ec; --soft: #9aa5b1; --line: #353c45; --page: #14181d; --tint: #232a32;
    --good: #6cc794; --bad: #f0857c; --warn: #e0b25c; --back: #7db6ea; } }
* { box-sizing: border-box; }
html { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
body { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
p { margin: .5rem 0; }
.verdict { font-size: 1.1rem; font-weight: 600; padding: .6rem .9rem; border-left: 5px solid; }
.verdict.good { border-color: var(--good); }
.verdict.bad { border-color: var(--bad); }
.warning { font-weight: 700; color: var(--bad); border: 2px solid; padding: .6rem .9rem; margin: 0 0 1rem; }
.legend, dt { color: var(--soft); font-size: .86rem; }
.said { background: var(--tint); border-radius: 3px; padding: 0 .2em; overflow-wrap: anywhere; -webkit-box-decoration-break: clone;
  box-decoration-break: clone; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: .86rem; }
th, td { text-align: left; vertical-align: top; padding: .28rem .6rem .28rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td:first-child { min-width: 8em; font-variant-numeric: tabular-nums; }
tr.stop td, p.stop { font-weight: 600; color: var(--bad); }
tr.signal td { font-weight: 600; }
tr.signal td:first-child, tr.stop td:first-child { box-shadow: inset 3px 0 0 var(--bad); padding-left: .5rem; }
tr.refused td { color: var(--warn); }
tr.back td { color: var(--back); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .6rem 0; font-size: .86rem; }
dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: .5rem 0; padding-left: 1.2rem; font-size: .9rem; }
pre { font: .8rem/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--tint); border-radius: 4px;
  padding: .7rem .9rem; margin: .6rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
pre .added { color: var(--good); font-weight: 600; }
pre .removed { color: var(--bad); }
@page { size: A4; margin: 16mm 14mm; }
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --page: #fff; --tint: #f1f1f1; --good: #000; --bad: #000; --warn: #000; --back: #000; }
  html { font-size: 9.5pt; }
  body { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  tr, dl, .verdict, .warning { break-inside: avoid; }
  thead { display: table-header-group; }
}
`
