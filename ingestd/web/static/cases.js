// Footage that may belong to a case, by keyboard: j and k go through the rows, l links the chosen one.
// Without this script each row has its button.

const rows = [...document.querySelectorAll("table.suggestions tbody tr")];
let chosen = -1;

function choose(number) {
  if (rows.length === 0) return;
  rows[chosen]?.classList.remove("chosen");
  chosen = Math.max(0, Math.min(rows.length - 1, number));
  rows[chosen].classList.add("chosen");
  rows[chosen].focus();
}

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, select, textarea"));
}

for (const hint of document.querySelectorAll(".keys")) hint.hidden = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "j") choose(chosen + 1);
  else if (event.key === "k") choose(chosen - 1);
  else if (event.key === "l" && chosen >= 0) rows[chosen].querySelector("form")?.requestSubmit();
  else return;
  event.preventDefault();
});
