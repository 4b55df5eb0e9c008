// The dock's screen: tells the tiles what the station says, without loading the page anew. All words come from the page.
const grid = document.querySelector("[data-bays]");
const lost = document.querySelector("[data-lost]");
const told = document.querySelector("[data-told]");
const pattern = document.querySelector("[data-tile]");
const words = JSON.parse(grid.dataset.words);
const language = grid.dataset.language;
const SILENT_MS = 25000; // twice and a half what the console lets pass without a sign of life
const AGAIN_MS = 3000;
const IDLE_MS = 120000;
let heardAt = performance.now();
let stream = null;
let isFresh = false;

const filled = (text, ...values) => values.reduce((made, value, at) => made.replace(`{${at}}`, String(value)), text);

function left(seconds) {
  if (seconds === null) return "";
  return seconds >= 90 ? filled(words.left_minutes, Math.round(seconds / 60)) : filled(words.left_seconds, Math.max(1, Math.round(seconds)));
}

function put(tile, name, text) {
  const place = tile.querySelector(`[data-f="${name}"]`);
  if (place.textContent !== text) place.textContent = text;
}

function tileOf(bay) {
  for (const tile of grid.children) if (tile.dataset.bay === bay) return tile;
  const tile = pattern.content.firstElementChild.cloneNode(true);
  tile.dataset.bay = bay;
  const next = [...grid.children].find((other) => other.dataset.bay > bay);
  grid.insertBefore(tile, next ?? null);
  grid.dataset.count = grid.children.length;
  return tile;
}

function show(one) {
  const tile = tileOf(one.bay);
  if (tile.dataset.state !== one.state && tile.dataset.state) {
    told.textContent = `${one.bay}: ${words[one.state]} ${one["advice_" + language]}`;
  }
  tile.dataset.state = one.state;
  tile.toggleAttribute("data-safe", one.may_be_removed && one.is_present);
  put(tile, "bay", one.bay);
  put(tile, "recorder", one.recorder ?? (one.docking_id ? words.no_recorder : ""));
  put(tile, "officer", one.officer ?? (one.docking_id ? words.nobody : ""));
  put(tile, "state", words[one.state] ?? one.state);
  put(tile, "percent", `${one.percent} %`);
  put(tile, "left", one.state === "copying" ? left(one.seconds_left) : "");
  put(tile, "files", one.files_total ? filled(words.files, one.files_done, one.files_total) : "");
  put(tile, "message", one["message_" + language]);
  put(tile, "advice", one["advice_" + language]);
  const way = tile.querySelector('[data-f="way"]');
  const isUnderWay = one.state === "copying" || one.state === "verifying";
  way.hidden = !isUnderWay && !(one.state === "attention" && one.bytes_total > 0 && !one.may_be_removed);
  const bar = way.querySelector("progress");
  bar.value = one.percent;
  bar.setAttribute("aria-label", `${words.copying} ${one.bay}`);
  const open = tile.querySelector('[data-f="open"]');
  open.hidden = !one.docking_id;
  open.href = one.docking_id ? `/dock/${encodeURIComponent(one.docking_id)}` : "/dock";
  open.querySelector(".hidden").textContent = ` ${one.bay}`;
  note(tile.querySelector('[data-f="notes"]'), one.note);
}

function note(list, note) {
  const lines = [];
  if (note) {
    if (note.late) lines.push(["bad", filled(words.late, note.late)]);
    if (note.missing) lines.push(["bad", filled(words.missing, note.missing)]);
    if (note.open) lines.push(["warn", filled(words.open, note.open)]);
    lines.push(["", note.is_described ? words.described : words.looking]);
  }
  list.replaceChildren(...lines.map(([kind, text]) => {
    const line = document.createElement("li");
    if (kind) line.className = kind;
    line.textContent = text;
    return line;
  }));
}

function say(text) {
  lost.hidden = text === "";
  if (lost.textContent !== text) lost.textContent = text;
  grid.classList.toggle("stale", text !== "");
  if (text !== "") isFresh = true;
}

function heard() {
  heardAt = performance.now();
}

function listen() {
  if (stream) stream.close();
  stream = new EventSource("/dock/events");
  heard();
  stream.addEventListener("station", (event) => {
    heard();
    if (JSON.parse(event.data).is_there) {
      // After a silence the bays may be others than before: what is there is told anew right behind this word.
      if (isFresh) grid.replaceChildren();
      isFresh = false;
      say("");
    } else say(words.no_station);
  });
  stream.addEventListener("bay", (event) => {
    heard();
    show(JSON.parse(event.data));
  });
  stream.addEventListener("beat", heard);
  stream.addEventListener("error", () => say(words.no_console));
}

setInterval(() => {
  // A refused stream is not tried again by the browser itself, and a dead line is not noticed by it.
  const isSilent = performance.now() - heardAt > SILENT_MS;
  if (isSilent) say(words.no_console);
  if (isSilent || stream.readyState === EventSource.CLOSED) listen();
}, AGAIN_MS);

const clock = document.querySelector("[data-clock]");
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: clock.dataset.zone || undefined });
const tick = () => { clock.textContent = time.format(new Date()); };
setInterval(tick, 1000);
tick();

// Whoever comes next finds the station's own language.
if (language !== grid.dataset.default) {
  let idle = 0;
  const wait = () => {
    clearTimeout(idle);
    idle = setTimeout(() => location.assign(`/language?to=${grid.dataset.default}&next=/dock`), IDLE_MS);
  };
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, wait);
  wait();
}

listen();
