// session-warning: five minutes before the sign-in ends a note offers to stay. Nothing typed is touched.
// <div hidden data-behaviour="session-warning" data-expires-at="2026-03-05T10:00:00+08:00" data-renew="/account/renew" data-csrf="…"
//      data-ended="You have been signed out. …"><p data-words>…</p><button>…</button></div>
// The address of data-renew is posted to and answers 200 with {"expires_at": "…"}.

const AHEAD = 5 * 60 * 1000; // milliseconds
const LONGEST = 2147483647; // milliseconds that setTimeout can hold; a sign-in that lasts longer needs no warning on this page

export function start(note) {
  const words = note.querySelector("[data-words]");
  const button = note.querySelector("button");
  const asked = words.textContent;
  let ends = Date.parse(note.dataset.expiresAt);
  let timers = [];
  if (Number.isNaN(ends)) return;

  function at(moment, act) {
    const wait = Math.max(moment - Date.now(), 0);
    if (wait <= LONGEST) timers.push(setTimeout(act, wait));
  }

  function ended() {
    words.textContent = note.dataset.ended;
    button.hidden = true;
    note.hidden = false;
  }

  function plan() {
    timers.forEach(clearTimeout);
    timers = [];
    words.textContent = asked;
    button.hidden = false;
    note.hidden = true;
    at(ends - AHEAD, () => { note.hidden = false; });
    at(ends, ended);
  }

  button.addEventListener("click", () => {
    button.setAttribute("aria-disabled", "true");
    fetch(note.dataset.renew, { method: "POST", credentials: "same-origin", headers: { "X-CSRFToken": note.dataset.csrf || "", Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
      .then((body) => { ends = Date.parse(body.expires_at); plan(); })
      .catch((status) => { if (status === 401 || Date.now() >= ends) ended(); })
      .then(() => button.removeAttribute("aria-disabled"));
  });
  plan();
}
