// What is so now, card by card.
import { ago, both, by, el, fill, meter, minus, number, say, share, short, time } from "./dom.js";

const STATES = {
  active: ["active", "good"], throttled: ["THROTTLED", "warn"], reducing: ["reducing", "warn"],
  starting: ["starting", "warn"], halted: ["HALTED", "bad"], flattening: ["FLATTENING", "bad"], dark: ["DARK", "bad"],
};
const BY = {
  person: "a person", dashboard: "a person, on the dashboard", agent: "an agent", breaker: "a circuit breaker", watchdog: "the watchdog",
  foreign_order: "an order of somebody else", ghost: "an order that is not where it was proven to be",
  crash_loop: "a crash loop", journal: "a journal that went back", key: "the key at the exchange",
};
const words = (name) => String(name).replaceAll("_", " ");
const times = (moments) => `${moments.total}, ${moments.last_hour} in the last hour`;

/** Pairs of a name and a text, in place. */
function facts(list, pairs) {
  const wanted = pairs.filter(Boolean);
  while (list.children.length > wanted.length * 2) list.lastElementChild.remove();
  wanted.forEach(([name, text, kind], index) => {
    if (!list.children[index * 2]) list.append(el("dt"), el("dd"));
    say(list.children[index * 2], name);
    say(list.children[index * 2 + 1], text, kind ?? "");
  });
}

/** All that the gateway or its journal says of now. */
export function now({ at, now: status, problem }, about) {
  if (!status) {
    say(by("state"), "no journal", "bad");
    say(by("cause"), problem ?? "nothing is known yet", "bad");
    return;
  }
  trading(status, at, about);
  equity(status);
  breakers(status, at);
  feeds(status, at);
  budget(status, at);
  balances(status);
}

function trading(status, at, about) {
  const [name, kind] = STATES[status.trading?.state] ?? ["never started", "warn"];
  if (status.running) say(by("state"), name, kind);
  else say(by("state"), status.halt ? "ended, HALTED" : "not running", status.halt ? "bad" : "warn");
  // A journal alone may be a backtest's, which says nothing of it.
  say(by("mode"), status.mode === "paper" ? "on paper" : about.alone ? "journal" : "real orders");
  const ended = status.running ? "" : `No gateway runs on this journal. What follows was so at ${time(status.last_entry, true)}. `;
  const cause = status.trading?.cause || (status.running && status.trading?.state === "active" ? "Orders that pass the guardrails are let through." : "");
  const text = ended + (status.running ? cause : status.trading ? `It was ${name}${cause ? `: ${cause}` : "."}` : "");
  say(by("cause"), text || "–", status.halt ? "bad" : "");
  facts(by("facts"), [
    status.trading && ["since", `${time(status.trading.since)} (${ago(status.trading.since, at)} ago)`],
    status.halt && ["halted by", BY[status.halt.by] ?? "it is not said by whom", "bad"],
    status.halt && ["lifted by", `plimsoll resume ${about.alone ? "--config FILE" : about.named}`],
    ["session", `${status.session}${status.process ? `, process ${status.process}` : ""}`],
    ["started", `${time(status.started, true)}${status.running ? ` (${ago(status.started, at)} ago)` : ""}`],
    ["last entry", `${time(status.last_entry, true)}`],
    ["orders", `${status.orders_open} open, ${status.orders_in_doubt} in doubt`, status.orders_in_doubt ? "bad" : ""],
    ...Object.entries(status.agents_disabled ?? {}).map(([agent, why]) => [`agent ${agent}`, `DISABLED: ${why}`, "bad"]),
    status.probation_until && ["smaller limits", `until ${time(status.probation_until)}`, "warn"],
    ...books(status, at),
  ]);
}

function equity(status) {
  const worth = status.equity, limits = status.breakers ?? {};
  say(by("asset"), worth?.valuation ?? "");
  say(by("worth"), worth && short(worth.equity, 4));
  by("worth").title = worth ? `${worth.equity}; high-water mark ${worth.high}; the day began with ${worth.day_start}` : "";
  for (const [id, percent, name] of [["drawdown", "drawdown_percent", "drawdown"], ["dayloss", "day_loss_percent", "day_loss"]]) {
    const limit = limits[name]?.limit;
    say(by(id), worth ? `${worth[percent] ?? "–"}${limit ? ` of ${limit}` : ""} %` : null);
    meter(by(`${id}-bar`), share(worth?.[percent], limit), limits[name]?.tripped);
  }
  say(by("headroom"), worth?.headroom && short(worth.headroom, 4));
  by("headroom").title = worth?.headroom ?? "";
}

function breakers(status) {
  const rows = Object.entries(status.breakers ?? {}).map(([name, b]) => ({
    trouble: b.tripped,
    cells: [
      { text: words(name) + (b.tripped ? " – TRIPPED" : ""), kind: b.tripped ? "bad" : "" },
      number(b.value, 4),
      { text: `${b.limit} ${b.unit ?? ""}`, num: true },
      { share: share(b.value, b.limit), trips: b.tripped },
      number(b.value === null ? null : minus(b.limit, b.value), 4, { wide: true }),
    ],
  }));
  fill(by("breakers"), rows, by("no-breakers"), status.running
    ? "The gateway has not said yet how far its breakers are."
    : "No breaker has acted. How far each is, is known only while a gateway runs.");
}

