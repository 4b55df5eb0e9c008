// Requests for access by keyboard: j and k go through a list, a letter on a page goes to what it belongs to; printing.
const links = [...document.querySelectorAll("[data-list] tbody th a")];

function isTyping(target) {
  return target.closest("input, select, textarea, [contenteditable]") !== null;
}

document.addEventListener("keydown", (event) => {
  if (isTyping(event.target) || event.ctrlKey || event.altKey || event.metaKey) return;
  const step = { j: 1, k: -1 }[event.key];
  if (step && links.length) {
    const at = links.indexOf(document.activeElement);
    links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
    event.preventDefault();
    return;
  }
  for (const one of document.querySelectorAll("[data-key]")) {
    if (one.dataset.key !== event.key) continue;
    one.focus();
    one.scrollIntoView({ block: "center" });
    event.preventDefault();
  }
});

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());
