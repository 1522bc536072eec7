// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "report/page/page_style.h"

namespace vragent::report {

const std::string_view kPageStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #23262b; --soft: #646a73; --line: #e4e1db;
  --tint: #f3f1ec; --accent: #2563c9; --note: #eef3fb; --note-edge: #8fb0e6;
  --warn: #fdf4e3; --warn-edge: #dfa94a; --good: #0f7a4f; --good-bg: #e3f4ec;
  --bad: #a8402f; --bad-bg: #fbe9e6;
  --series-1: #2563c9; --series-2: #d9702b; --series-3: #12897b;
  --series-4: #8a56c9; --series-5: #b8336a; --series-6: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --card: #1c1f24; --ink: #e4e5e8; --soft: #9aa1ac; --line: #30343b;
    --tint: #22262c; --accent: #84b0f5; --note: #1b2533; --note-edge: #47699c;
    --warn: #2c2518; --warn-edge: #a17a34; --good: #6fcf9f; --good-bg: #18301f;
    --bad: #f09a8a; --bad-bg: #37201c;
    --series-1: #74a5f2; --series-2: #eb9556; --series-3: #45b8a8;
    --series-4: #b58de6; --series-5: #e26c9b; --series-6: #9aa1ac;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
.page { max-width: 74rem; margin: 0 auto; padding: 0 1.1rem 4rem; }
header { padding: 2.6rem 0 .6rem; max-width: 50rem; }
.kicker {
  margin: 0; color: var(--accent); font-size: .8rem; font-weight: 600;
  letter-spacing: .09em; text-transform: uppercase;
}
h1 { margin: .35rem 0 .7rem; font-size: clamp(1.75rem, 1.2rem + 2.6vw, 2.7rem);
  line-height: 1.15; letter-spacing: -.02em; text-wrap: balance; }
h2 { margin: 0 0 .9rem; font-size: 1.4rem; line-height: 1.25; letter-spacing: -.01em; }
h3 { margin: 0; font-size: 1rem; line-height: 1.4; }
h2 + .lead { margin-top: -.55rem; }
.lead { margin: 0 0 1.1rem; color: var(--soft); font-size: 1.06rem; max-width: 46rem; }
p { max-width: 46rem; margin: 0 0 1rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
section { padding-top: 2.6rem; scroll-margin-top: 2.4rem; }
main > section + section { margin-top: 2.6rem; border-top: 1px solid var(--line); }

nav {
  position: sticky; top: 0; z-index: 2; margin: 1.2rem -1.1rem 0; padding: .5rem 1.1rem;
  background: var(--paper); border-bottom: 1px solid var(--line);
}
nav ol { display: flex; gap: .2rem 1.1rem; margin: 0; padding: 0; list-style: none;
  overflow-x: auto; scrollbar-width: none; white-space: nowrap; font-size: .9rem; }
nav a { color: var(--soft); display: block; padding: .25rem 0; }
nav a:hover { color: var(--accent); }

.callout { margin: 0 0 1.2rem; padding: .85rem 1.1rem; max-width: 50rem; border-radius: 10px;
  background: var(--note); border-left: 4px solid var(--note-edge); }
.callout.warning { background: var(--warn); border-left-color: var(--warn-edge); }
.callout b { display: block; }
.callout p { margin: .15rem 0 0; }
.facts { display: flex; flex-wrap: wrap; gap: 1px; margin: 0 0 1.3rem; background: var(--line); border: 1px solid var(--line);
  border-radius: 10px; overflow: hidden; }
.facts div { flex: 1 1 8.2rem; background: var(--card); padding: .6rem .9rem; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }

.table { margin: 0 0 1.6rem; }
.table h3 { margin-bottom: .5rem; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
table { border-collapse: separate; border-spacing: 0; min-width: 100%; font-size: .9rem; line-height: 1.35; }
th, td { padding: .5rem .85rem; text-align: left; vertical-align: top; unicode-bidi: isolate; }
thead th { color: var(--soft); font-size: .8rem; font-weight: 600; white-space: nowrap;
  border-bottom: 1px solid var(--line); vertical-align: bottom; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody th { font-weight: 500; position: sticky; left: 0; background: var(--card);
  min-width: 7.5rem; max-width: 16rem; }
th.number, td.number { text-align: right; white-space: nowrap; }
td.text { color: var(--soft); min-width: 7rem; max-width: 22rem; }
.source { display: block; color: var(--soft); font-size: .76rem; font-weight: 400;
  line-height: 1.4; }
.interval { display: block; color: var(--soft); font-size: .76rem; }
tr.ours th { font-weight: 600; box-shadow: inset 3px 0 var(--accent); }
tr.published td, tr.published th { color: var(--soft); }
.badge { display: inline-block; margin-right: .5em;
  padding: 0 .45em; border-radius: 99px; background: var(--tint); color: var(--soft);
  font-size: .7rem; font-weight: 500; line-height: 1.5; }
tr.control th { box-shadow: inset 3px 0 var(--line); }
.notes { margin: .6rem 0 0; padding-left: 1.1rem; color: var(--soft); font-size: .84rem;
  max-width: 50rem; }
.notes li { margin: .15rem 0; }

.figures { display: grid; gap: 1.1rem; margin: 0 0 1.6rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); }
figure { margin: 0; min-width: 0; }
.figures figure { padding: 1rem 1.1rem .85rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; }
.figures svg { display: block; width: 100%; max-width: 40rem; height: auto; margin: 0 auto; }
.figures figcaption { margin-top: .7rem; color: var(--soft); font-size: .88rem;
  line-height: 1.45; max-width: 40rem; }

.gallery { display: grid; gap: 1.1rem; margin: 0 0 1.6rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); }
.card { padding: 1rem 1.1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; min-width: 0; overflow: hidden; }
.card h3, .card p { unicode-bidi: isolate; overflow-wrap: anywhere; }
.subtitle { color: var(--soft); font-size: .82rem; margin: 0; }
.frames { display: grid; grid-template-columns: repeat(5, 1fr); gap: .45rem;
  margin: .75rem 0 .2rem; }
.frames img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain;
  background: var(--tint); border-radius: 6px; }
.frames figcaption { margin-top: .2rem; color: var(--soft); font-size: .74rem;
  text-align: center; line-height: 1.3; }
.said { margin: .6rem 0 0; }
.said b { display: block; color: var(--soft); font-size: .76rem; font-weight: 600; }

details { margin: 0 0 .7rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; overflow: hidden; }
summary { padding: .7rem 1.1rem; cursor: pointer; font-weight: 550; }
summary:hover { background: var(--tint); }
details[open] > summary { border-bottom: 1px solid var(--line); }
.inside { padding: .9rem 1.1rem 1.1rem; }
.label { margin: 0 0 .3rem; color: var(--soft); font-size: .8rem; font-weight: 600; }
pre { margin: 0 0 .9rem; padding: .75rem .9rem; background: var(--tint); border-radius: 8px;
  font: .82rem/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; max-height: 22rem; overflow-y: auto;
  unicode-bidi: isolate; }
.completions { display: grid; gap: .9rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.completions pre { margin: .35rem 0 0; }
.rewards { display: inline-flex; flex-wrap: wrap; gap: .25rem; margin-left: .5rem;
  vertical-align: middle; }
.reward { display: inline-block; padding: 0 .5em; border-radius: 99px; background: var(--tint);
  color: var(--soft); font-size: .78rem; font-weight: 600; line-height: 1.6; }
.reward.above { background: var(--good-bg); color: var(--good); }
.reward.below { background: var(--bad-bg); color: var(--bad); }
.remark { color: var(--soft); font-size: .82rem; margin-left: .4rem; }
.tag { color: var(--accent); }
footer { margin-top: 3.5rem; padding-top: 1.1rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: .86rem; }

@media (max-width: 34rem) {
  .frames { grid-template-columns: repeat(3, 1fr); }
  .figures figure, .card { padding: .8rem .8rem .7rem; }
  th, td { padding: .45rem .6rem; }
  tbody th { min-width: 6.5rem; max-width: 9.5rem; }
  .badge { display: table; margin-bottom: .15em; }
}
@media (min-width: 70rem) {
  .columns { display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 0 3rem; }
  nav { position: sticky; top: 0; align-self: start; margin: 0; padding: 2.8rem 0 0;
    border: 0; background: none; max-height: 100vh; overflow-y: auto; }
  nav ol { display: block; white-space: normal; }
  section { scroll-margin-top: 0; }
}
@media print {
  nav { display: none; }
  body { background: #fff; }
  details, .card, figure, tr { break-inside: avoid; }
}
)css";

}  // namespace vragent::report
