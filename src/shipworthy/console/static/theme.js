// Runs before the page is painted, so that neither the theme nor the folded tables flash.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  } catch { /* storage is switched off: the system's theme is used */ }
})();
