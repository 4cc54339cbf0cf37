// queue-keys: j and k walk the rows of a queue, Enter opens, x marks, / goes to the list's search field, else to that of the page.
// The keys can be switched off (WCAG 2.1.4): the button in .keys remembers it on this device.
// <div data-behaviour="queue-keys"> … <p class="keys">… <button hidden data-switch data-on="…" data-off="…"></button></p> <table>…</table></div>

const STORE = "civic-keys";

function remembered() {
  try { return localStorage.getItem(STORE) !== "off"; } catch { return true; }
}

function remember(on) {
  try { localStorage.setItem(STORE, on ? "on" : "off"); } catch { /* a private window keeps nothing; the switch still holds for this page */ }
}

const typing = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && target.type !== "checkbox";

export function start(queue) {
  const rows = Array.from(queue.querySelectorAll("tbody tr"));
  const button = queue.querySelector("[data-switch]");
  let on = remembered();
  let at = -1;

  const door = (row) => row.querySelector("th a, td a");

  function mark(index) {
    if (at >= 0) rows[at].classList.remove("in-hand");
    at = index;
    rows[at].classList.add("in-hand");
  }

  function take(index) {
    if (index < 0 || index >= rows.length) return;
    mark(index);
    const link = door(rows[at]);
    if (link && !rows[at].contains(document.activeElement)) link.focus();
    rows[at].scrollIntoView({ block: "nearest" });
  }

  function label() {
    button.textContent = on ? button.dataset.off : button.dataset.on;
  }

  queue.addEventListener("focusin", (event) => {
    const index = rows.indexOf(event.target.closest("tbody tr"));
    if (index >= 0 && index !== at) mark(index);  // no scrolling here: under a pressed pointer it would move the link away and lose the click
  });

  document.addEventListener("keydown", (event) => {
    if (!on || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const key = event.key;
    if (key === "j") take(Math.min(at + 1, rows.length - 1));
    else if (key === "k") take(Math.max(at - 1, 0));
    else if (key === "x" && at >= 0) {
      const tick = rows[at].querySelector('input[type="checkbox"]');
      if (tick) tick.click();
    } else if (key === "/") {
      const fields = [queue, document].flatMap((part) => Array.from(part.querySelectorAll('input[type="search"]')));
      const field = fields.find((input) => input.getClientRects().length);
      if (!field) return;
      field.focus();
    } else if (key === "Enter" && at >= 0 && event.target === document.body) {
      const link = door(rows[at]);
      if (link) link.click();
    } else return;
    event.preventDefault();
  });

  if (button) {
    button.hidden = false;
    label();
    button.addEventListener("click", () => { on = !on; remember(on); label(); });
  }
}
