// main.js: finds every element with data-behaviour and loads the module of that name once.
// Every page works without it; a behaviour only makes a page quicker or kinder.

const NAME = /^[a-z]+(-[a-z]+)*$/;
const wanted = new Map();

for (const element of document.querySelectorAll("[data-behaviour]")) {
  for (const name of element.dataset.behaviour.split(/\s+/)) {
    if (!NAME.test(name)) continue;
    if (!wanted.has(name)) wanted.set(name, []);
    wanted.get(name).push(element);
  }
}

for (const [name, elements] of wanted) {
  import(new URL(`behaviours/${name}.js`, import.meta.url).href)
    .then((behaviour) => elements.forEach((element) => behaviour.start(element)))
    .catch((error) => console.error(`behaviour ${name}`, error));
}
