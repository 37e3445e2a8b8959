import { h } from "./dom.js";

// usual are the ranges of a board that names none.
const usual = [
  ["now-15m", "now", "Last 15 minutes"], ["now-1h", "now", "Last hour"], ["now-6h", "now", "Last 6 hours"], ["now-24h", "now", "Last 24 hours"],
  ["now-7d", "now", "Last 7 days"], ["now-30d", "now", "Last 30 days"], ["now-90d", "now", "Last 90 days"],
].map(([from, to, display]) => ({ from, to, display }));

// The controls below draw themselves into an element and call change with what the user chose. They leave
// the page alone while one of them is in use: a list that moves under the mouse is worse than an old one.

// menu is a button that opens a small form or list. It closes on Escape and when the focus or a click leaves.
function menu(label, text, content, title) {
  const box = h("details", { class: "menu" }, h("summary", { class: "button", "aria-label": `${label}: ${text}`, title: title ?? null }, text), h("div", { class: "drop" }, content));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box.open) return;
    box.open = false;
    box.querySelector("summary").focus();
  });
  return box;
}

// closeMenus makes a click outside an open menu close it.
export function closeMenus() {
  document.addEventListener("pointerdown", (event) => {
    for (const box of document.querySelectorAll("details.menu[open]")) {
      if (!box.contains(event.target)) box.open = false;
    }
  });
}

export const inUse = (root) => root.querySelector("details[open]") !== null || (root.contains(document.activeElement) && /SELECT|INPUT/.test(document.activeElement.tagName));

const latest = new WeakMap(); // what to draw once the menu that is open now closes

export function drawVariables(root, variables, change) {
  const key = JSON.stringify(variables);
  latest.set(root, [variables, change]);
  if (root.dataset.key === key || inUse(root)) return;
  root.dataset.key = key;
  const focused = document.activeElement?.id;
  const control = (variable) => variable.type === "textbox" ? typed(variable, change) : variable.multi ? many(variable, change) : one(variable, change);
  root.replaceChildren(...variables.map((variable) => h("div", { class: "variable", title: variable.description }, control(variable))));
  for (const box of root.querySelectorAll("details")) {
    box.addEventListener("toggle", () => {
      if (box.open) return;
      if (box.contains(document.activeElement)) box.querySelector("summary").focus();
      drawVariables(root, ...latest.get(root));
    });
  }
  if (focused) document.getElementById(focused)?.focus();
}

function typed(variable, change) {
  const id = `var-${variable.name}`;
  const input = h("input", { id, class: "button", value: variable.values[0] ?? "", autocomplete: "off", spellcheck: "false", onchange: () => change(variable.name, [input.value.trim()]) });
  return [h("label", { for: id, class: "label" }, variable.label), input];
}

function one(variable, change) {
  const id = `var-${variable.name}`;
  const options = variable.options.slice();
  for (const value of variable.values) {
    if (!options.some((option) => option.value === value)) options.unshift({ value, text: value || "None yet" });
  }
  const select = h("select", { id, class: "button", onchange: () => change(variable.name, [select.value]) },
    options.map((option) => h("option", { value: option.value, selected: variable.values.includes(option.value) }, option.text)));
  return [h("label", { for: id, class: "label" }, variable.label), select];
}

function many(variable, change) {
  const label = variable.label || variable.name;
  const chosen = new Set(variable.values);
  const text = variable.all ? "All" : variable.values.length === 0 ? "None"
    : variable.values.map((value) => variable.options.find((option) => option.value === value)?.text ?? value).join(" + ");
  const list = h("ul", { class: "choices" });
  const search = h("input", { type: "search", class: "button", placeholder: "Search", "aria-label": `Search in ${label}`, oninput: () => fill() });
  const known = new Set(variable.options.map((option) => option.value));
  const options = variable.options.concat(variable.values.filter((value) => !known.has(value)).map((value) => ({ value, text: value })));

  const entry = (name, checked, act) => {
    const box = h("input", { type: "checkbox", onchange: () => act(box.checked) });
    box.checked = checked;
    return h("li", {}, h("label", { title: name }, box, h("span", {}, name)));
  };
  function fill() {
    const wanted = search.value.toLowerCase();
    const all = variable.includeAll && !wanted
      ? [entry("All", variable.all, () => change(variable.name, ["$__all"]))] : [];
    list.replaceChildren(...all, ...options.filter((option) => option.text.toLowerCase().includes(wanted)).map((option) =>
      entry(option.text, !variable.all && chosen.has(option.value), (checked) => {
        checked ? chosen.add(option.value) : chosen.delete(option.value);
        variable.all = false;
        change(variable.name, chosen.size ? [...chosen] : ["$__all"]);
        if (all[0]) all[0].querySelector("input").checked = false;
      })));
  }
  fill();
  const box = menu(label, text, [search, list], text);
  box.querySelector("summary").id = `var-${variable.name}`;
  return [h("span", { class: "label", "aria-hidden": "true" }, label), box];
}

