import { h } from "./dom.js";
import { reduce, seriesColor, thresholdColor, writer } from "./format.js";

const page = 200;

// table draws the frame of the panel of that title as rows that can be sorted by any column. It starts in the order of the query.
export function table(title, frame, zone, state) {
  const fields = frame.fields;
  const write = fields.map((field) => writer(field, zone));
  const count = fields[0]?.values.length ?? 0;
  const body = h("tbody");
  const more = h("button", { type: "button", class: "button more", onclick: () => { state.shown += page; rows(); } }, "Show more rows");
  state.shown ??= page;

  function rows() {
    const order = Array.from({ length: count }, (_, row) => row);
    if (state.column !== undefined && fields[state.column]) {
      const values = fields[state.column].values;
      const way = state.descending ? -1 : 1;
      order.sort((a, b) => way * compare(values[a], values[b]));
    }
    body.replaceChildren(...order.slice(0, state.shown).map((row) => h("tr", {}, fields.map((field, column) => {
      const text = field.values[row] === null ? field.config.noValue ?? "" : write[column](field.values[row]);
      const to = address(field, frame, row);
      const kind = field.config.custom?.cellOptions;
      if (kind?.type === "gauge") return h("td", { class: "number measured" }, h("div", {}, track(field, field.values[row]), h("span", {}, text)));
      const cell = h("td", { class: field.type === "number" ? "number" : kind?.wrapText ? "wrap" : "", title: text.length > 30 ? text : null }, to ? h("a", { href: to }, text) : text);
      const color = field.config.custom?.cellOptions?.type === "color-text" && field.values[row] !== null ? thresholdColor(field, field.values[row]) : null;
      if (color) cell.style.color = color;
      return cell;
    }))));
    more.hidden = count <= state.shown;
  }

  const heads = fields.map((field, column) => h("th", { scope: "col", class: field.type === "number" ? "number" : "" },
    h("button", {
      type: "button", class: "sort",
      onclick() {
        state.descending = state.column === column ? !state.descending : field.type === "number";
        state.column = column;
        mark();
        rows();
      },
    }, field.title)));

  function mark() {
    heads.forEach((head, column) => head.setAttribute("aria-sort",
      column !== state.column ? "none" : state.descending ? "descending" : "ascending"));
  }
  mark();
  rows();
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}: table, scrolls` },
    h("table", {}, h("thead", {}, h("tr", {}, heads)), body), more);
}

// track is a bar as long as the value is great among those of its column.
function track(field, value) {
  const least = field.config.min ?? reduce(field.values, "min");
  const most = field.config.max ?? reduce(field.values, "max");
  const bar = h("span", { class: "bar" });
  bar.style.width = `${Math.max(0, Math.min(1, (value - least) / (most - least || 1))) * 100}%`;
  bar.style.backgroundColor = seriesColor(field, 0);
  return h("span", { class: "track", "aria-hidden": "true" }, bar);
}

// address is where a field's first link leads from a row: to a board of this page, or nowhere. The values of
// the row are encoded whatever the link says.
function address(field, frame, row) {
  const url = field.config.links?.[0]?.url;
  if (!url?.startsWith("/d/")) return null;
  const value = (name) => {
    const found = name === null ? field : frame.fields.find((candidate) => candidate.name === name);
    return encodeURIComponent(found?.values[row] ?? "");
  };
  const here = new URLSearchParams(location.search);
  const range = new URLSearchParams([...here].filter(([name]) => name === "from" || name === "to"));
  return url.replace(/\$\{__value\.raw(:percentencode)?\}/g, () => value(null))
    .replace(/\$\{__data\.fields\["([^"]+)"\](:percentencode)?\}/g, (_, name) => value(name))
    .replaceAll("${__url_time_range}", () => String(range));
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return typeof a === "string" ? a.localeCompare(b) : a - b;
}

// csv writes a frame for a spreadsheet: numbers plain, dates as ISO 8601 has them, texts quoted. A text that a
// spreadsheet would take for a formula gets an apostrophe in front.
export function csv(frame) {
  const quote = (text) => {
    const safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  const exact = 15; // digits that a number is exact to
  const cell = (field, value) => {
    if (value === null) return "";
    if (field.type === "number") return String(Number(value.toPrecision(exact)));
    return field.type === "time" ? isoTime(value) : isoDate(value) ?? quote(value);
  };
  const lines = [frame.fields.map((field) => quote(field.title)).join(",")];
  for (let row = 0; row < (frame.fields[0]?.values.length ?? 0); row++) {
    lines.push(frame.fields.map((field) => cell(field, field.values[row])).join(","));
  }
  return lines.join("\r\n") + "\r\n";
}

// isoTime takes milliseconds since 1970; a midnight is a date.
function isoTime(value) {
  const text = new Date(value).toISOString();
  return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : text;
}

// isoDate reads the labels of bars, "Nov 2025" and "3 Nov 2025"; what is none stays as it is.
function isoDate(text) {
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const found = /^(?:(\d{1,2}) )?([A-Z][a-z]{2}) (\d{4})$/.exec(text);
  if (!found || !months.includes(found[2])) return null;
  const date = `${found[3]}-${String(months.indexOf(found[2]) + 1).padStart(2, "0")}`;
  return found[1] ? `${date}-${found[1].padStart(2, "0")}` : date;
}

// download saves the frames of a panel, one file each.
export function download(title, frames) {
  for (const frame of frames) {
    const link = h("a", {
      href: URL.createObjectURL(new Blob(["\ufeff", csv(frame)], { type: "text/csv" })),
      download: title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase() + ".csv",
    });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}
