// The player of a recording or a take: it seeks from timeline, lists and map, and goes on to the next recording.
const data = JSON.parse(document.getElementById("player-data").textContent);
const screen = document.getElementById("screen");
const byId = new Map(data.playables.map((one) => [one.recording, one]));
const segments = [...data.segments].sort((one, other) => one.start_s - other.start_s);
const now = document.getElementById("now");
const strip = document.getElementById("strip");
const here = document.getElementById("here");
const land = document.getElementById("land");
const clock = document.getElementById("clock");
const chooser = document.getElementById("source");
const began = data.start ? Date.parse(data.start) : null;
const wall = new Intl.DateTimeFormat("en-GB", { timeZone: data.zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const stops = land ? land.dataset.stops.split(";").filter(Boolean).map((one) => one.split(",").map(Number)).sort((one, other) => one[0] - other[0]) : [];
const current = { recording: data.here, source: null, isLoaded: false };
let wanted = "";

const segmentOf = (recording) => segments.find((one) => one.recording === recording);
const canPlay = (source) => source.is_sure || screen.canPlayType(source.type) !== "";
const sourceOf = (one) => one.sources.find((source) => source.name === wanted && canPlay(source)) ?? one.sources.find(canPlay) ?? null;
const pathOf = (recording, source) => source.name === "original" ? `/recordings/${recording}/original` : `/recordings/${recording}/media?of=${source.name}`;

function say(words) {
  const place = document.getElementById("why-not");
  document.getElementById("why-not-words").textContent = words;
  place.hidden = !words;
  // Without anything to play there is nothing to see or to press.
  for (const part of [screen.parentElement, document.getElementById("controls")]) part.hidden = !current.source;
}

function put(recording, atSeconds, isToPlay) {
  const one = byId.get(recording);
  if (!one || !screen) return;
  const source = one.why_not ? null : sourceOf(one);
  document.getElementById("playing").textContent = one.name;
  const isOther = recording !== current.recording || source?.name !== current.source?.name || !current.isLoaded;
  current.recording = recording;
  current.source = source;
  choices(one);
  if (!source) {
    screen.pause();
    screen.removeAttribute("src");
    current.isLoaded = false;
    say(one.why_not || data.words.cannot);
    show();
    return;
  }
  say("");
  const seconds = Math.max(0, atSeconds - source.origin_s);
  if (!isOther && screen.readyState > 0) {
    screen.currentTime = seconds;
    if (isToPlay) screen.play().catch(() => {});
    return;
  }
  current.isLoaded = true;
  screen.preload = "auto";
  screen.src = pathOf(recording, source);
  screen.addEventListener("loadedmetadata", () => {
    screen.currentTime = seconds;
    screen.playbackRate = Number(document.getElementById("speed").value);
    if (isToPlay) screen.play().catch(() => {});
  }, { once: true });
  screen.load();
}

function choices(one) {
  if (!chooser) return;
  chooser.replaceChildren(...one.sources.map((source) => {
    const option = document.createElement("option");
    option.value = source.name;
    option.textContent = chooser.dataset[source.name] ?? source.name;
    option.disabled = !canPlay(source);
    option.selected = source.name === current.source?.name;
    return option;
  }));
  chooser.parentElement.hidden = one.sources.length < 2;
}

function second() {
  return current.source ? screen.currentTime + current.source.origin_s : 0;
}

function place() {
  const segment = segmentOf(current.recording);
  return segment ? segment.start_s + Math.min(second(), segment.length_s) : second();
}

function show() {
  const at = place();
  if (now && data.span_s) {
    const x = data.left + Math.min(1, at / data.span_s) * (data.right - data.left);
    now.setAttribute("x1", x);
    now.setAttribute("x2", x);
  }
  const words = began === null ? `${second().toFixed(1)} s` : `${wall.format(began + at * 1000)}.${Math.floor(((began + at * 1000) % 1000) / 100)}`;
  if (clock) clock.value = words;
  if (strip) {
    strip.setAttribute("aria-valuenow", at.toFixed(1));
    strip.setAttribute("aria-valuetext", words);
  }
  move(at);
}

function move(at) {
  if (!here || !stops.length) return;
  const next = stops.findIndex((one) => one[0] >= at);
  const isBeside = (next === -1 && at - stops[stops.length - 1][0] > 5) || (next === 0 && stops[0][0] - at > 5);
  here.setAttribute("visibility", isBeside ? "hidden" : "visible");
  const after = stops[next === -1 ? stops.length - 1 : next];
  const before = stops[Math.max(0, next === -1 ? stops.length - 1 : next - 1)];
  const share = after[0] > before[0] ? Math.min(1, Math.max(0, (at - before[0]) / (after[0] - before[0]))) : 0;
  here.setAttribute("cx", before[1] + (after[1] - before[1]) * share);
  here.setAttribute("cy", before[2] + (after[2] - before[2]) * share);
}

function goTo(at, isToPlay) {
  const inside = Math.min(Math.max(0, at), data.span_s);
  const running = segments.filter((one) => one.start_s <= inside && inside < one.start_s + one.length_s).pop();
  const next = running ?? segments.find((one) => one.start_s >= inside) ?? segments[segments.length - 1];
  if (next) put(next.recording, running ? inside - next.start_s : next.start_s >= inside ? 0 : next.length_s, isToPlay);
}

if (screen) {
  const isPlaying = () => !screen.paused && !screen.ended;
  let frame = 0;
  const follow = () => { show(); frame = isPlaying() ? requestAnimationFrame(follow) : 0; };
  screen.addEventListener("play", () => { if (!frame) follow(); });
  for (const name of ["timeupdate", "seeked", "loadedmetadata"]) screen.addEventListener(name, show);
  screen.addEventListener("error", () => { if (screen.getAttribute("src")) say(data.words.failed); });
  screen.addEventListener("ended", () => {
    const segment = segmentOf(current.recording);
    const next = segment && segments[segments.indexOf(segment) + 1];
    if (next) put(next.recording, 0, true);
  });
  const first = byId.get(data.here);
  if (first) {
    current.source = first.why_not ? null : sourceOf(first);
    // What the page brought is the first source; nothing of it is fetched, and so no view registered, before it is asked for.
    say(first.why_not || (current.source || !first.sources.length ? "" : data.words.cannot));
    if (current.source && current.source !== first.sources[0]) screen.src = pathOf(data.here, current.source);
    current.isLoaded = Boolean(current.source);
    choices(first);
    show();
  }
  for (const button of document.querySelectorAll("[data-step]")) button.addEventListener("click", () => jump(Number(button.dataset.step)));
  for (const button of document.querySelectorAll("[data-frame]")) button.addEventListener("click", () => { screen.pause(); put(current.recording, second() + Number(button.dataset.frame) / 25, false); });
  document.getElementById("speed").addEventListener("change", (event) => { screen.playbackRate = Number(event.target.value); });
  chooser.addEventListener("change", () => { wanted = chooser.value; put(current.recording, second(), isPlaying()); });
  function jump(seconds) {
    if (segments.length) goTo(place() + seconds, isPlaying());
    else put(current.recording, second() + seconds, isPlaying());
  }
  if (strip) {
    const steps = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5, PageDown: -60, PageUp: 60 };
    strip.addEventListener("keydown", (event) => {
      if (event.key in steps) jump(steps[event.key]);
      else if (event.key === "Home") goTo(0, isPlaying());
      else if (event.key === "End") goTo(data.span_s - 1, isPlaying());
      else if (event.key === "Enter" || event.key === " ") { if (isPlaying()) screen.pause(); else goTo(place(), true); }
      else return;
      event.preventDefault();
    });
    strip.addEventListener("click", (event) => {
      if (event.target.closest("[data-seek]")) return;
      const box = strip.querySelector("svg").getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * 1000;
      goTo(((x - data.left) / (data.right - data.left)) * data.span_s, isPlaying());
    });
  }
  document.addEventListener("click", (event) => {
    const seek = event.target.closest("[data-seek]");
    if (seek) put(seek.dataset.seek, Number(seek.dataset.at), isPlaying());
  });
  land?.addEventListener("click", (event) => {
    const box = land.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 720;
    const y = ((event.clientY - box.top) / box.height) * 460;
    const away = (one) => (one[1] - x) ** 2 + (one[2] - y) ** 2;
    const near = stops.reduce((best, one) => (best === null || away(one) < away(best) ? one : best), null);
    if (!near || away(near) > 400) return;
    if (segments.length) goTo(near[0], isPlaying());
    else put(data.here, near[0], isPlaying());
  });
}

const photo = document.getElementById("show-photo");
photo?.addEventListener("click", () => {
  const picture = document.getElementById("photo");
  picture.src = photo.dataset.src;
  picture.hidden = false;
  photo.hidden = true;
});
