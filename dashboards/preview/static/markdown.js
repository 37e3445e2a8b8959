import { h } from "./dom.js";

// markdown draws the part of Markdown that notes on a board use: headings, lists, paragraphs, **strong**,
// `code` and [links](https://…). Anything else stays text.
export function markdown(source) {
  const out = [];
  let list = null;
  for (const line of source.split("\n")) {
    const item = /^\s*[-*] +(.*)$/.exec(line);
    const heading = /^(#{1,4}) +(.*)$/.exec(line);
    if (item) {
      if (!list) out.push(list = h("ul"));
      list.append(h("li", {}, inline(item[1])));
      continue;
    }
    list = null;
    if (heading) out.push(h(`h${Math.min(heading[1].length + 2, 6)}`, {}, inline(heading[2])));
    else if (line.trim()) out.push(h("p", {}, inline(line)));
  }
  return h("div", { class: "markdown" }, out);
}

function inline(text) {
  const out = [];
  const pattern = /\*\*(.+?)\*\*|`(.+?)`|\[(.+?)\]\(((?:https?:\/\/|\/)[^)\s]*)\)/g;
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    out.push(text.slice(at, match.index));
    if (match[1]) out.push(h("strong", {}, match[1]));
    else if (match[2]) out.push(h("code", {}, match[2]));
    else out.push(h("a", { href: match[4] }, match[3]));
    at = match.index + match[0].length;
  }
  out.push(text.slice(at));
  return out;
}
