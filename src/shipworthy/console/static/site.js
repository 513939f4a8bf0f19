// Keyboard, theme, local times and live refresh. Every page works without it.
"use strict";
(() => {
  const root = document.documentElement;

  function localTimes(scope) {
    for (const time of scope.querySelectorAll("time[datetime]")) {
      const local = new Date(time.dateTime);
      if (Number.isNaN(local.getTime()) || time.dataset.local) continue;
      time.dataset.local = "yes";
      time.title += "\n" + local.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
    }
  }

  function isDark() {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function themeButton() {
    const button = document.getElementById("theme");
    if (!button) return;
    const say = () => {
      const other = isDark() ? "light" : "dark";
      button.querySelector(".word").textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Use the ${other} theme`);
    };
    button.hidden = false;
    say();
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it lasts for this page only */ }
      say();
      document.dispatchEvent(new CustomEvent("themechange"));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      say();
      document.dispatchEvent(new CustomEvent("themechange"));
    });
  }

  function keyboard() {
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest("input, textarea, select, [contenteditable]")) return;
      event.preventDefault();
      const search = document.getElementById("q");
      search.focus();
      search.select();
    });
  }

  function copyButtons() {
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-copy]");
      if (!button || !navigator.clipboard) return;
      navigator.clipboard.writeText(button.dataset.copy).then(() => {
        button.textContent = "copied";
        setTimeout(() => { button.textContent = "copy"; }, 1500);
      }, () => { button.textContent = "copy by hand"; });
    });
  }

  // Parts of the page as the server sent them: a part is replaced only when the server would send another.
  const sent = new Map();

  function remember(scope) {
    for (const part of scope.querySelectorAll("[data-part]")) sent.set(part.dataset.part, part.innerHTML);
  }

  function busy(part) {
    const selection = getSelection();
    const reading = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
    return reading || (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, button, summary"));
  }

  function replace(part, html) {
    const open = [...part.querySelectorAll("details[id][open]")].map((one) => one.id);
    const shut = [...part.querySelectorAll("details[id]:not([open])")].map((one) => one.id);
    part.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const id of shut) document.getElementById(id)?.removeAttribute("open");
    localTimes(part);
    document.dispatchEvent(new CustomEvent("partchange", { detail: part }));
  }

  async function refresh() {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" } });
    const live = document.getElementById("live");
    live?.classList.toggle("lost", !answer.ok);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!fresh || busy(part) || fresh.innerHTML === sent.get(part.dataset.part)) continue;
      sent.set(part.dataset.part, fresh.innerHTML);
      replace(part, fresh.innerHTML);
    }
  }

  function live() {
    const seconds = Number(document.body.dataset.live || 0);
    if (!seconds) return;
    const again = () => setTimeout(() => {
      refresh().catch(() => document.getElementById("live")?.classList.add("lost")).finally(again);
    }, seconds * 1000);
    again();
  }

  remember(document);
  localTimes(document);
  themeButton();
  keyboard();
  copyButtons();
  live();
})();
