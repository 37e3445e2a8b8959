import { closeMenus, drawLinks, drawRange, drawRefresh, drawTheme, drawVariables, milliseconds } from "./controls.js";
import { h } from "./dom.js";
import { Panel } from "./panels.js";

const uid = decodeURIComponent(location.pathname.split("/").at(-1));
const find = (id) => document.getElementById(id);
const panels = new Map();
let view = null; // the board as the server last described it
let pace = null; // how often to refresh, as the user or the board says
let timer = 0;
let current = new AbortController(); // ends requests in flight when something else is asked for

const unreachable = "The preview's server does not answer. Is hookline still running?";

async function ask(path, query, signal) {
  let response;
  try {
    response = await fetch(`/api/boards/${encodeURIComponent(uid)}${path}?${query}`, { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(unreachable);
  }
  const body = await response.json().catch(() => ({ error: unreachable }));
  if (!response.ok) throw new Error(body.error);
  return body;
}

// load asks for the board and then for every panel's figures, and draws them as they come.
async function load() {
  clearTimeout(timer);
  current.abort();
  current = new AbortController();
  const { signal } = current;
  try {
    const found = await ask("", location.search.slice(1), signal);
    find("problem").hidden = true;
    draw(found);
    await Promise.all([...panels.values()].map((panel) => fill(panel, signal)));
    find("updated").textContent = `Updated ${new Date().toLocaleTimeString()}. Times of the range are in ${view.zone}.`;
    find("board").setAttribute("aria-busy", "false");
  } catch (error) {
    if (error.name === "AbortError") return;
    const problem = find("problem");
    if (problem.textContent !== error.message) problem.textContent = error.message;
    problem.hidden = false;
  }
  schedule();
}

async function fill(panel, signal) {
  if (panel.view.type === "row") return;
  if (panel.view.elsewhere) return panel.refer(panel.view.elsewhere);
  if (panel.view.type === "text") return panel.update([], view.range);
  try {
    panel.update((await ask(`/panels/${panel.view.id}`, choices(), signal)).frames, view.range);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    panel.fail(error.message);
  }
}

function schedule() {
  const wait = milliseconds(pace ?? view?.refresh ?? "5s");
  if (wait) timer = setTimeout(() => document.hidden ? schedule() : load(), wait);
}

// choices is what the panels are asked with: the range and, for every variable, what is chosen now.
function choices() {
  const query = new URLSearchParams({ from: view.from, to: view.to });
  for (const variable of view.variables) {
    const values = variable.all ? ["$__all"] : variable.values;
    for (const value of values) if (value !== "") query.append(`var-${variable.name}`, value);
  }
  return query;
}

// only is the panel that the address asks for alone, as Grafana writes it: viewPanel=5 or viewPanel=panel-5.
function only() {
  const asked = new URLSearchParams(location.search).get("viewPanel");
  return asked && (/^\d+$/.test(asked) ? `panel-${asked}` : asked);
}

// go changes the address, which says all that was chosen, and loads what it says.
function go(change) {
  const query = new URLSearchParams(location.search);
  change(query);
  history.pushState(null, "", `?${query}`);
  load();
}

const setRange = (from, to) => go((query) => { query.set("from", from); query.set("to", to); });

const setVariable = (name, values) => go((query) => {
  query.delete(`var-${name}`);
  for (const value of values) query.append(`var-${name}`, value);
});

function draw(found) {
  view = found;
  document.title = `${view.title} · hookline boards (preview)`;
  find("title").textContent = view.title;
  find("title").title = view.description;
  find("boards").replaceChildren(...view.boards.length < 2 ? [] : view.boards.map((board) =>
    h("a", { href: `/d/${board.uid}?${choices()}`, "aria-current": board.uid === view.uid ? "page" : null }, board.title)));
  drawVariables(find("variables"), view.variables, setVariable);
  find("variables").classList.toggle("none", view.variables.length === 0);
  drawRange(find("range"), view, setRange);
  drawRefresh(find("refresh"), view.refresh, load, (chosen) => { pace = chosen; clearTimeout(timer); schedule(); });
  drawLinks(find("links"), view.links);
  const alone = view.panels.filter((panel) => `panel-${panel.id}` === only());
  find("board").classList.toggle("single", alone.length > 0);
  for (const panel of alone.length ? alone : view.panels) {
    if (panels.has(panel.id)) {
      panels.get(panel.id).describe(panel);
      continue;
    }
    const made = new Panel(panel, view.zone, setRange);
    if (panel.type !== "row") made.element.setAttribute("aria-busy", "true");
    panels.set(panel.id, made);
    find("board").append(made.element);
  }
  pair([...panels.values()]);
}

// pair tells a figure that has no other beside it where two fit into a line, as on a phone.
function pair(all) {
  let left = false;
  all.forEach(({ element, view: { type } }, place) => {
    left = type === "stat" && !left;
    element.classList.toggle("alone", left && all[place + 1]?.view.type !== "stat");
  });
}

// closeNotes makes Escape, and a click elsewhere, close what explains a figure. Escape then leads from one panel to all.
function closeNotes() {
  const close = (keep) => {
    const open = [...panels.values()].filter((panel) => !panel.note.hidden && !keep(panel));
    open.forEach((panel) => panel.explain(false));
    return open;
  };
  document.addEventListener("pointerdown", (event) => close((panel) => panel.note.contains(event.target) || panel.info.contains(event.target)));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || (event.target instanceof Element && event.target.closest("details[open]"))) return;
    const [closed] = close(() => false);
    if (closed) closed.info.focus();
    else if (only()) leave();
  });
}

// leave shows the whole board again.
function leave() {
  panels.forEach((panel) => panel.element.remove());
  panels.clear();
  go((query) => query.delete("viewPanel"));
}

closeMenus();
closeNotes();
drawTheme(find("theme"), () => panels.forEach((panel) => panel.redraw()));
addEventListener("popstate", () => {
  panels.forEach((panel) => panel.element.remove());
  panels.clear();
  load();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) load(); });
load();
