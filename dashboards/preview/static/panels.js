import { Chart } from "./charts.js";
import { h, svg } from "./dom.js";
import { namedColor, reduce, seriesColor, thresholdColor, writer } from "./format.js";
import { markdown } from "./markdown.js";
import { download, table } from "./table.js";

// Panel is one panel of a board: its frame, title and buttons, and in it what its type draws.
export class Panel {
  constructor(view, zone, zoom) {
    this.view = view;
    this.zone = zone;
    this.zoom = zoom;
    this.state = {}; // what the user did to a table; kept across updates
    this.asTable = false;
    const { x, y, w, h: rows } = view.gridPos;
    const id = `panel-${view.id}`;
    this.title = h("h2", { id: `${id}-title` });
    this.note = h("p", { class: "note", id: `${id}-note`, hidden: true });
    this.body = h("div", { class: "body" });
    const drawn = ["barchart", "timeseries", "trend", "bargauge"].includes(view.type);
    const figures = !drawn ? null : this.button("▤", "Show the figures", (button) => {
      this.asTable = !this.asTable;
      button.setAttribute("aria-pressed", String(this.asTable));
      this.draw();
    });
    const save = !drawn && view.type !== "table" ? null : this.button("⤓", "Download CSV", () => this.frames && download(this.view.title, this.frames));
    const info = this.button("i", "What this figure means", () => this.explain(this.note.hidden));
    info.setAttribute("aria-expanded", "false");
    info.setAttribute("aria-controls", this.note.id);
    info.classList.add("info");
    this.info = info;
    const landmark = view.type === "row" ? null : this.title.id; // a heading is none
    this.element = h(landmark ? "section" : "div", { class: `panel ${view.type}`, id, "aria-labelledby": landmark },
      h("div", { class: "head" }, this.title, info, h("div", { class: "actions" }, figures, save)), this.note, this.body);
    this.element.style.setProperty("--x", x + 1);
    this.element.style.setProperty("--y", y + 1);
    this.element.style.setProperty("--w", w);
    this.element.style.setProperty("--h", rows);
    this.describe(view);
  }

