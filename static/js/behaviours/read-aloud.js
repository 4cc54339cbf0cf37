// read-aloud: the browser's own voice reads the page. The button is hidden where there is no voice.
// <button hidden data-behaviour="read-aloud" data-target="main" data-stop="Stop reading">

const SPOKEN = "h1, h2, h3, p, li, dt, dd, th, td, legend, label, figcaption, summary";
const SILENT = "script, [hidden], [aria-hidden='true'], nav, form, .help-bar, .noprint, textarea";

// One utterance a sentence: some engines stop a long one after about 15 seconds.
const SENTENCE = /[^。！？!?；;.]+[。！？!?；;.]*/g;

function sentences(root) {
  const found = [];
  for (const element of root.querySelectorAll(SPOKEN)) {
    if (element.closest(SILENT) || element.querySelector(SPOKEN) || !element.getClientRects().length) continue;
    const language = element.closest("[lang]").lang;
    const words = element.textContent.replace(/\s+/g, " ").trim();
    for (const text of words.match(SENTENCE) || []) found.push({ text, language });
  }
  return found;
}

export function start(button) {
  const voice = window.speechSynthesis;
  if (!voice || !window.SpeechSynthesisUtterance) return;
  const label = button.querySelector("[data-label]") || button;
  const read = label.textContent;
  let reading = false;
  let spoken = false;

  function stop() {
    reading = false;
    voice.cancel();
    label.textContent = read;
    button.setAttribute("aria-pressed", "false");
  }

  function say(list) {
    const next = list.shift();
    if (!reading) return;
    if (!next) { stop(); return; }
    const utterance = new SpeechSynthesisUtterance(next.text);
    utterance.lang = next.language;
    utterance.rate = 0.9;
    utterance.onend = () => { spoken = true; say(list); };
    utterance.onerror = (event) => {
      if (event.error === "canceled" || event.error === "interrupted") return;
      stop();
      // no voice is installed after all: a button that does nothing is worse than none
      if (!spoken) button.hidden = true;
    };
    voice.speak(utterance);
  }

  button.hidden = false;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    if (reading) { stop(); return; }
    const list = sentences(document.getElementById(button.dataset.target) || document.body);
    voice.cancel();
    reading = true;
    label.textContent = button.dataset.stop;
    button.setAttribute("aria-pressed", "true");
    say(list);
  });
  window.addEventListener("pagehide", () => { if (reading) stop(); });
}
