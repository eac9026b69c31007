// Formulas are set once the page has been painted and its figures live, a few at a time, so that
// nothing waits for them. `formulas` is a promise that all are set.
const MATHS = new URL("mathjax/tex-chtml.js", document.currentScript.src);
const CHECK = new URL("check.js", document.currentScript.src);
const FORMULAS_AT_A_TIME = 8;
let maths; // a promise of MathJax, once it is asked for
let moved = false; // whether the reader has gone elsewhere than to where the address leads
for (const event of ["wheel", "touchmove", "keydown", "pointerdown"])
  addEventListener(event, () => (moved = true), { once: true, passive: true });
window.formulas = (async () => {
  if (document.readyState !== "complete")
    await new Promise((done) => addEventListener("load", done, { once: true }));
  const formulas = [...document.querySelectorAll("article .math")];
  if (!formulas.length) return;
  formulas.forEach(keepWhole);
  await new Promise((done) => setTimeout(done));
  await loadMaths();
  while (formulas.length) {
    await MathJax.typesetPromise(formulas.splice(0, FORMULAS_AT_A_TIME));
    await new Promise((done) => setTimeout(done));
  }
  // Not every browser keeps a place where it is while what stands above it grows.
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (place && !moved) place.scrollIntoView();
})();

async function loadMaths() {
  if (!maths) {
    window.MathJax = { ...window.MathJax, startup: { typeset: false } };
    maths = load(MATHS);
  }
  await maths;
  await MathJax.startup.promise;
}

function load(address) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = done;
    script.onerror = () => failed(new Error(`could not be loaded: ${address}`));
    document.head.append(script);
  });
}

// Formulas of what has come into the page later are set at once.
window.setFormulas = async (place) => {
  const formulas = [...place.querySelectorAll(".math")];
  if (!formulas.length) return;
  formulas.forEach(keepWhole);
  await window.formulas;
  await loadMaths();
  await MathJax.typesetPromise(formulas.filter((formula) => formula.isConnected));
};

// *Check yourself* is loaded when its button is pressed.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector("article .check");
  if (!place) return;
  const [begin, told] = [place.querySelector("button"), place.querySelector("[role=status]")];
  begin.hidden = false;
  begin.addEventListener("click", async () => {
    told.textContent = "";
    try {
      if (!window.beginCheck) await load(CHECK);
      await window.beginCheck(place);
      begin.parentNode.remove();
    } catch {
      told.textContent = told.dataset.failed;
    }
  });
});

// No line begins with the stop behind a formula, and none ends with the bracket before it.
function keepWhole(formula) {
  const [before, after] = [formula.previousSibling, formula.nextSibling];
  const opened = before?.nodeType === Node.TEXT_NODE && /[([«“¿¡]+$/.exec(before.data);
  const closed = after?.nodeType === Node.TEXT_NODE && /^[.,;:!?…)\]»”]+/.exec(after.data);
  if (formula.localName !== "span" || !(opened || closed)) return;
  const whole = document.createElement("span");
  whole.className = "whole";
  formula.replaceWith(whole);
  if (opened) whole.append(before.splitText(opened.index));
  whole.append(formula);
  if (closed) {
    after.splitText(closed[0].length);
    whole.append(after);
  }
}

// Paper is white: a dark page is printed in the light one's inks.
(() => {
  const { dataset } = document.documentElement;
  let shown;
  addEventListener("beforeprint", () => {
    shown = dataset.theme;
    dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    if (shown) dataset.theme = shown;
  });
})();

// The link to the other language leads to the section that is being read.
document.addEventListener("DOMContentLoaded", () => {
  const sections = [...document.querySelectorAll("article.bd-article span[id^=section-]")];
  const links = [...document.querySelectorAll("a.language-switch")];
  const plain = new Map(links.map((link) => [link, link.getAttribute("href")]));
  function point() {
    const line = 0.6 * innerHeight;
    const above = sections.filter((mark) => mark.getBoundingClientRect().top < line);
    const here = scrollY > 0 && above.length > 1 ? `#${above.at(-1).id}` : "";
    for (const link of links) link.setAttribute("href", plain.get(link) + here);
  }
  for (const link of links)
    for (const event of ["pointerenter", "pointerdown", "focus", "click"])
      link.addEventListener(event, point);
});

// The drawer of a phone closes after a choice that leads to a place on the same page.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("dialog[open] a[href]");
  if (!link || !link.hash || link.pathname !== location.pathname) return;
  const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  link.closest("dialog").close();
  // Closing puts the focus, and with it the page, back where it was.
  if (target) requestAnimationFrame(() => target.scrollIntoView());
});

// What scrolls sideways can be reached with the keyboard. The theme does it for code and tables.
document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector("article.bd-article");
  if (!article) return;
  const boxes = "mjx-container[display], .live-root, .live-fallback";
  const watched = new WeakSet();
  const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));
  function mark(box) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
  function watch() {
    for (const box of article.querySelectorAll(boxes)) {
      mark(box);
      if (watched.has(box)) continue;
      watched.add(box);
      resized.observe(box);
    }
  }
  new MutationObserver(watch).observe(article, { childList: true, subtree: true });
  watch();
});

// Where the reader is stays on this device: the front page offers to go on there. Without storage
// nothing is kept, and nothing is ever sent.
document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector("article.bd-article");
  const title = article?.querySelector("h1");
  const page = location.pathname.split("/").at(-1).replace(/\.html$/, "");
  if (!title || page === "search") return;
  const name = title.cloneNode(true);
  name.querySelector(".headerlink")?.remove();
  const marks = [...article.querySelectorAll("span[id^=section-]")];
  let waiting;
  function before() {
    try {
      return Object(JSON.parse(localStorage.getItem("book-read")));
    } catch {
      return {}; // what is stored there is not the book's
    }
  }
  function note() {
    waiting = undefined;
    try {
      const read = before();
      const { top, height } = article.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (innerHeight - top) / height));
      const line = 0.6 * innerHeight;
      const above = marks.filter((mark) => mark.getBoundingClientRect().top < line);
      const section = (above.at(-1) ?? marks[0])?.id ?? "";
      const pages = { ...read.pages, [page]: Math.max(share, Number(read.pages?.[page]) || 0) };
      const last = { page, section, title: name.textContent.trim() };
      localStorage.setItem("book-read", JSON.stringify({ last, pages }));
      localStorage.setItem("book-language", document.documentElement.lang);
    } catch {
      // No storage, or a full one.
    }
  }
  addEventListener("scroll", () => (waiting ??= setTimeout(note, 400)), { passive: true });
});
