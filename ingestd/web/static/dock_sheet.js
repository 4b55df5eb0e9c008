// The dock's sheet: digits by finger, the time that is left, and the paper. Without it every form works as well.
const sheet = document.querySelector("[data-sheet]");
const base = sheet.dataset.sheet;
const silentMs = Number(sheet.dataset.silent) * 1000;
const isKnown = sheet.dataset.known === "1";
const leftShown = document.querySelector("[data-left]");
const STAY_MS = 15000;
let touchedAt = performance.now();
let saidAt = touchedAt;

// Digits go to the field that was touched last.
// A reader types like a keyboard, wherever the last finger was.
const card = document.querySelector("input[name=card]");
if (card) {
  addEventListener("keydown", (event) => {
    if (document.activeElement === document.body && event.key.length === 1) card.focus();
  });
}

const keys = document.querySelector("[data-keys]");
if (keys) {
  let field = document.querySelector("[data-pad]");
  for (const one of document.querySelectorAll("[data-pad]")) one.addEventListener("focus", () => { field = one; });
  keys.addEventListener("click", (event) => {
    const key = event.target.dataset.key;
    if (!key) return;
    field.value = key === "clear" ? field.value.slice(0, -1) : field.value + key;
  });
}

// One finger may tap twice: a form goes once.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent && !form.target) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 3000);
  });
}

// The paper is shown where it can be seen whole; the viewer's own button prints it.
const paper = document.querySelector("iframe[name=paper]");
for (const form of document.querySelectorAll("[data-paper]")) {
  form.addEventListener("submit", () => {
    paper.hidden = false;
    paper.addEventListener("load", () => paper.scrollIntoView(), { once: true });
  });
}

if (silentMs > 0) {
  for (const kind of ["pointerdown", "keydown", "input"]) {
    addEventListener(kind, () => {
      touchedAt = performance.now();
      if (!isKnown || touchedAt - saidAt < STAY_MS) return;
      saidAt = touchedAt;
      fetch(`${base}/stay`, { method: "POST", headers: csrf() }).catch(() => {});
    });
  }
  setInterval(() => {
    const left = Math.ceil((silentMs - (performance.now() - touchedAt)) / 1000);
    if (leftShown) leftShown.textContent = left <= 20 ? `${Math.max(left, 0)} s` : "";
    if (left > 0) return;
    if (isKnown) document.querySelector(`form[action="${base}/leave"]`).requestSubmit();
    else location.assign("/dock");
    touchedAt = performance.now();
  }, 500);
}

function csrf() {
  const token = document.querySelector('input[name="csrf"]');
  return token ? { "X-CSRF-Token": token.value } : {};
}
