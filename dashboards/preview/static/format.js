// Writes values as Grafana's units do (packages/grafana-data/src/valueFormats), for the units that the boards
// use. A unit that is not known here is written after the number, as Grafana does with its custom units.

const formats = new Map();

function number(value, least, most) {
  const key = `${least} ${most}`;
  if (!formats.has(key)) {
    formats.set(key, new Intl.NumberFormat(undefined, { minimumFractionDigits: least, maximumFractionDigits: most }));
  }
  return formats.get(key).format(value);
}

// forTick, in place of a number of decimals, asks for as many as a round number needs: an axis has few others.
const forTick = "tick";

// plain has as many decimals as its argument says, else as many as a small number needs.
function plain(value, decimals) {
  if (decimals === forTick) return String(Number(value.toPrecision(6)));
  if (decimals === undefined || decimals === null) {
    const size = Math.floor(Math.log10(Math.abs(value) || 1));
    decimals = Number.isInteger(value) ? 0 : Math.min(Math.max(0, 2 - size), 10);
  }
  return value.toFixed(decimals);
}

function scaled(value, decimals, steps, factor) {
  let at = 0;
  while (Math.abs(value) >= factor && at < steps.length - 1) {
    value /= factor;
    at++;
  }
  return plain(value, decimals) + steps[at];
}

// duration takes seconds.
function duration(value, decimals) {
  const steps = [[31536000, " years"], [604800, " weeks"], [86400, " days"], [3600, " hours"], [60, " mins"], [1, " s"], [1e-3, " ms"], [0, " µs"]];
  const [size, plural] = steps.find(([limit]) => Math.abs(value) >= limit) ?? steps.at(-1);
  const name = value === size && size > 1 ? plural.slice(0, -1) : plural; // "1 hour"
  return value === 0 ? "0 s" : plain(value / (size || 1e-6), Number.isInteger(decimals) ? decimals : size >= 1 || size === 0 ? 2 : 1).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") + name;
}

function time(value, pattern, zone) {
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
  }).formatToParts(value).map((part) => [part.type, part.value]));
  const month = () => new Intl.DateTimeFormat("en-US", { timeZone: zone, month: "short" }).format(value);
  return pattern.replace(/YYYY|MMM|MM|DD|HH|mm|SSS|ss/g, (token) => ({
    YYYY: parts.year, MMM: token === "MMM" ? month() : "", MM: parts.month, DD: parts.day, HH: parts.hour, mm: parts.minute, ss: parts.second, SSS: parts.fractionalSecond,
  })[token]);
}

// fromNow takes milliseconds since 1970.
function fromNow(value) {
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const past = (value - Date.now()) / 1000;
  const [size, name] = [[31536000, "year"], [2592000, "month"], [86400, "day"], [3600, "hour"], [60, "minute"], [0, "second"]]
    .find(([limit]) => Math.abs(past) >= limit);
  return words.format(Math.trunc(past / (size || 1)), name);
}

const units = {
  dateTimeFromNow: fromNow,
  none: plain,
  short: (value, decimals) => scaled(value, decimals, ["", " K", " Mil", " Bil", " Tri"], 1000),
  locale: (value, decimals) => number(value, 0, Number.isInteger(decimals) ? decimals : 3),
  percent: (value, decimals) => plain(value, decimals) + "%",
  percentunit: (value, decimals) => plain(value * 100, decimals) + "%",
  s: duration,
  ms: (value, decimals) => duration(value / 1000, decimals),
  bytes: (value, decimals) => scaled(value, decimals, [" B", " KiB", " MiB", " GiB", " TiB"], 1024),
  decbytes: (value, decimals) => scaled(value, decimals, [" B", " kB", " MB", " GB", " TB"], 1000),
  reqps: (value, decimals) => scaled(value, decimals, [" req/s", "K req/s", "M req/s"], 1000),
  eps: (value, decimals) => scaled(value, decimals, [" evt/s", "K evt/s", "M evt/s"], 1000),
};

const families = {
  prefix: (rest) => (value, decimals) => rest + plain(value, decimals),
  suffix: (rest) => (value, decimals) => plain(value, decimals) + " " + rest,
  currency(rest) {
    const [kind, symbol, place] = rest.split(":");
    if (kind !== "financial") {
      return (value, decimals) => (value < 0 ? "-" : "") + rest + scaled(Math.abs(value), decimals, ["", "K", "M", "B", "T"], 1000);
    }
    return (value, decimals) => {
      const text = Number.isInteger(decimals) ? number(value, decimals, decimals) : number(value, 0, 1);
      return place === "suffix" ? text + symbol : symbol + text;
    };
  },
};

