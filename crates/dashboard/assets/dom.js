// What all parts of the page need: elements, rows that stay where they are, times and exact numbers. Text is only
// ever set as text.

export const by = (id) => document.getElementById(id);

/** An element with attributes and children. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "onclick") element.addEventListener("click", value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets a text where it differs, so that a screen reader hears only what is new. */
export function say(element, text, kind) {
  const words = text === null || text === undefined ? "–" : String(text);
  if (element.textContent !== words) element.textContent = words;
  if (kind !== undefined && element.dataset.kind !== kind) {
    element.classList.remove("good", "bad", "warn");
    if (kind) element.classList.add(kind);
    element.dataset.kind = kind;
  }
}

/**
 * Fills a table in place: the row that is there takes the next content, so nothing moves when something comes in
 * above. A cell is a text, or `{text, kind, num, wide, cut, order, share, title}`.
 */
export function fill(body, rows, empty, words) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, index) => {
    const line = body.rows[index] ?? body.insertRow();
    line.classList.toggle("trouble", Boolean(row.trouble));
    row.cells.forEach((cell, at) => cellOf(line, at, typeof cell === "object" && cell ? cell : { text: cell }));
  });
  say(empty, words ?? "");
  empty.hidden = rows.length > 0;
}

function cellOf(line, at, cell) {
  const made = line.cells[at] ?? line.insertCell();
  const kind = ["num", "wide", "cut"].filter((name) => cell[name]).concat(cell.kind ?? []);
  const name = (cell.share !== undefined ? ["meter"] : kind).join(" ");
  if (made.className !== name) made.className = name;
  if (cell.title !== undefined && made.title !== cell.title) made.title = cell.title;
  if (cell.share !== undefined) return meter(made, cell.share, cell.trips);
  if (cell.order) {
    let link = made.querySelector("a");
    if (!link) made.replaceChildren((link = el("a", { class: "tell" })));
    const target = "#order=" + encodeURIComponent(cell.order);
    if (link.getAttribute("href") !== target) link.setAttribute("href", target);
    return say(link, cell.text);
  }
  say(made, cell.text);
}

/** How far of a limit: 0 to 1 and beyond; null where it is not known. */
export function meter(box, share, trips = false) {
  let bar = box.matches(".bar") ? box : box.querySelector(".bar");
  if (!bar) box.replaceChildren((bar = el("span", { class: "bar" })));
  const inside = bar.firstElementChild ?? bar.appendChild(el("span"));
  const part = Math.max(0, Math.min(1, share ?? 0));
  inside.style.width = part * 100 + "%";
  bar.classList.toggle("bad", trips || part >= 1);
  bar.classList.toggle("warn", !trips && part >= 0.75 && part < 1);
}

const ZONE = "plimsoll-zone";
let utc = localStorage.getItem(ZONE) === "utc";
export const isUtc = () => utc;
export function changeZone() {
  utc = !utc;
  localStorage.setItem(ZONE, utc ? "utc" : "local");
}

const two = (n) => String(n).padStart(2, "0");

/** Milliseconds of what is written as nanoseconds since 1970, or as a text. */
export function millis(at) {
  if (at === null || at === undefined) return null;
  if (typeof at === "string") return Date.parse(at);
  return at > 1e15 ? at / 1e6 : at;
}

/** A time as it was chosen: local, or UTC with a Z; with its day where that is not today. */
export function time(at, whole = false) {
  const ms = millis(at);
  if (ms === null || Number.isNaN(ms)) return "–";
  const date = new Date(ms);
  const part = (name) => date[(utc ? "getUTC" : "get") + name]();
  const clock = [part("Hours"), part("Minutes"), part("Seconds")].map(two).join(":") + (utc ? "Z" : "");
  const now = new Date();
  const today = utc ? now.toISOString().slice(0, 10) === date.toISOString().slice(0, 10)
    : now.toDateString() === date.toDateString();
  const day = `${part("FullYear")}-${two(part("Month") + 1)}-${two(part("Date"))} `;
  return (today && !whole ? "" : day) + clock;
}

/** Both ways, for a title. */
export function both(at) {
  const ms = millis(at);
  return ms === null || Number.isNaN(ms) ? "" : `${new Date(ms).toISOString()} (UTC)`;
}

/** How long ago, in two units at most. */
export function ago(at, now) {
  const ms = millis(at);
  if (ms === null || Number.isNaN(ms)) return "–";
  const s = Math.max(0, Math.floor((now - ms) / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** One decimal less another, exactly. */
export function minus(a, b) {
  const read = (text) => {
    const [, sign, whole, part = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
    if (whole === undefined) return null;
    return { value: BigInt(sign + whole + part), digits: part.length };
  };
  const [x, y] = [read(String(a)), read(String(b))];
  if (!x || !y) return null;
  const digits = Math.max(x.digits, y.digits);
  const grown = (n) => n.value * 10n ** BigInt(digits - n.digits);
  const left = grown(x) - grown(y);
  const text = (left < 0n ? -left : left).toString().padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits);
  const part = text.slice(text.length - digits).replace(/0+$/, "");
  return (left < 0n ? "-" : "") + whole + (part ? "." + part : "");
}

/** A number with so many digits behind the point at most; where some are cut off that is to be seen. */
export function short(number, digits = 8) {
  const text = String(number ?? "–");
  const [whole, part = ""] = text.split(".");
  return part.length > digits ? `${whole}.${part.slice(0, digits)}…` : text;
}

/** A cell with a number: what is cut off is in its title. */
export const number = (text, digits, more = {}) => ({ text: short(text, digits), title: text === null || text === undefined ? "" : String(text), num: true, ...more });

/** The part of one number in another, for a bar. */
export function share(value, limit) {
  const [v, l] = [parseFloat(value), parseFloat(limit)];
  return Number.isFinite(v) && Number.isFinite(l) && l > 0 ? v / l : null;
}

/** Asks the server; throws what it says where it says no. */
export async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.status === 401) {
    location.reload();
    throw new Error("the session has ended");
  }
  const said = await answer.json().catch(() => ({ error: "the answer is not understood" }));
  if (!answer.ok) throw new Error(said.error ?? `the server answers ${answer.status}`);
  return said;
}
