// Runs before the page is drawn, so that it does not flash in the other theme.
(() => {
  let stored = null;
  try { stored = localStorage.getItem("theme"); } catch { /* storage may be blocked; the system's choice then counts */ }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = stored || (dark ? "dark" : "light");
})();
