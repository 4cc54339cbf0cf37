// print-page: shows the button that opens the browser's print window; without scripts its menu does the same.
// <button hidden data-behaviour="print-page">

export function start(button) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