// tickWriter is writer for the lines of an axis.
export const tickWriter = (field, zone) => writer({ ...field, config: { ...field.config, decimals: field.config.decimals ?? forTick } }, zone);

// writer returns the function that writes a field's values. zone is the board's time zone.
export function writer(field, zone) {
  const { unit = "", decimals } = field.config;
  const at = unit.indexOf(":");
  const family = at > 0 ? unit.slice(0, at) : "";
  if (field.type === "time") {
    if (unit === "dateTimeFromNow") return (value) => (value === null ? "" : fromNow(value));
    const pattern = family === "time" ? unit.slice(at + 1) : "YYYY-MM-DD HH:mm:ss";
    return (value) => (value === null ? "" : time(value, pattern, zone));
  }
  if (field.type !== "number") return (value) => (value === null ? "" : String(value));
  const write = units[unit] ?? (family in families ? families[family](unit.slice(at + 1)) : unit === "" ? plain : families.suffix(unit));
  const words = Object.assign({}, ...(field.config.mappings ?? []).filter((mapping) => mapping.type === "value").map((mapping) => mapping.options));
  return (value) => (value === null ? "" : words[value]?.text ?? write(value, decimals));
}

// Grafana's names for colours, and the classic palette by which it colours series one after another.
const names = {
  light: { green: "#56A64B", red: "#E02F44", blue: "#3274D9", orange: "#FF780A", yellow: "#F2CC0C", purple: "#A352CC", text: "#24292e" },
  dark: { green: "#73BF69", red: "#F2495C", blue: "#5794F2", orange: "#FF9830", yellow: "#FADE2A", purple: "#B877D9", text: "#ccccdc" },
};

const palette = ["#73BF69", "#F2CC0C", "#5794F2", "#FF9830", "#F2495C", "#8AB8FF", "#B877D9", "#705DA0", "#37872D", "#C15C17", "#447EBC", "#E5A8E2", "#6ED0E0", "#BF1B00", "#967302"];

// Text needs more contrast than a bar does.
const textOnLight = { green: "#2F7A26", red: "#C4162A", blue: "#1F60C4", orange: "#B34B00", purple: "#8F3BB8", yellow: "#806000" };

export function namedColor(name) {
  return names[document.documentElement.dataset.theme][name] ?? name;
}

const namedText = (name) => (document.documentElement.dataset.theme === "light" && textOnLight[name]) || namedColor(name);

// seriesColor is the colour of the place-th series of a panel.
export function seriesColor(field, place) {
  const color = field.config.color ?? {};
  if (color.mode === "fixed") return namedColor(color.fixedColor);
  if (color.mode === "shades") return shade(namedColor(color.fixedColor), place);
  return palette[place % palette.length];
}

// shade is the place-th shade of a colour, "#rrggbb": lighter and darker ones in turn.
function shade(color, place) {
  const far = Math.min(.75, .3 * Math.ceil(place / 2));
  const toward = place % 2 ? 255 : 0;
  return "#" + color.match(/\w\w/g).map((part) => Math.round(parseInt(part, 16) * (1 - far) + toward * far).toString(16).padStart(2, "0")).join("");
}

// thresholdColor is the colour, for text, of the highest threshold that the value reaches.
export function thresholdColor(field, value) {
  let found = null;
  for (const step of field.config.thresholds?.steps ?? []) {
    if (step.value === null || value >= step.value) found = step.color;
  }
  return found && namedText(found);
}

// reduce is the figure by which a whole field is summed up.
export function reduce(values, calc) {
  const present = values.filter((value) => value !== null);
  switch (calc) {
    case "sum": return present.reduce((sum, value) => sum + value, 0);
    case "mean": return present.length ? present.reduce((sum, value) => sum + value, 0) / present.length : null;
    case "max": return present.length ? Math.max(...present) : null;
    case "min": return present.length ? Math.min(...present) : null;
    default: return present.at(-1) ?? null; // lastNotNull
  }
}

export const calcNames = { sum: "Total", mean: "Mean", max: "Max", min: "Min", lastNotNull: "Last", last: "Last" };