function feeds(status, at) {
  const links = Object.entries(status.sessions ?? {}).map(([name, link]) => ({
    trouble: !link.up && status.running,
    cells: [`${name} connection`, { text: link.up ? "up" : "DOWN", kind: link.up ? "good" : "bad", title: link.cause ?? "" },
      { text: status.running ? ago(link.since, at) : time(link.since), title: both(link.since) }, { text: `${link.lost.total} (${link.lost.last_hour})`, num: true, title: times(link.lost) }],
  }));
  const markets = Object.entries(status.feeds ?? {}).map(([name, feed]) => ({
    trouble: feed.health !== "live" && status.running,
    cells: [name, { text: feed.health, kind: feed.health === "live" ? "good" : "bad" },
      { text: status.running ? ago(feed.since, at) : time(feed.since), title: both(feed.since) }, { text: `${feed.gaps.total} (${feed.gaps.last_hour})`, num: true, title: times(feed.gaps) }],
  }));
  fill(by("feeds"), links.concat(markets), by("no-feeds"), "No connection was ever up. A backtest has none.");
}

function budget(status, at) {
  const used = Object.entries(status.budget?.limits ?? {}).map(([name, { used: now, limit }]) => ({
    cells: [{ text: words(name), cut: true, title: name }, { text: now, num: true }, { text: limit, num: true }, { share: share(now, limit) }],
  }));
  const stops = (status.budget?.stops ?? []).map(([what, until]) => ({
    trouble: true,
    cells: [{ text: what, cut: true }, { text: "STOPPED", kind: "bad" }, { text: ago(at, Date.parse(until)), num: true }, ""],
  }));
  fill(by("budget"), stops.concat(used), by("no-budget"), "No gateway on this host has asked this venue for anything, or the dashboard was opened on a journal alone.");
}

/** The last comparison, and where alerts go. */
function books(status, at) {
  const { reconciled, last_difference: last, rate_limits: limits, alerts } = status;
  const left = status.comparison?.left?.length ?? 0;
  const failing = (alerts ?? []).filter((sink) => sink.failures_in_a_row > 0);
  return [
    ["compared", reconciled ? `${ago(reconciled.at, at)} ago, ${left} left` : "never in this session", left ? "bad" : ""],
    last && ["last difference", `${words(typeof last.found === "string" ? last.found : last.found?.discrepancy ?? "found")}, ${ago(last.at, at)} ago: ${last.correction}`],
    ["repeated", `${status.duplicates_dropped} messages dropped`],
    ["rate limits", limits.total ? `hit ${times(limits)}` : "never hit", limits.last_hour ? "warn" : ""],
    alerts && ["alerts", alerts.length === 0 ? "go nowhere: no [[alert]] is configured" : failing.length ? `${failing.map((s) => s.name).join(", ")} FAIL` : `${alerts.length} sinks, all fine`,
      failing.length ? "bad" : alerts.length ? "" : "warn"],
  ];
}

function balances(status) {
  const rows = Object.entries(status.balances ?? {}).map(([asset, { free, locked }]) => ({
    cells: [asset, number(free), number(locked)],
  }));
  fill(by("balances"), rows, by("no-balances"), "The venue has told none yet.");
}

/** All that the tables say. */
export function tables(told) {
  const { open, ended, positions } = told;
  say(by("open-count"), open.length ? `${open.length}` : "");
  const order = (o) => ({ text: o.client_order_id, order: o.client_order_id, cut: true, title: o.reason ?? "" });
  const side = (o) => ({ text: o.side, kind: o.side === "buy" ? "good" : "bad" });
  const qty = (o) => ({ text: o.qty ?? `${o.quote_qty} quote`, num: true });
  fill(by("orders"), open.map((o) => ({
    trouble: o.state === "in_doubt",
    cells: [order(o), { text: words(o.state), kind: o.state === "in_doubt" ? "bad" : "" }, side(o), qty(o), { text: o.filled, num: true },
      { text: o.price ?? o.trigger ?? "market", num: true }, { text: o.instrument, wide: true }, { text: time(o.at), wide: true, title: both(o.at) }],
  })), by("no-orders"), "No order is open.");
  fill(by("ended"), ended.map((o) => ({
    cells: [order(o), { text: words(o.ending ?? "over"), kind: o.ending === "rejected" ? "bad" : "", title: o.cause ?? "" }, side(o), qty(o), { text: o.filled, num: true },
      number(o.average, 6), { text: o.instrument, wide: true }, { text: time(o.at), wide: true, title: both(o.at) }],
  })), by("no-ended"), "No order has ended yet. Agents are named in the gateway's configuration: [agent.NAME].");
  const sign = (text) => (String(text).startsWith("-") ? "bad" : "");
  fill(by("positions"), positions.map((p) => ({
    cells: [p.instrument, { text: p.agent || "not ours", cut: true }, number(p.net), number(p.cost, 6),
      number(p.realized, 6, { kind: sign(p.realized) }), number(p.fees_quote, 6, { wide: true })],
  })), by("no-positions"), "Nothing was executed, so no agent holds anything.");
}
