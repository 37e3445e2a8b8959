import { cssColor, h, swatch } from "./dom.js";
import { calcNames, reduce, seriesColor, tickWriter, writer } from "./format.js";

// leastStep keeps two lines of an axis from having one label. Durations change their unit as they get small.
function leastStep({ unit, decimals }) {
  return unit === "s" || unit === "ms" ? undefined : 10 ** -(decimals ?? 3) / (unit === "percentunit" ? 100 : 1);
}

// durationStep is a distance between lines that people count durations by: 15 minutes and not 1 000 seconds.
function durationStep(unit, most) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
  return unit === "s" && most >= steps[0] ? steps.find((step) => most / step <= 6) ?? undefined : undefined;
}

// Chart is a bar chart, a time series or a trend with its legend, drawn by ECharts into SVG: labels stay text.
export class Chart {
  constructor(panel, zone, zoom) {
    this.panel = panel;
    this.zone = zone;
    this.zoom = zoom; // called with the ends of a range that was dragged over, in milliseconds
    this.hidden = new Set();
    this.canvas = h("div", { class: "canvas" });
    this.legend = h("div", { class: "legend" });
    const right = panel.options.legend?.placement === "right";
    this.element = h("div", { class: right ? "chart right" : "chart" }, this.canvas, this.legend);
    this.resizing = new ResizeObserver(() => this.instance ? this.instance.resize() : this.frame && this.draw());
  }

  update(frame, range) {
    this.frame = frame;
    this.range = range;
    this.resizing.disconnect();
    this.resizing.observe(this.canvas);
    this.draw();
  }

  dispose() {
    this.resizing.disconnect();
    this.instance?.dispose();
    this.instance = null;
  }

  draw() {
    const { frame, panel } = this;
    const { xField } = panel.options; // of a trend, which is drawn over numbers
    this.x = frame.fields.find((field) => xField ? field.name === xField : field.type === "time" || field.type === "string");
    this.series = frame.fields.filter((field) => field.type === "number" && field !== this.x)
      .map((field, place) => ({ field, color: seriesColor(field, place), write: writer(field, this.zone) }));
    this.drawLegend();
    this.element.setAttribute("role", "figure");
    this.element.setAttribute("aria-label", `${panel.title}: chart of ${this.x.values.length} points and ${this.series.length} series (${this.series.map((s) => s.field.title).join(", ")}). The button "Show the figures" shows them as a table.`);
    if (!this.canvas.clientWidth) return; // not laid out yet: the observer calls again
    if (!this.instance) {
      this.instance = echarts.init(this.canvas, null, { renderer: "svg" });
      if (this.x.type === "time") this.listenForDrag();
    }
    this.instance.setOption(this.x.type === "string" ? this.byGroup() : this.along(), true);
  }

  shown() {
    return this.series.filter((series) => !this.hidden.has(series.field.title));
  }

  stacked() {
    const custom = this.series[0]?.field.config.custom ?? {};
    return this.panel.options.stacking === "normal" || custom.stacking?.mode === "normal";
  }

  // highest is where the axis must reach: the highest stack, or value.
  highest(values) {
    if (!this.stacked()) return Math.max(...values);
    return Math.max(...this.x.values.map((_, row) => this.shown().reduce((sum, { field }) => sum + Math.max(0, field.values[row] ?? 0), 0)));
  }

