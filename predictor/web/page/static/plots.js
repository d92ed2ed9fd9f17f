// The reference rows as scatter plots, with the row of the form and its nearest ones among them.

import { $, capital, colour, domain, el, fieldOf, svg } from "./dom.js";

const WIDTH = 400;
const HEIGHT = 270;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 40;
const R = 3.2;

// One shape per class, because colours alone do not tell them apart for everyone.
const SHAPES = [
  `m${-R},0a${R},${R} 0 1,0 ${2 * R},0a${R},${R} 0 1,0 ${-2 * R},0z`,
  `m0,${-R - 0.8}l${R + 0.6},${2 * R}h${-2 * R - 1.2}z`,
  `m${-R + 0.3},${-R + 0.3}h${2 * R - 0.6}v${2 * R - 0.6}h${-2 * R + 0.6}z`,
  `m0,${-R - 1}l${R + 1},${R + 1}l${-R - 1},${R + 1}l${-R - 1},${-R - 1}z`,
];
const shape = (label) => SHAPES[domain.classes.indexOf(label) % SHAPES.length];

function scale(values, from, to) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const margin = (high - low) * 0.06 || 1;
  const [start, end] = [low - margin, high + margin];
  const step = niceStep((end - start) / 5);
  const ticks = [];
  for (let count = Math.ceil(start / step); count * step <= end; count += 1) {
    ticks.push(Number((count * step).toPrecision(6)));
  }
  const place = (value) => from + ((value - start) / (end - start)) * (to - from);
  const inside = (value) => Math.min(end, Math.max(start, value));
  return { place, ticks, inside, holds: (value) => inside(value) === value };
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

const mark = (size, d) =>
  svg("svg", { viewBox: `${-size} ${-size} ${2 * size} ${2 * size}`, "aria-hidden": "true" }, svg("path", { d }));

const axisLabel = (field) => (field.unit ? `${field.label}, ${field.unit}` : field.label);

class Plot {
  constructor(element, [x, y], columns) {
    this.element = element;
    this.x = fieldOf(x);
    this.y = fieldOf(y);
    const all = (name) => Object.values(columns).flatMap((own) => own[name] ?? []);
    this.yScale = scale(all(y), HEIGHT - BOTTOM, TOP);
    this.left = 26 + 8 * Math.max(...this.yScale.ticks.map((tick) => String(tick).length));
    this.xScale = scale(all(x), this.left, WIDTH - RIGHT);
    this.own = svg("g", { class: "own" });
    element.append(
      this.#axes(),
      ...Object.entries(columns).map(([label, own]) => {
        const path = (own[x] ?? []).map((value, row) => `M${this.#at(value, own[y][row])}${shape(label)}`).join("");
        return svg("path", { class: `points ${colour(label)}`, d: path });
      }),
      this.own,
    );
  }

  #at(x, y) {
    return `${this.xScale.place(x).toFixed(1)},${this.yScale.place(y).toFixed(1)}`;
  }

  #axes() {
    const axes = svg("g", { class: "axes" });
    for (const tick of this.xScale.ticks) {
      const x = this.xScale.place(tick);
      axes.append(svg("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
      axes.append(svg("text", { x, y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, String(tick)));
    }
    for (const tick of this.yScale.ticks) {
      const y = this.yScale.place(tick);
      axes.append(svg("line", { x1: this.left, x2: WIDTH - RIGHT, y1: y, y2: y }));
      axes.append(svg("text", { x: this.left - 6, y: y + 3.5, "text-anchor": "end" }, String(tick)));
    }
    const middle = (this.left + WIDTH - RIGHT) / 2;
    axes.append(svg("text", { x: middle, y: HEIGHT - 6, "text-anchor": "middle" }, axisLabel(this.x)));
    const turned = `translate(11 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`;
    axes.append(svg("text", { transform: turned, "text-anchor": "middle" }, axisLabel(this.y)));
    return axes;
  }

  show(values, neighbours) {
    const [x, y] = [values[this.x.name], values[this.y.name]];
    this.own.replaceChildren();
    const name = `${capital(this.y.label)} against ${this.x.label} of the reference ${domain.nouns}.`;
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      this.element.setAttribute("aria-label", name);
      return;
    }
    for (const { [domain.noun]: row } of neighbours) {
      const [cx, cy] = this.#at(row[this.x.name], row[this.y.name]).split(",");
      this.own.append(svg("circle", { class: "near", cx, cy, r: 7 }));
    }
    const inside = this.xScale.holds(x) && this.yScale.holds(y);
    const [cx, cy] = this.#at(this.xScale.inside(x), this.yScale.inside(y)).split(",").map(Number);
    const cross = `M${cx - 8},${cy}h16M${cx},${cy - 8}v16`;
    this.own.append(svg("path", { class: inside ? "this" : "this outside", d: cross }));
    this.own.append(svg("circle", { class: "this", cx, cy, r: 4.5 }));
    if (!inside) {
      const anchor = cx > WIDTH / 2 ? "end" : "start";
      const at = { x: cx + (anchor === "end" ? -12 : 12), y: cy < TOP + 16 ? cy + 16 : cy - 8, "text-anchor": anchor };
      this.own.append(svg("text", at, "outside this plot"));
    }
    const where = inside ? "" : ", outside the plot";
    const own = `This one: ${axisLabel(this.y)} ${y}, ${axisLabel(this.x)} ${x}${where}.`;
    this.element.setAttribute("aria-label", `${name} ${own}`);
  }
}

/** Draws the plots when the reference has come; shows the newest row in them. */
export class Plots {
  #plots = [];
  #last = null;

  async load() {
    let data;
    try {
      data = await (await fetch(domain.reference)).json();
    } catch {
      return; // Everything else works without them.
    }
    const elements = [...document.querySelectorAll("[data-plot]")];
    this.#plots = elements.map((element, index) => new Plot(element, domain.plots[index], data));
    $("key").replaceChildren(
      ...Object.keys(data).map((label) =>
        el("li", { class: colour(label) }, mark(6, `M0,0${shape(label)}`), label),
      ),
      el("li", { class: "self" }, mark(9, "M-8,0h16M0-8v16"), `this ${domain.noun}`),
    );
    if (this.#last) this.show(...this.#last);
  }

  show(values, neighbours = []) {
    this.#last = [values, neighbours];
    for (const plot of this.#plots) plot.show(values, neighbours);
    const heading = (scope, text) => el("th", { scope, class: colour(text) }, text);
    const cell = (value) => el("td", {}, String(value ?? ""));
    const labels = neighbours.map((near) => near[domain.labelName]);
    $("nearest-head").replaceChildren(
      el("tr", {}, el("td"), ...["This one", ...labels].map((text) => heading("col", text))),
    );
    const line = (title, own, others) => el("tr", {}, heading("row", title), cell(own), ...others.map(cell));
    $("nearest").replaceChildren(
      line("Distance", "", neighbours.map((near) => near.distance)),
      ...domain.fields.map((field) =>
        line(capital(axisLabel(field)), values[field.name], neighbours.map((near) => near[domain.noun][field.name])),
      ),
    );
  }
}
