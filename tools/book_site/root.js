// The front page: the reader's language, the model writing again what it wrote, where the reader was.
// How the model wrote is stored in the page; nothing is sent, and nothing loaded but the model itself, for
// who asks for it.
const kept = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};
const keep = (name, value) => {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Without storage the page works all the same.
  }
};
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const BEAT = 320; // milliseconds for a piece
const SVG = "http://www.w3.org/2000/svg";

function replay(figure) {
  const { given, answer, steps } = JSON.parse(figure.querySelector("script").textContent);
  const pieces = [...figure.querySelectorAll(".story span")];
  const arcs = figure.querySelector(".arcs");
  const guesses = figure.querySelector(".guesses");
  const [play, one, live] = figure.querySelectorAll("button");
  const language = figure.closest("[lang]").lang;
  const percent = new Intl.NumberFormat(language, { style: "percent" });
  const words = { play: play.textContent, pause: play.dataset.pause };
  let written = pieces.length; // how many pieces stand there
  let timer;

  function middle(piece) {
    const boxes = [...piece.getClientRects()]; // two where a line ends behind the piece's space
    const box = boxes.reduce((widest, other) => (other.width > widest.width ? other : widest));
    const paper = arcs.getBoundingClientRect();
    return [box.left + box.width / 2 - paper.left, box.top - paper.top + 3];
  }

  // Arcs from the piece that was read last to where the heads looked, and the guesses that followed.
  function show() {
    const at = written === pieces.length ? answer : written;
    const step = steps[at - given];
    pieces.forEach((piece, i) => {
      piece.classList.toggle("ahead", i >= written);
      piece.classList.toggle("now", i === at - 1);
      piece.classList.toggle("next", i === at && i < written);
    });
    const [x, y] = middle(pieces[at - 1]);
    arcs.replaceChildren(
      ...step.arcs.map(([to, weight]) => {
        const [left, top] = middle(pieces[to]);
        const height = Math.min(44, 10 + Math.abs(x - left) / 6);
        const path = document.createElementNS(SVG, "path");
        path.setAttribute(
          "d",
          `M${x} ${y}C${x} ${y - height} ${left} ${top - height} ${left} ${top}`,
        );
        path.style.strokeWidth = `${0.5 + 2.5 * weight}px`;
        path.style.opacity = 0.25 + 0.7 * weight;
        return path;
      }),
    );
    guesses.replaceChildren(
      ...step.guesses.map(([text, p]) => {
        const item = document.createElement("li");
        const name = document.createElement("code");
        name.textContent = text.replace(/^ /, "·").replace("\n", "↵");
        const bar = document.createElement("span");
        bar.className = "bar";
        bar.style.setProperty("--share", p);
        item.append(name, bar, percent.format(p));
        return item;
      }),
    );
  }

  function write() {
    written = written === pieces.length ? given : written + 1;
    show();
    if (written === pieces.length) stop();
  }

  function stop() {
    clearInterval(timer);
    timer = undefined;
    play.textContent = words.play;
  }

  function start() {
    if (timer) return;
    play.textContent = words.pause;
    write();
    timer = setInterval(write, BEAT);
  }

  play.addEventListener("click", () => (timer ? stop() : start()));
  one.addEventListener("click", () => {
    stop();
    write();
  });
  live.addEventListener("click", () => {
    stop();
    comeAlive(figure, live).catch(() => {
      live.textContent = live.dataset.failed;
    });
  });
  guesses.hidden = play.parentElement.hidden = false;
  new ResizeObserver(() => figure.offsetParent && show()).observe(arcs.parentElement);
  show();
  let begun = false;
  return {
    stop,
    begin() {
      if (!begun && !calm.matches) start();
      begun = true;
    },
  };
}

function load(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = () => reject(new Error(address));
    document.head.append(script);
  });
}

// The model itself takes the place of the replay, and is asked at once.
async function comeAlive(figure, { dataset }) {
  await load(dataset.figure);
  const [, name] = /(\w+)\.js$/.exec(dataset.figure);
  const place = document.createElement("div");
  place.className = "alive";
  place.innerHTML = globalThis.bookFiles[name];
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const alive = place.querySelector("figure");
  const ready = new Promise((resolve) => {
    new MutationObserver(resolve).observe(alive, { attributeFilter: ["data-live-state"] });
  });
  figure.replaceWith(place);
  await load(dataset.script);
  await ready;
  const ask = alive.querySelector("button");
  ask.focus();
  ask.click();
}

// Where the reader was, as book.js of the chapters notes it.
function goOn(edition) {
  const read = JSON.parse(kept("book-read") ?? "{}");
  const line = edition.querySelector(".continue");
  if (read.last?.page && read.last.title) {
    const link = line.querySelector("a");
    link.href = `${edition.id}/${read.last.page}.html#${read.last.section}`;
    const card = edition.querySelector(`[data-slug="${CSS.escape(read.last.page)}"] a`);
    link.querySelector("strong").textContent = card?.textContent ?? read.last.title;
    line.hidden = false;
  }
  for (const card of edition.querySelectorAll("[data-slug]")) {
    const share = read.pages?.[card.dataset.slug];
    if (!share) continue;
    const mark = card.querySelector(".read");
    const percent = new Intl.NumberFormat(edition.lang, { style: "percent" });
    mark.textContent = mark.dataset.words.replace("{n}", percent.format(share));
    mark.style.setProperty("--share", share);
    mark.hidden = false;
  }
}

const editions = [...document.querySelectorAll(".edition")];
const replays = new Map();
function choose(language) {
  document.documentElement.lang = language;
  for (const edition of editions) {
    const own = edition.id === language;
    edition.hidden = !own;
    const figure = edition.querySelector(".replay");
    if (!own) replays.get(edition)?.stop();
    else {
      if (!replays.has(edition)) replays.set(edition, replay(figure));
      replays.get(edition).begin();
    }
  }
  document.title = editions.find((one) => one.id === language).querySelector("h1").textContent;
}

for (const edition of editions) {
  try {
    goOn(edition);
  } catch {
    // What is stored there is not the book's.
  }
}
choose(document.documentElement.lang);
addEventListener("hashchange", () => {
  const language = location.hash.slice(1);
  if (!editions.some((one) => one.id === language)) return;
  keep("book-language", language);
  choose(language);
  scrollTo(0, 0);
});