const dateTime = (ms, zone) => new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(ms);

export function drawRange(root, view, change) {
  if (inUse(root)) return;
  const quick = view.ranges.length ? view.ranges : usual;
  const named = quick.find(({ from, to }) => from === view.from && to === view.to);
  const text = named?.display ?? `${dateTime(view.range[0], view.zone)} to ${dateTime(view.range[1], view.zone)}`;
  if (root.dataset.key === text) return;
  root.dataset.key = text;
  const from = h("input", { class: "button", name: "from", value: view.from, required: true, autocomplete: "off" });
  const to = h("input", { class: "button", name: "to", value: view.to, required: true, autocomplete: "off" });
  const apply = (start, end) => {
    root.querySelector("details").open = false;
    root.querySelector("summary").focus();
    change(start, end);
  };
  const form = h("form", {
    class: "ends",
    onsubmit(event) {
      event.preventDefault();
      apply(from.value.trim(), to.value.trim());
    },
  }, h("label", {}, "From", from), h("label", {}, "To", to), h("p", { class: "hint" }, "now-11M/M, 2026-01-31 or 2026-01-31T08:00:00Z"),
  h("button", { class: "button primary" }, "Apply"));
  const list = h("ul", { class: "choices" }, quick.map(({ from: start, to: end, display }) =>
    h("li", {}, h("button", { type: "button", class: "choice", onclick: () => apply(start, end) }, display))));
  root.replaceChildren(menu("Time range", text, h("div", { class: "ranges" }, form, list), `${dateTime(view.range[0], view.zone)} to ${dateTime(view.range[1], view.zone)} (${view.zone})`));
}

// drawLinks draws the board's links to other ranges. They keep what else is chosen.
export function drawLinks(root, links) {
  root.replaceChildren(...links.map(({ title, url, tooltip }) => {
    const [path, ends] = url.split("?");
    const query = new URLSearchParams(location.search);
    for (const [name, value] of new URLSearchParams(ends)) query.set(name, value);
    return h("a", { href: `${path}?${query}`, title: tooltip }, title);
  }));
}

const paces = { "": "Off", "5s": "5s", "10s": "10s", "30s": "30s", "1m": "1m", "5m": "5m" };

// milliseconds reads a pace such as "5s"; 0 means never.
export const milliseconds = (pace) => {
  const found = /^(\d+)(s|m|h)$/.exec(pace ?? "");
  return found ? found[1] * { s: 1e3, m: 6e4, h: 36e5 }[found[2]] : 0;
};

export function drawRefresh(root, pace, now, change) {
  if (root.childElementCount) return;
  const select = h("select", { class: "button", "aria-label": "Refresh every", onchange: () => change(select.value) },
    Object.entries({ [pace]: paces[pace] ?? pace, ...paces }).map(([value, text]) => h("option", { value, selected: value === pace }, text)));
  root.replaceChildren(h("button", { type: "button", class: "button", onclick: now }, "Refresh"), select);
}

export function drawTheme(button, changed) {
  const root = document.documentElement;
  const show = () => {
    const other = root.dataset.theme === "dark" ? "light" : "dark";
    button.textContent = other === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", `Switch to the ${other} theme`);
  };
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* storage may be blocked; the choice then lasts for this page */ }
    show();
    changed();
  });
  show();
}
