// What a hold would cover, told while the form is filled in. Without this script the button "look" does the same.
const form = document.getElementById("hold");
const told = document.getElementById("told");
const rows = document.getElementById("rows");
let waiting = 0;
let asked = 0;

async function look() {
  const mine = ++asked;
  const answer = await fetch(form.dataset.preview, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  if (!answer.ok || mine !== asked) return;
  const found = await answer.json();
  told.textContent = found.words;
  told.classList.remove("quiet");
  rows.replaceChildren(...found.rows.map((row) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `/recordings/${encodeURIComponent(row.recording_id)}`;
    link.textContent = row.card_path.split("/").pop();
    item.append(link);
    return item;
  }));
}

form.addEventListener("input", (event) => {
  if (!event.target.closest("fieldset:first-of-type")) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => look().catch(() => {}), 500);
});
