// Draws the figures that the page carries as JSON, in the page's own colours.
"use strict";
(() => {
  const config = { displayModeBar: false, responsive: true, scrollZoom: false };

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // 1, 2, 5, 10, 20, 50 ...: the library's own ticks on a short logarithmic axis say "2 3 4" without their power.
  function logTicks() {
    const values = [];
    for (let power = -6; power <= 9; power += 1) {
      for (const digit of [1, 2, 5]) values.push(Number((digit * 10 ** power).toPrecision(1)));
    }
    return { tickmode: "array", tickvals: values, ticktext: values.map((one) => one.toLocaleString("en", { maximumSignificantDigits: 1 })) };
  }

  function axis(given) {
    return {
      ...(given.type === "log" && !given.tickvals ? logTicks() : {}),
      ...given,
      gridcolor: colour("--line"), linecolor: colour("--edge"), zerolinecolor: colour("--edge"),
      tickcolor: colour("--edge"), automargin: true, title: { font: { size: 12 }, standoff: 8, ...given.title },
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
      margin: { t: 34, r: narrow ? 8 : 16, b: 40, l: 8, ...(given.meta?.margin || {}) },
      height: given.height || (narrow ? 270 : 320),
    };
    if (made.showlegend) {
      made.legend = {
        ...given.legend, orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0, yanchor: "bottom",
      };
      made.height += narrow ? 90 : 40;
      made.margin.b += narrow ? 110 : 50;
    }
    for (const key of Object.keys(made)) {
      if (/^[xy]axis\d*$/.test(key)) made[key] = axis(made[key]);
    }
    made.xaxis = made.xaxis || axis({});
    made.yaxis = made.yaxis || axis({});
    made.annotations = [...(made.annotations || []).map((one) => ({ bgcolor: veil(), ...one })), upper(made.yaxis)];
    return made;
  }

  // A long name of an upright axis is cut off when it stands on its side: it lies above the axis instead.
  function upper(yaxis) {
    const text = yaxis.title?.text || "";
    yaxis.title = { text: "" };
    return {
      text, showarrow: false, xref: "paper", x: 0, xanchor: "left", yref: "paper", y: 1, yanchor: "bottom", yshift: 6,
    };
  }

  // Labels stay readable where they lie on data.
  function veil() {
    return colour("--veil");
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
