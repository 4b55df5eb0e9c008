// Keys of a work list. Without this script the same is done by mouse, Tab and Enter.
const items = [...document.querySelectorAll("details.item")];
const keys = document.querySelector("details.keys");
const line = (item) => item.querySelector("summary");
const firstField = (item) => item.querySelector("form :is(input:not([type=hidden]), textarea, select)");

function current() {
  const place = items.findIndex((item) => item.contains(document.activeElement));
  return place >= 0 ? place : items.findIndex((item) => item.open);
}

function go(step) {
  const place = Math.min(Math.max(current() + step, 0), items.length - 1);
  const item = items[place];
  if (item) {
    line(item).focus();
    item.scrollIntoView({ block: "nearest" });
  }
}

function close() {
  const item = items[current()];
  if (item) {
    item.open = false;
    line(item).focus();
  }
}

for (const item of items) {
  item.addEventListener("toggle", () => {
    if (item.open) {
      items.filter((other) => other !== item).forEach((other) => { other.open = false; });
      firstField(item)?.focus();
    }
  });
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=radio], [type=checkbox]), textarea, select");
  if (event.key === "Enter" && event.ctrlKey) {
    const form = event.target.closest?.("form") ?? items.find((item) => item.open)?.querySelector("form");
    if (form) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button.main"));
    }
  } else if (event.key === "Escape") {
    close();
  } else if (isTyping || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  } else if (event.key === "j") {
    go(1);
  } else if (event.key === "k") {
    go(-1);
  } else if (event.key === "?" && keys) {
    keys.open = !keys.open;
  }
});

const opened = items.find((item) => item.open);
if (opened) {
  (firstField(opened) ?? line(opened)).focus();
  opened.scrollIntoView({ block: "nearest" });
}
