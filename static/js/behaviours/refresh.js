// refresh: fetches the page again every few seconds and swaps the element, until the server no longer asks for it.
// <div id="run" data-behaviour="refresh" data-refresh="3">

export function start(element) {
  let current = element;
  const pause = Math.max(1, Number(element.dataset.refresh) || 3) * 1000;

  async function again() {
    if (document.hidden || current.contains(document.activeElement)) return wait();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(current.id);
        if (!fresh) return undefined;
        current.replaceWith(fresh);
        current = fresh;
        if (!fresh.dataset.refresh) return undefined;
      }
    } catch { /* away for a moment: try again */ }
    return wait();
  }

  function wait() { setTimeout(again, pause); }
  wait();
}
