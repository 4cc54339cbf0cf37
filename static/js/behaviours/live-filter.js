// live-filter: typing shortens a list that is already on the page; the count is told politely.
// <div hidden data-behaviour="live-filter" data-list="places" data-told="{shown} of {total}" data-none="Nothing …"><input><output></output></div>

const folded = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

export function start(box) {
  const list = document.getElementById(box.dataset.list);
  const input = box.querySelector("input");
  const told = box.querySelector("output");
  if (!list || !input) return;
  const entries = Array.from(list.children, (element) => ({ element, text: folded(element.textContent + " " + (element.dataset.words || "")) }));
  let waiting = 0;

  function filter() {
    const words = folded(input.value).split(" ").filter(Boolean);
    let shown = 0;
    for (const { element, text } of entries) {
      element.hidden = !words.every((word) => text.includes(word));
      if (!element.hidden) shown += 1;
    }
    // told after a pause, so that a screen reader does not speak at every letter
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (!words.length) told.textContent = "";
      else if (!shown) told.textContent = box.dataset.none;
      else told.textContent = box.dataset.told.replace("{shown}", shown).replace("{total}", entries.length);
    }, 400);
  }

  box.hidden = false;
  input.addEventListener("input", filter);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && input.value) { input.value = ""; filter(); event.preventDefault(); }
    if (event.key === "Enter") event.preventDefault();
  });
  if (input.value) filter();
}
