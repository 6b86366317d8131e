// Puts the page together: the stream of news, what is stale, the curve, and what was chosen here before.
import { ask, ago, by, changeZone, isUtc, millis, say, time } from "./dom.js";
import * as cards from "./cards.js";
import * as halt from "./halt.js";
import * as journal from "./journal.js";
import * as story from "./story.js";
import { draw } from "./chart.js";

/** Without a word for so long what is shown may be wrong, milliseconds. */
const STALE = 8000;
const CURVES_EVERY = 15000;

let session = null, heard = 0, last = null, told = null;
let curves = { marks: [], realized: [] }, samples = [], earned = false;

function stale() {
  const silent = performance.now() - heard;
  const is = heard > 0 && silent > STALE;
  document.body.classList.toggle("stale", is);
  if (is) say(by("heard"), `NO NEWS for ${ago(0, silent)}: what is shown was so at ${time(last.at)}`);
}

function listen() {
  const events = new EventSource("/api/events");
  events.addEventListener("now", (event) => {
    last = JSON.parse(event.data);
    heard = performance.now();
    document.body.classList.remove("stale");
    say(by("heard"), `as of ${time(last.at)}`);
    cards.now(last, session.about);
    sample();
  });
  events.addEventListener("tables", (event) => {
    const news = JSON.parse(event.data);
    if (news.reading) return say(by("journal-count"), `reading ${news.reading.done} of ${news.reading.all} entries …`);
    if (news.problem) return say(by("journal-count"), news.problem);
    told = news;
    cards.tables(told);
    journal.choices(told);
    journal.goneOn(told.last);
  });
  events.addEventListener("error", () => {
    // A session that has ended is not found out otherwise.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => ask("/api/session").then(listen, () => setTimeout(listen, 3000)), 2000);
  });
}

function sample() {
  const { at, now } = last;
  const worth = now?.running && now.equity && !now.equity.at ? parseFloat(now.equity.equity) : NaN;
  if (Number.isFinite(worth)) samples.push([at, worth]);
  if (samples.length > 4000) samples = samples.filter((_, n) => n % 2 === 0);
  curve();
}

function curve() {
  const box = by("chart");
  if (earned) {
    const points = curves.realized.map((p) => [millis(p.at), p.total]);
    say(by("curve-note"), points.length ? `${curves.realized[0].asset}, realized at average cost, after fees` : "");
    draw(box, points, points.length ? [{ value: 0, kind: "high", name: "0" }] : [], "Nothing was executed yet.");
    return;
  }
  const begun = samples.length ? samples[0][0] : Infinity;
  const marks = curves.marks.map((m) => [millis(m.at), parseFloat(m.equity)]).filter(([at]) => at < begun);
  const points = marks.concat(samples);
  const now = last?.now, high = parseFloat(now?.equity?.high), limits = now?.breakers ?? {};
  const day = parseFloat(now?.equity?.day_start);
  const below = (from, limit) => from * (1 - parseFloat(limit) / 100);
  const levels = [
    { value: high, kind: "high", name: "high-water mark" },
    { value: below(high, limits.drawdown?.limit), kind: "limit", name: "drawdown limit" },
    { value: below(day, limits.day_loss?.limit), kind: "limit", name: "day's limit" },
  ].filter((level) => Number.isFinite(level.value));
  say(by("curve-note"), points.length ? "each second since this dashboard was opened; before that, the journal's marks" : "");
  draw(box, points, levels, "The account has not been valued yet.");
}

async function fetchCurves() {
  try {
    curves = await ask("/api/curves");
    curve();
  } catch { /* The next one may come through; a lost server is said elsewhere. */ }
}

function choose(isEarned) {
  earned = isEarned;
  by("curve-worth").setAttribute("aria-pressed", String(!earned));
  by("curve-earned").setAttribute("aria-pressed", String(earned));
  curve();
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return dark ? "dark" : "light";
}

function tools() {
  const shown = () => {
    say(by("theme"), theme());
    say(by("zone"), isUtc() ? "UTC" : "local");
  };
  shown();
  by("theme").addEventListener("click", () => {
    const next = theme() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("plimsoll-theme", next);
    shown();
  });
  by("zone").addEventListener("click", () => {
    changeZone();
    shown();
    if (last) cards.now(last, session.about);
    if (told) cards.tables(told);
    journal.redraw();
    curve();
  });
  by("curve-worth").addEventListener("click", () => choose(false));
  by("curve-earned").addEventListener("click", () => choose(true));
  by("leave").hidden = !session.locked;
  by("leave").addEventListener("click", async () => {
    await fetch("/logout", { method: "POST" });
    location.reload();
  });
  new ResizeObserver(curve).observe(by("chart"));
}

async function start() {
  try {
    session = await ask("/api/session");
    session.about.alone = !session.halts;
  } catch {
    say(by("heard"), "the dashboard does not answer; trying again …");
    setTimeout(start, 2000);
    return;
  }
  say(by("about"), `${session.about.journal} – plimsoll ${session.about.version} – on the command line: plimsoll ${session.about.alone ? "report losses" : "status"} ${session.about.named}`);
  tools();
  halt.setUp(session);
  story.setUp();
  samples = (await ask("/api/samples").catch(() => [])).map(([at, equity]) => [at, parseFloat(equity)]);
  listen();
  journal.setUp();
  fetchCurves();
  setInterval(fetchCurves, CURVES_EVERY);
  setInterval(stale, 1000);
}

start();
