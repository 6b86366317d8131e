// Why: one order's whole story, as `plimsoll why` tells it; and one entry of the journal as it was written.
import { ask, by, el, say, time, both } from "./dom.js";

const dialog = by("story-dialog"), box = by("story");
const words = (name) => String(name).replaceAll("_", " ");
const show = (value) => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));

by("story-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  if (location.hash.startsWith("#order=")) history.replaceState(null, "", location.pathname);
});

function open(title, ...content) {
  say(by("story-title"), title);
  box.replaceChildren(...content.filter(Boolean));
  box.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
}

function table(heads, rows, kind = "wrap") {
  const head = el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", {}, name))));
  return el("div", { class: "over", tabindex: "0" }, el("table", { class: kind }, head, el("tbody", {}, ...rows)));
}

const cells = (...texts) => texts.map((text) => el("td", {}, show(text)));
const part = (title, ...content) => [el("h3", {}, title), ...content];

/** The story of what this names. */
export async function tell(id) {
  open(id, el("p", { class: "dim" }, "reading the journal …"));
  try {
    const story = await ask("/api/why?id=" + encodeURIComponent(id));
    open(story.of, ...content(story));
  } catch (problem) {
    open(id, el("p", { class: "bad" }, problem.message));
  }
}

function content(story) {
  const parts = story.summary.map((line) => el("p", {}, line));
  const decision = story.decision;
  if (decision.reason) parts.push(...part("why the agent wanted it", el("p", {}, `“${decision.reason}”`)));
  if (story.refused) parts.push(...part("refused", el("p", { class: "bad" }, story.refused)));
  if (story.fills.length) {
    parts.push(...part("executions", table(["time", "trade", "side", "price", "qty", "fee", "realized"],
      story.fills.map((f) => el("tr", {}, ...cells(time(f.time), f.trade_id, f.side, f.price, f.qty, `${f.fee ?? "–"} ${f.fee_asset ?? ""}`, f.pnl))), "")));
  }
  parts.push(...part("what happened", table(["after", "what"], story.timeline.map((line) =>
    el("tr", { class: line.around ? "around" : "" }, el("td", { title: both(line.time) }, `${line.after_ms.toFixed(1)} ms`), el("td", {}, line.text))))));
  if (story.checks.length) {
    parts.push(...part("what the guardrails found", table(["guardrail", "actual", "limit", "left"],
      story.checks.map((c) => el("tr", {}, ...cells(c.words ?? words(c.guardrail), c.actual, `${show(c.limit)} ${c.unit ?? ""}`, c.headroom))))));
  }
  const facts = Object.entries(story.order).filter(([name, value]) => value !== null && !/(_at|^at|^seq|^decision|reason_kind)$/.test(name));
  if (facts.length) {
    parts.push(...part("the order as it stands", el("dl", { class: "facts many" },
      ...facts.map(([name, value]) => el("div", {}, el("dt", {}, words(name)), el("dd", {}, show(value)))))));
  }
  if (story.state.length) parts.push(...part("how things stood", ...story.state.map((line) => el("p", {}, line))));
  const timings = Object.entries(story.timings);
  if (timings.length) {
    parts.push(...part("times", el("dl", { class: "facts" }, ...timings.flatMap(([name, ms]) => [el("dt", {}, words(name.replace(/_ms$/, ""))), el("dd", {}, `${ms.toFixed(3)} ms`)]))));
  }
  parts.push(...story.notes.map((note) => el("p", { class: "warn" }, note)));
  return parts;
}

/** One entry. */
export function entry(row) {
  const lines = [el("p", {}, row.text), el("p", { class: "dim" }, `${time(row.at, true)} – ${both(row.at)}`)];
  const id = row.order ?? (row.agent && row.record?.intent?.id !== undefined ? `${row.agent}/${row.record.intent.id}` : null);
  if (id) lines.push(el("p", {}, el("a", { href: "#order=" + encodeURIComponent(id) }, `the story of ${id}`)));
  open(`entry ${row.seq}: ${words(row.kind ?? "")}`, ...lines, el("pre", {}, JSON.stringify(row.record, null, 2)));
}

function byHash() {
  const found = /^#order=(.+)$/.exec(location.hash);
  if (found) tell(decodeURIComponent(found[1]));
}

/** Stories are found by the page's address. */
export function setUp() {
  window.addEventListener("hashchange", byHash);
  by("find").addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = "order=" + encodeURIComponent(by("find-id").value.trim());
  });
  byHash();
}
