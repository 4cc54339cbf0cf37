// confirm-once: the second press within 10 seconds is not sent. The server's key stays the real guard.
// <form data-behaviour="confirm-once">

const PAUSE = 10000; // milliseconds

export function start(form) {
  let sent = 0;
  const buttons = () => form.querySelectorAll('button:not([type]), [type="submit"]');

  function release() {
    sent = 0;
    buttons().forEach((button) => button.removeAttribute("aria-disabled"));
  }

  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (sent && Date.now() - sent < PAUSE) { event.preventDefault(); return; }
    sent = Date.now();
    // aria-disabled keeps the focus and the button's own name and value in what is sent
    buttons().forEach((button) => button.setAttribute("aria-disabled", "true"));
    setTimeout(release, PAUSE);
  });
  // the back button brings a kept page: it must be usable at once
  window.addEventListener("pageshow", (event) => { if (event.persisted) release(); });
}
