// Draws the figures that the page carries as JSON, in the page's own colours.
"use strict";
(() => {
  const config = { displayModeBar: false, responsive: true, scrollZoom: false };

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function axis(given) {
    return {
      ...given,
      gridcolor: colour("--line"), linecolor: colour("--edge"), zerolinecolor: colour("--edge"),
      tickcolor: colour("--edge"), automargin: true,
    };
  }

  // Colours that a figure leaves to the page are named "page:ink", "page:accent" and so on.
  function inPageColours(value) {
    if (typeof value === "string") return value.startsWith("page:") ? colour("--" + value.slice(5)) : value;
    if (Array.isArray(value)) return value.map(inPageColours);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inPageColours(one)]));
    }
    return value;
  }

  function layout(given, narrow) {
    const made = {
      ...given, title: undefined, autosize: true, width: undefined,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { ...given.font, family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("--muted") },
      hoverlabel: { bgcolor: colour("--surface"), bordercolor: colour("--edge"), font: { color: colour("--ink") } },
      margin: { t: 14, r: narrow ? 8 : 16, b: 40, l: 8, ...(given.meta?.margin || {}) },
      height: given.height || (narrow ? 260 : 320),
    };
    for (const key of Object.keys(made)) {
      if (/^[xy]axis\d*$/.test(key)) made[key] = axis(made[key]);
    }
    made.xaxis = made.xaxis || axis({});
    made.yaxis = made.yaxis || axis({});
    return made;
  }

  function draw(figure) {
    const canvas = figure.querySelector(".canvas");
    const data = figure.querySelector("script.figure-data");
    if (!canvas || !data) return;
    const made = inPageColours(JSON.parse(data.textContent));
    const narrow = canvas.clientWidth < 480;
    Plotly.react(canvas, made.data, layout(made.layout || {}, narrow), config)
      .then(() => figure.classList.add("drawn"));
  }

  function drawAll(scope) {
    for (const figure of scope.querySelectorAll("figure.plot")) draw(figure);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.numbers-toggle");
    if (!button) return;
    const shown = button.closest("figure").classList.toggle("with-numbers");
    button.setAttribute("aria-expanded", String(shown));
  });
  document.addEventListener("themechange", () => drawAll(document));
  document.addEventListener("partchange", (event) => drawAll(event.detail));
  // A figure inside a folded finding has no width until it is opened.
  document.addEventListener("toggle", (event) => { if (event.target.open) drawAll(event.target); }, true);
  drawAll(document);
})();
