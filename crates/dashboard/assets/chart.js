// Curves over time as an SVG drawing. Doubles are good enough for a drawing; the figures beside it are exact.
import { time } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 76, RIGHT = 10, TOP = 10, BOTTOM = 22;

function make(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** As many digits as tell two lines of the grid apart. */
function label(value, step) {
  const digits = Math.max(0, Math.min(8, Math.ceil(-Math.log10(Math.max(step, 1e-9))) + 1));
  return value.toFixed(digits);
}

/**
 * Draws `points` ([ms, value], in order) with `levels` ({value, kind, name}) as lines across. A level far away
 * from the curve is left out and said, so that the curve is no flat line.
 */
export function draw(box, points, levels, words) {
  const width = Math.max(200, box.clientWidth - 12), height = Math.max(80, box.clientHeight - 8);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words });
  box.replaceChildren(svg);
  if (points.length === 0) {
    svg.append(make("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, words));
    return;
  }
  let low = Infinity, high = -Infinity;
  for (const [, value] of points) { low = Math.min(low, value); high = Math.max(high, value); }
  const span = Math.max(high - low, Math.abs(high) * 1e-4, 1e-9);
  const near = levels.filter((l) => l.value >= low - 8 * span && l.value <= high + 8 * span);
  for (const { value } of near) { low = Math.min(low, value); high = Math.max(high, value); }
  const room = Math.max((high - low) * 0.08, span * 0.2);
  low -= room; high += room;
  const first = points[0][0], last = Math.max(points[points.length - 1][0], first + 1);
  const x = (at) => LEFT + ((at - first) / (last - first)) * (width - LEFT - RIGHT);
  const y = (value) => height - BOTTOM - ((value - low) / (high - low)) * (height - BOTTOM - TOP);
  const lines = height > 160 ? 4 : 2;
  for (let n = 0; n <= lines; n += 1) {
    const value = low + ((high - low) * n) / lines;
    svg.append(make("path", { class: "grid", d: `M${LEFT} ${y(value).toFixed(1)}H${width - RIGHT}` }));
    svg.append(make("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, label(value, (high - low) / lines)));
  }
  const day = last - first > 20 * 3600e3;
  const marks = width > 520 ? 3 : 1;
  for (let n = 0; n <= marks; n += 1) {
    const at = first + ((last - first) * n) / marks;
    const anchor = n === 0 ? "start" : n === marks ? "end" : "middle";
    svg.append(make("text", { x: x(at), y: height - 6, "text-anchor": anchor }, time(at, day).replace(/:\d\dZ?$/, (s) => (day ? "" : s))));
  }
  for (const { value, kind, name } of near) {
    svg.append(make("path", { class: kind, d: `M${LEFT} ${y(value).toFixed(1)}H${width - RIGHT}` }));
    svg.append(make("text", { class: `tag ${kind}`, x: width - RIGHT - 4, y: y(value) - 4, "text-anchor": "end" }, name));
  }
  const path = points.map(([at, value], n) => `${n ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  svg.append(make("path", { class: "worth", d: points.length > 1 ? path : path + "h3" }));
}
