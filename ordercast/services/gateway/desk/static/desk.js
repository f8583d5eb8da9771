// What the desk does in the browser: times, theme, following what happens, dialogs, keys.
"use strict";

(() => {
  const page = document.documentElement;
  const REST_MS = 2500;

  // Times: the server says UTC, the viewer reads their own zone and how far away it is.
  const clock = new Intl.DateTimeFormat(page.lang, {
    month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  const exact = new Intl.DateTimeFormat(page.lang, { dateStyle: "full", timeStyle: "long" });
  const distance = new Intl.RelativeTimeFormat(page.lang, { numeric: "auto", style: "short" });
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

  function relative(when) {
    const seconds = (when - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["minute", 60];
    return distance.format(Math.trunc(seconds / size), unit);
  }

  function showTime(element) {
    const when = new Date(element.dateTime);
    if (Number.isNaN(when.getTime())) return;
    if (!element.querySelector(".relative")) {
      const far = document.createElement("span");
      far.className = "relative";
      element.replaceChildren(clock.format(when), far);
      element.title = exact.format(when);
    }
    element.querySelector(".relative").textContent = relative(when);
  }

  const showTimes = (within = document) => within.querySelectorAll("time[datetime]").forEach(showTime);

  // The theme: automatic, light, dark; a cookie, so that the server draws the right one at once.
  function switchTheme() {
    const order = ["", "light", "dark"];
    const next = order[(order.indexOf(page.dataset.theme ?? "") + 1) % order.length];
    if (next) page.dataset.theme = next;
    else delete page.dataset.theme;
    const age = next ? 31536000 : 0;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `ordercast_theme=${next}; Path=/desk; Max-Age=${age}; SameSite=Lax${secure}`;
  }

  // Following: the stream names topics, parts that show them load again, at most so often.
  const waiting = new Set();
  let last = 0;
  let timer = 0;

  function follow() {
    const source = new EventSource(document.body.dataset.live);
    const shown = document.querySelector("[data-live-state]");
    source.onopen = () => { shown.dataset.liveState = "on"; };
    source.onerror = () => { shown.dataset.liveState = "off"; };
    source.addEventListener("changed", (event) => {
      event.data.split(" ").forEach((topic) => waiting.add(topic));
      tellSoon();
    });
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  function tellSoon() {
    if (timer || document.hidden || !waiting.size) return;
    timer = setTimeout(tell, Math.max(0, last + REST_MS - Date.now()));
  }

  function tell() {
    timer = 0;
    last = Date.now();
    const topics = [...waiting];
    waiting.clear();
    topics.forEach((topic) => document.body.dispatchEvent(new CustomEvent(`desk:${topic}`)));
  }

  const isFollowing = (event) => event?.type?.startsWith("desk:");

  // Nothing that somebody is about to say is lost: a part in use loads again when it is left.
  const DIRTY = "textarea, input:not([type=checkbox], [type=radio], [type=hidden], [type=submit])";

  function isInUse(part) {
    if (part.querySelector("dialog[open]")) return true;
    return [...part.querySelectorAll(DIRTY)].some(
      (field) => field === document.activeElement || field.value !== field.defaultValue,
    );
  }

  const put = new Set();

  function comeBack() {
    for (const topic of put) waiting.add(topic);
    put.clear();
    tellSoon();
  }

  // What a part looked like to its reader: selection, what is unfolded, where the focus is. It is
  // given back in the same turn (htmx settles without delay): the next load may come at once.
  const keyOf = (element) => element.id || `${element.name ?? ""}=${element.value ?? ""}`;
  let kept = null;

  function keep(part) {
    const focus = document.activeElement;
    kept = {
      checked: new Map([...part.querySelectorAll("input[type=checkbox], input[type=radio]")].map((box) => [keyOf(box), box.checked])),
      open: new Set([...part.querySelectorAll("details[open][id]")].map((each) => each.id)),
      focus: part.contains(focus) ? focusKey(focus) : null,
      row: part.querySelector("tr.is-here")?.id,
    };
  }

  function focusKey(element) {
    return element.id ? `#${CSS.escape(element.id)}` : element.dataset.opens ? `[data-opens="${CSS.escape(element.dataset.opens)}"]` : element.href ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : element.name ? `[name="${CSS.escape(element.name)}"][value="${CSS.escape(element.value)}"]` : null;
  }

  function giveBack(part) {
    if (!kept) return;
    part.querySelectorAll("input[type=checkbox], input[type=radio]").forEach((box) => {
      if (kept.checked.has(keyOf(box))) box.checked = kept.checked.get(keyOf(box));
    });
    kept.open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    if (kept.row) document.getElementById(kept.row)?.classList.add("is-here");
    if (kept.focus) part.querySelector(kept.focus)?.focus({ preventScroll: true });
    kept = null;
    countChecked();
  }

  // Selecting rows.
  function countChecked() {
    document.querySelectorAll("[data-checked-of]").forEach((shown) => {
      const boxes = [...document.querySelectorAll(`input[name="${shown.dataset.checkedOf}"]`)];
      const count = boxes.filter((box) => box.checked).length;
      shown.textContent = String(count);
      document.querySelectorAll(`[data-needs="${shown.dataset.checkedOf}"]`).forEach((button) => { button.disabled = !count; });
      document.querySelectorAll(`[data-checks="${shown.dataset.checkedOf}"]`).forEach((all) => {
        all.checked = count > 0 && count === boxes.length;
        all.indeterminate = count > 0 && count < boxes.length;
      });
    });
  }

  // Keys.
  let goes = false;

  function rows() { return [...document.querySelectorAll("[data-rows] > tr")]; }

  function moveRow(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.classList.contains("is-here"));
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    all[at]?.classList.remove("is-here");
    next.classList.add("is-here");
    next.scrollIntoView({ block: "nearest" });
    next.querySelector("a[href]")?.focus({ preventScroll: true });
  }

  function clicked(selector, within = document) {
    const found = [...within.querySelectorAll(selector)].find((each) => each.offsetParent && !each.disabled);
    found?.click();
    return Boolean(found);
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, dialog[open]")) return;
    const here = document.querySelector("tr.is-here");
    if (goes) {
      goes = false;
      const place = document.querySelectorAll(".bar nav a")[Number(event.key) - 1];
      if (place) { place.click(); event.preventDefault(); }
      return;
    }
    const done = {
      g: () => { goes = true; return true; },
      j: () => { moveRow(1); return true; },
      k: () => { moveRow(-1); return true; },
      x: () => here && clicked("input[type=checkbox]", here),
      "/": () => { const field = document.querySelector("[data-search]"); field?.focus(); field?.select?.(); return Boolean(field); },
    }[event.key];
    if (done ? done() : event.key.length === 1 && clicked(`[data-key="${CSS.escape(event.key)}"]`)) event.preventDefault();
  }

  // Wiring.
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
    if (event.target.closest("[data-theme-switch]")) switchTheme();
    const all = event.target.closest("[data-checks]");
    if (all) document.querySelectorAll(`input[name="${all.dataset.checks}"]`).forEach((box) => { box.checked = all.checked; });
    if (event.target.closest("input[type=checkbox]")) countChecked();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-sends]")) event.target.form.requestSubmit();
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", tellSoon);
  document.addEventListener("focusout", () => setTimeout(comeBack, 300));
  document.addEventListener("close", comeBack, true);
  document.addEventListener("htmx:configRequest", (event) => {
    if (isFollowing(event.detail.triggeringEvent)) event.detail.headers[document.body.dataset.follows] = "true";
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const cause = event.detail.requestConfig.triggeringEvent;
    if (!isFollowing(cause) || !isInUse(event.detail.target)) return;
    put.add(cause.type.slice("desk:".length));
    event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!isFollowing(event.detail.requestConfig.triggeringEvent)) return;
    if (isInUse(event.detail.target)) {
      event.detail.shouldSwap = false;
      put.add(event.detail.requestConfig.triggeringEvent.type.slice("desk:".length));
    } else if (event.detail.xhr.status >= 400) event.detail.shouldSwap = false;
    else keep(event.detail.target);
  });
  document.addEventListener("htmx:afterSettle", (event) => { showTimes(event.target); giveBack(event.target); countChecked(); });
  document.addEventListener("DOMContentLoaded", () => {
    showTimes();
    countChecked();
    setInterval(showTimes, 30000);
    if (document.body.dataset.live) follow();
  });
})();