  button(sign, label, act) {
    const button = h("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick: () => act(button) }, sign);
    return button;
  }

  // explain shows or hides the note.
  explain(shown) {
    this.note.hidden = !shown;
    this.info.setAttribute("aria-expanded", String(shown));
  }

  // describe takes the words of a panel, which may change with the variables.
  describe(view) {
    this.view = view;
    this.title.textContent = view.title;
    this.title.title = view.title;
    this.note.textContent = view.description;
    this.info.title = view.description;
  }

  update(frames, range) {
    const text = JSON.stringify([frames, range]);
    this.element.removeAttribute("aria-busy");
    if (text === this.drawn) return;
    this.drawn = text;
    this.frames = frames;
    this.range = range;
    this.draw();
  }

  // refer says where the figures are, if not here.
  refer(message) {
    this.element.removeAttribute("aria-busy");
    this.body.replaceChildren(h("p", { class: "empty" }, message));
  }

  fail(message) {
    this.drawn = null;
    this.clear();
    this.element.removeAttribute("aria-busy");
    this.body.replaceChildren(h("p", { class: "failed", role: "alert" }, message));
  }

  clear() {
    this.chart?.dispose();
    this.chart = null;
  }

  // redraw draws the same figures once more, in other colours.
  redraw() {
    if (this.frames) this.draw();
  }

  draw() {
    const frame = this.frames.find((candidate) => candidate.fields.length > 0);
    const empty = !frame || frame.fields[0].values.length === 0 || (this.view.type !== "table" && !frame.fields.some((field) => field.type === "number" && field.values.some((value) => value !== null)));
    const draw = this.asTable ? drawTable : drawings[this.view.type];
    if (this.view.type !== "text" && empty) {
      this.clear();
      this.body.replaceChildren(h("p", { class: "empty" }, this.view.noValue || "No data"));
      return;
    }
    if (!draw) {
      this.fail(`The preview does not draw panels of type "${this.view.type}". Grafana does.`);
      return;
    }
    draw(this, frame);
  }
}

const drawings = { barchart: drawChart, timeseries: drawChart, trend: drawChart, stat: drawStat, bargauge: drawGauge, table: drawTable, text: drawText };

function drawChart(panel, frame) {
  if (!panel.chart) {
    panel.chart = new Chart(panel.view, panel.zone, panel.zoom);
    panel.body.replaceChildren(panel.chart.element);
  }
  panel.chart.panel = panel.view;
  panel.chart.update(frame, panel.range);
}

function drawTable(panel, frame) {
  panel.clear();
  panel.body.replaceChildren(table(panel.view.title, frame, panel.zone, panel.state));
}

function drawText(panel) {
  panel.body.replaceChildren(markdown(panel.view.options.content));
}

function drawStat(panel, frame) {
  const { calcs } = panel.view.options.reduceOptions;
  const numbers = frame.fields.filter((field) => field.type === "number");
  const figures = numbers.map((field) => {
    const value = reduce(field.values, calcs[0]);
    return { field, value, text: value === null ? panel.view.noValue : writer(field, panel.zone)(value) };
  });
  const longest = Math.max(6, ...figures.map(({ text }) => text.length));
  panel.clear();
  panel.body.replaceChildren(h("div", { class: "stats" }, figures.map(({ field, value, text }) => {
    const figure = h("span", { class: "figure" }, text);
    figure.style.setProperty("--length", longest);
    const coloured = panel.view.options.colorMode === "value" && value !== null;
    if (coloured) figure.style.color = thresholdColor(field, value) ?? "";
    return h("div", { class: "stat-value" }, numbers.length > 1 ? h("span", { class: "stat-name" }, field.title) : null, figure);
  })));
  const times = frame.fields.find((field) => field.type === "time");
  if (panel.view.options.graphMode === "area" && times?.values.length > 1) {
    panel.body.append(sparkline(times.values, numbers[0], panel.view.options.colorMode === "value" ? figures[0].value : null));
  }
}

// sparkline draws a series without axes: the figure above it says what it ends in or adds up to.
function sparkline(times, field, value) {
  const width = 100, height = 30;
  const [first, last] = [times[0], times.at(-1)];
  const present = field.values.filter((entry) => entry !== null);
  const least = Math.min(0, ...present), most = Math.max(...present);
  const points = times.map((at, row) => [at, field.values[row]]).filter(([, entry]) => entry !== null)
    .map(([at, entry]) => [(at - first) / (last - first || 1) * width, height - (entry - least) / (most - least || 1) * (height - 1)]);
  const line = points.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
  const color = value === null ? seriesColor(field, 0) : thresholdColor(field, value);
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { d: `${line}L${points.at(-1)?.[0] ?? 0} ${height}L${points[0]?.[0] ?? 0} ${height}Z`, fill: color, "fill-opacity": .18 }),
    svg("path", { d: line, fill: "none", stroke: color, "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }));
}

function drawGauge(panel, frame) {
  const { fields, limit } = panel.view.options.reduceOptions;
  const wanted = new RegExp(fields.replace(/^\/|\/$/g, ""));
  const field = frame.fields.find((candidate) => candidate.type === "number" && wanted.test(candidate.name));
  const names = frame.fields.find((candidate) => candidate.type === "string");
  const values = field.values.slice(0, limit ?? 25);
  const write = writer(field, panel.zone);
  const least = field.config.min ?? 0;
  const most = field.config.max ?? Math.max(...values, least);
  panel.clear();
  panel.body.replaceChildren(h("ol", { class: "gauge" }, values.map((value, row) => {
    const name = names?.values[row] ?? field.title;
    const bar = h("span", { class: "bar" });
    bar.style.width = `${Math.max(0, Math.min(1, (value - least) / (most - least || 1))) * 100}%`;
    bar.style.backgroundColor = namedColor(field.config.color?.fixedColor ?? "blue");
    return h("li", {}, h("span", { class: "gauge-name", title: name }, name),
      h("span", { class: "track", "aria-hidden": "true" }, bar), h("span", { class: "gauge-value" }, write(value)));
  })));
}