  common() {
    const text = cssColor("--secondary");
    const lines = cssColor("--grid");
    const first = this.series[0];
    const custom = first?.field.config.custom ?? {};
    const values = this.shown().flatMap((series) => series.field.values).filter((value) => value !== null);
    const scale = custom.scaleDistribution ?? {};
    const tick = first ? tickWriter(first.field, this.zone) : String;
    const highest = this.highest(values);
    const step = scale.type === "log" ? undefined : durationStep(first?.field.config.unit, highest);
    return {
      animation: false,
      useUTC: this.zone === "UTC",
      textStyle: { fontFamily: cssColor("--font") },
      grid: { left: 8, right: 20, top: 12, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      yAxis: {
        type: scale.type === "log" ? "log" : "value", logBase: first?.field.config.unit === "s" ? 60 : scale.log, // 1 s, 1 min, 1 hour
        // A soft minimum gives way only to values below it.
        min: custom.axisSoftMin !== undefined && values.every((value) => value >= custom.axisSoftMin) ? custom.axisSoftMin : null,
        // A soft maximum gives way to values above it.
        max: custom.axisSoftMax !== undefined && highest <= custom.axisSoftMax ? custom.axisSoftMax : step ? Math.ceil(highest / step) * step : null,
        interval: step,
        axisLine: { show: false }, axisTick: { show: false },
        axisLabel: { color: text, fontSize: 12, formatter: (value) => tick(value) },
        splitLine: { lineStyle: { color: lines } },
        splitNumber: 5,
        minInterval: leastStep(first?.field.config ?? {}),
      },
      tooltip: {
        trigger: "axis", confine: true, transitionDuration: 0, className: "tip",
        axisPointer: { type: this.x.type === "string" ? "shadow" : "line", lineStyle: { color: text }, shadowStyle: { color: cssColor("--hover") } },
        formatter: (points) => this.tip(points),
      },
    };
  }

  byGroup() {
    const { options } = this.panel;
    const stacked = options.stacking === "normal";
    const limit = options.xTickLabelMaxLength || Infinity;
    const names = this.x.values;
    const fit = () => Math.max(1, Math.floor((this.canvas.clientWidth - 80) / (options.xTickLabelSpacing || 1)));
    const skip = options.xTickLabelSpacing ? Math.ceil(names.length / fit()) : 1;
    const lines = cssColor("--grid");
    return {
      ...this.common(),
      xAxis: {
        type: "category", data: names,
        axisTick: { show: false }, axisLine: { lineStyle: { color: lines }, onZero: true },
        axisLabel: {
          color: cssColor("--secondary"), fontSize: 12, margin: 12, interval: skip - 1, hideOverlap: true,
          formatter: (name) => name.length > limit ? name.slice(0, limit) + "…" : name,
        },
      },
      series: this.shown().map(({ field, color }) => ({
        type: "bar", name: field.title, data: field.values, stack: stacked ? "all" : undefined,
        barCategoryGap: stacked ? "12%" : `${Math.round((1 - options.groupWidth) * 100)}%`, barGap: "4%",
        itemStyle: { color, opacity: (field.config.custom?.fillOpacity ?? 80) / 100 }, emphasis: { disabled: true },
      })),
    };
  }

  // along draws over time, or over numbers.
  along() {
    const lines = cssColor("--grid");
    const overTime = this.x.type === "time";
    const [min, max] = overTime ? this.range : ["dataMin", "dataMax"];
    // A bar stands after its time: it sums what came from then on.
    const gaps = this.x.values.slice(1).map((at, row) => at - this.x.values[row]);
    this.shift = this.series[0]?.field.config.custom?.barAlignment === 1 && gaps.length ? Math.min(...gaps) / 2 : 0;
    return {
      ...this.common(),
      xAxis: {
        type: overTime ? "time" : "value", min, max,
        axisLine: { lineStyle: { color: lines } }, axisTick: { show: false },
        axisLabel: { color: cssColor("--secondary"), fontSize: 12, margin: 12, hideOverlap: true, formatter: overTime ? undefined : tickWriter(this.x, this.zone) },
        splitLine: { show: true, lineStyle: { color: lines } },
      },
      series: this.shown().map(({ field, color }) => {
        const custom = field.config.custom ?? {};
        const data = field.values.map((value, row) => [this.x.values[row] + this.shift, value]);
        const stack = custom.stacking?.mode === "normal" ? custom.stacking.group || "all" : undefined;
        const opacity = (custom.fillOpacity ?? 0) / 100;
        if (custom.drawStyle === "bars") {
          return { type: "bar", name: field.title, data, stack, barMinWidth: 1, barMaxWidth: 60, itemStyle: { color, opacity }, emphasis: { disabled: true } };
        }
        return {
          type: "line", name: field.title, data, stack, symbol: "circle", symbolSize: 5,
          showSymbol: custom.showPoints === "always" || data.length === 1, connectNulls: custom.spanNulls === true,
          lineStyle: { color, width: custom.lineWidth ?? 1, type: custom.lineStyle?.fill === "dash" ? custom.lineStyle.dash : "solid" }, itemStyle: { color }, areaStyle: opacity ? { color, opacity } : undefined,
          emphasis: { disabled: true },
        };
      }),
    };
  }

  tip(points) {
    const most = 20;
    const row = this.x.type === "string" ? points[0].dataIndex : this.x.values.indexOf(points[0].axisValue - this.shift);
    const entries = this.shown().map((series) => ({ ...series, value: series.field.values[row] }))
      .filter((entry) => entry.value !== null && entry.value !== undefined);
    if (this.panel.options.tooltip?.sort === "desc") entries.sort((a, b) => b.value - a.value);
    return h("div", { class: "tip-body" },
      h("div", { class: "tip-title" }, (this.x.type === "number" ? this.x.title + " " : "") + writer(this.x, this.zone)(this.x.values[row] ?? null)),
      entries.slice(0, most).map(({ field, color, write, value }) => h("div", { class: "tip-row" },
        swatch(color), h("span", { class: "tip-name" }, field.title), h("span", { class: "tip-value" }, write(value)))),
      entries.length > most ? h("div", {}, `and ${entries.length - most} more`) : null,
      this.stacked() && entries.length > 1 ? h("div", { class: "tip-row tip-total" }, h("span", { class: "tip-name" }, "Total"),
        h("span", { class: "tip-value" }, entries[0].write(entries.reduce((sum, entry) => sum + entry.value, 0)))) : null);
  }

  drawLegend() {
    const { legend } = this.panel.options;
    this.legend.hidden = !legend?.showLegend || this.series.length === 0;
    if (this.legend.hidden) return;
    const focused = this.legend.contains(document.activeElement) ? document.activeElement.textContent : null;
    this.legend.replaceChildren(legend.displayMode === "table" ? this.legendTable(legend.calcs) : this.legendList(legend.calcs));
    if (focused) [...this.legend.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
  }

  legendTable(calcs) {
    return h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Name"), calcs.map((calc) => h("th", { scope: "col", class: "number" }, calcNames[calc] ?? calc)))),
      h("tbody", {}, this.sorted(calcs).map((series) => h("tr", {}, h("th", { scope: "row" }, this.switchOf(series)),
        calcs.map((calc) => h("td", { class: "number" }, series.write(reduce(series.field.values, calc))))))));
  }

  // sorted are the series as the legend lists them: by the figure that the board names, else in their own order.
  sorted(calcs) {
    const { sortBy, sortDesc } = this.panel.options.legend;
    const calc = calcs.find((candidate) => calcNames[candidate] === sortBy);
    if (!calc) return this.series;
    const figure = ({ field }) => reduce(field.values, calc) ?? -Infinity;
    return this.series.toSorted((a, b) => (sortDesc ? figure(b) - figure(a) : figure(a) - figure(b)));
  }

  legendList(calcs) {
    return h("ul", {}, this.series.map((series) => h("li", {}, this.switchOf(series),
      calcs.map((calc) => h("span", { class: "calc" }, `${calcNames[calc] ?? calc}: ${series.write(reduce(series.field.values, calc))}`)))));
  }

  // switchOf is a series' name, which shows and hides it.
  switchOf({ field, color }) {
    return h("button", {
      type: "button", class: "series", title: field.title, "aria-pressed": String(!this.hidden.has(field.title)),
      onclick: () => { this.toggle(field.title); },
    }, swatch(color), h("span", {}, field.title));
  }

  toggle(title) {
    if (!this.hidden.delete(title)) this.hidden.add(title);
    this.draw();
  }

  // listenForDrag lets a part of the time axis be chosen with the mouse, as in Grafana.
  listenForDrag() {
    let start = null;
    const band = h("div", { class: "band", hidden: true });
    this.canvas.append(band);
    const zr = this.instance.getZr();
    zr.on("mousedown", (event) => { start = event.offsetX; });
    zr.on("mousemove", (event) => {
      if (start === null) return;
      band.hidden = false;
      band.style.left = `${Math.min(start, event.offsetX)}px`;
      band.style.width = `${Math.abs(event.offsetX - start)}px`;
    });
    const end = (event) => {
      if (start === null) return;
      const least = 6; // a click is no drag
      const ends = [start, event.offsetX].sort((a, b) => a - b);
      start = null;
      band.hidden = true;
      if (ends[1] - ends[0] < least) return;
      const [from, to] = ends.map((x) => this.instance.convertFromPixel({ xAxisIndex: 0 }, x));
      this.zoom(Math.round(Math.max(from, this.range[0])), Math.round(Math.min(to, this.range[1])));
    };
    zr.on("mouseup", end);
    zr.on("globalout", () => { start = null; band.hidden = true; });
  }
}
