// The journal, newest first, with filters. It follows while nobody reads in it, and says so when it does not.
import { ask, both, by, el, say, time } from "./dom.js";
import { entry } from "./story.js";

const GROUPS = [
  ["everything", ""],
  ["decisions", "decided,refused"],
  ["orders", "prepared,accepted,answered,rejected,cancel_prepared,cancel_rejected,in_doubt,triggered,ended"],
  ["executions", "filled,busted"],
  ["refusals", "refused,rejected,cancel_rejected"],
  ["halts and states", "trading,flatten,resume_requested,resume_refused,resumed,breaker,agent_disabled,agent_enabled"],
  ["connections and feeds", "link,feed,gap,missed_trades,handed_over,duplicates"],
  ["budget", "budget_wait,rate_limited"],
  ["books and balances", "balances,reconciled,discrepancy,differences_accepted,transferred,transfer_known,foreign,foreign_gone,foreign_cancel,equity_mark"],
  ["gateway", "started,stopped,limits,rules,key_audited,agent,alerted"],
];
const ROWS = 100;

const body = by("entries"), box = by("entries-box");
let before = null, oldest = null, known = 0, asked = 0, waiting = null;
let rows = [];

function query() {
  const form = new FormData(by("filters"));
  const said = new URLSearchParams();
  for (const [name, value] of form) if (value) said.set(name, name === "until" ? Date.parse(value) : value);
  if (before !== null) said.set("before", before);
  said.set("limit", ROWS);
  return said.toString();
}

async function load() {
  const mine = ++asked;
  try {
    const found = await ask("/api/journal?" + query());
    if (mine !== asked) return;
    rows = found.entries;
    known = found.last;
    oldest = rows.length ? rows[rows.length - 1].seq : null;
    draw();
    by("older").disabled = !found.more;
    const removed = found.first > 1 ? `; entries before ${found.first} were removed` : "";
    say(by("pager-said"), (rows.length ? `${rows[rows.length - 1].seq} to ${rows[0].seq} of ${found.last}` : "") + removed, "");
  } catch (problem) {
    if (mine === asked) say(by("pager-said"), problem.message, "bad");
  }
}

function draw() {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, index) => {
    let line = body.rows[index];
    if (!line) {
      line = body.insertRow();
      for (let n = 0; n < 4; n += 1) line.insertCell();
      line.cells[0].className = "num";
      line.cells[3].append(el("button", { type: "button", onclick: () => entry(rows[index]) }));
    }
    line.classList.toggle("trouble", Boolean(row.error));
    say(line.cells[0], row.seq);
    say(line.cells[1], time(row.at));
    line.cells[1].title = both(row.at);
    say(line.cells[2], String(row.kind ?? "").replaceAll("_", " "));
    const who = row.order ?? row.agent ?? row.instrument;
    say(line.cells[3].firstElementChild, (who ? `${who}: ` : "") + row.text);
    line.cells[3].firstElementChild.title = row.text;
  });
  const filtered = [...new FormData(by("filters")).values()].some(Boolean);
  by("no-entries").hidden = rows.length > 0;
  say(by("no-entries"), filtered ? "No entry is like that. Clear the filter to see all." : "The journal is empty: start a gateway on it with plimsoll run.");
}

/** Somebody reads: further down, on an older page, or with the keyboard in the list. */
const isRead = () => before !== null || box.scrollTop > 4 || body.contains(document.activeElement);

/** The journal has gone on. */
export function goneOn(last) {
  say(by("journal-count"), `${last} entries`);
  if (last === known || waiting) return;
  if (isRead()) {
    say(by("pager-said"), `${last - known} more since; Newest shows them`, "");
    return;
  }
  // Not for each entry: many come at once.
  waiting = setTimeout(() => {
    waiting = null;
    if (!isRead()) load();
  }, 400);
}

/** What there is to choose from. */
export function choices(told) {
  for (const [id, list] of [["f-agent", told.agents], ["f-instrument", told.instruments]]) {
    const select = by(id);
    for (const { name } of list) {
      if (![...select.options].some((option) => option.value === name)) select.append(el("option", { value: name }, name));
    }
  }
}

export const redraw = draw;

export function setUp() {
  by("f-kind").append(...GROUPS.map(([name, kinds]) => el("option", { value: kinds }, name)));
  const anew = () => { before = null; box.scrollTop = 0; load(); };
  const form = by("filters");
  form.addEventListener("change", anew);
  form.addEventListener("submit", (event) => { event.preventDefault(); anew(); });
  form.addEventListener("reset", () => setTimeout(anew));
  by("newest").addEventListener("click", anew);
  by("older").addEventListener("click", () => { if (oldest !== null) { before = oldest; box.scrollTop = 0; load(); } });
  load();
}
