// The playback check by keyboard: play, the items beside, answers. Nothing here is needed to check an item.
const player = document.getElementById("player");
const form = document.getElementById("check");

function follow(id) {
  document.getElementById(id)?.click();
}

function passTheRest() {
  for (const point of form.querySelectorAll(".point")) {
    if (!point.querySelector("input[type=radio]:checked")) {
      const pass = point.querySelector("input[value=pass]");
      if (pass && !pass.disabled) pass.checked = true;
    }
  }
  document.getElementById("save")?.focus({ preventScroll: true });
}

function playOrPause() {
  if (!player) return;
  if (player.paused) player.play();
  else player.pause();
}

document.getElementById("all-pass")?.addEventListener("click", passTheRest);

for (const button of document.querySelectorAll(".seek")) {
  button.addEventListener("click", () => {
    if (!player) return;
    player.currentTime = Number(button.dataset.seconds);
    player.play();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.key === "Enter") {
    event.preventDefault();
    document.getElementById("save")?.click();
    return;
  }
  if (!event.altKey || event.ctrlKey || event.metaKey) return;
  const acts = { k: playOrPause, a: passTheRest, ArrowLeft: () => follow("before"), ArrowRight: () => follow("after") };
  const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});
