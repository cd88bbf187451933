/** The page's style sheet: one column on a phone, up to three on a desktop, light or dark as the reader has it. */
export const STYLE = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #14181f; --soft: #556070;
  --line: #e0e4ea; --ours: #1d5fd1; --peer: #a9b3c0; --good: #176b36; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1217; --card: #181c23; --text: #eceff4;
  --soft: #a3adbb; --line: #2c333d; --ours: #5b9bff; --peer: #5d6876; --good: #6fce8f; --bad: #ff8d84; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 24px 14px 48px; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 26px; line-height: 1.2; }
h2 { margin: 48px 0 8px; font-size: 22px; line-height: 1.25; }
h3 { margin: 24px 0 10px; font-size: 16px; line-height: 1.3; }
p { margin: 6px 0; max-width: 75ch; }
p, th, figcaption { text-wrap: pretty; }
a { color: var(--ours); }
small, .note, nav, .versions { font-size: 13px; color: var(--soft); }
.versions, nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0; padding: 0; list-style: none; }
nav ul { font-size: 15px; margin: 14px 0; }
.legend { margin-top: 24px; color: var(--soft); }
.legend b { color: var(--ours); }
.summary h2 { margin-top: 28px; }
.card { margin: 0; overflow-x: auto; padding: 14px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.card h3 { margin: 0 0 6px; }
.card + .card, .columns + .card { margin-top: 14px; }
.cards, .columns { display: grid; gap: 14px; align-items: start; }
.cards { grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
.columns { grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
.cards .card, .columns .card { margin: 0; overflow-x: auto; }
.goals { margin-top: 14px; max-width: 720px; }
.missing { margin-top: 14px; padding-left: 12px; border-left: 3px solid var(--peer); }
.missing h3 { margin: 0; font-size: 15px; }
.missing ul { margin: 2px 0; padding-left: 18px; }
figcaption { margin-bottom: 8px; font-weight: 600; line-height: 1.35; }
.note { margin: -4px 0 8px; }
svg { display: block; width: 100%; height: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13px; line-height: 1.4; font-variant-numeric: tabular-nums; }
.card > table, details > table { margin-top: 8px; }
th, td { padding: 4px 0 4px 8px; text-align: right; vertical-align: top; font-weight: 400; border-top: 1px solid var(--line);
  overflow-wrap: normal; }
th:first-child { padding-left: 0; min-width: 5.5em; text-align: left; overflow-wrap: anywhere; }
.words { overflow-wrap: anywhere; }
thead th { white-space: nowrap; border: 0; color: var(--soft); font-size: 12px; }
td small, .card td:not(.words) { white-space: nowrap; }
.card details td:not(.words) { white-space: normal; }
.ratios th[scope="rowgroup"] { font-weight: 600; }
.ratios tr:not(:first-child) > * { border: 0; padding-top: 1px; padding-bottom: 1px; }
.ratios tbody tr:last-child > * { padding-bottom: 6px; }
.ours th, .ours td { font-weight: 600; }
.better, .worse { font-weight: 600; white-space: nowrap; }
.better { color: var(--good); }
.worse { color: var(--bad); }
.even { color: var(--soft); }
summary { cursor: pointer; padding: 6px 0; font-size: 13px; color: var(--soft); }
details { margin-top: 4px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;
