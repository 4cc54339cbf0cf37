// copy-for-group: one press copies two lines and a link. Where the clipboard is closed the text is shown selected.
// <details data-behaviour="copy-for-group" data-done="Copied."><summary>…</summary><div><textarea readonly>…</textarea><output></output></div></details>

export function start(details) {
  const summary = details.querySelector("summary");
  const text = details.querySelector("textarea");
  const told = details.querySelector("output");

  function show() {
    details.open = true;
    text.focus();
    text.setSelectionRange(0, text.value.length);
  }

  summary.addEventListener("click", (event) => {
    if (details.open) return;
    event.preventDefault();
    if (!navigator.clipboard) { show(); return; }
    navigator.clipboard.writeText(text.value).then(
      () => {
        details.open = true;
        told.textContent = details.dataset.done;
      },
      show,
    );
  });
  text.addEventListener("focus", () => text.setSelectionRange(0, text.value.length));
}
