// Finds sections. SEARCH, put in front of this text, holds the entries
// [address, page, title, prose, code] and the edition's words: see search.py.

// A word without case, accents and common endings.
function stem(word) {
  word = word.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "");
  if (SEARCH.language === "es") return word.replace(/^(.{3,}?)[aeo]?s?$/, "$1");
  return word
    .replace(/(..)is(e[drs]?|ing|ation)$/, "$1iz$2")
    .replace(/^(.{3,}?)(ies|y)$/, "$1i")
    .replace(/^(.{3,}?)(?:e|es|s|ed|ing)?$/, "$1");
}

function cut(text) {
  return text.match(/[\p{L}\p{N}_]+/gu) ?? [];
}

const WEIGHTS = [6, 1, 0.5]; // a word in the title, the prose, the code
const ASIDE = 0.5; // what a page or a section beside the text counts for
let index;

// For each entry and field the stems with their counts; for each stem how many entries have it.
function build() {
  const rows = SEARCH.entries.map(([address, page, title, prose, code]) => {
    const fields = [title === page ? title : `${title} ${page}`, prose, code].map((text) => {
      const counts = new Map();
      for (const word of cut(text)) {
        const key = stem(word);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return counts;
    });
    const aside = SEARCH.aside.some((name) => name === title || address.startsWith(`${name}.html`));
    const length = prose.length + code.length;
    return { fields, own: new Set(cut(title).map(stem)), length, value: aside ? ASIDE : 1 };
  });
  const seen = new Map();
  for (const { fields } of rows) {
    const all = new Set(fields.flatMap((counts) => [...counts.keys()]));
    for (const key of all) seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  const mean = rows.reduce((sum, row) => sum + row.length, 0) / rows.length;
  return { rows, seen, keys: [...seen.keys()], mean };
}

// The stems of a query: for each word those that it may mean, the word itself first.
function understand(query) {
  const stop = new Set(SEARCH.stop.map(stem));
  const aliases = new Map(Object.entries(SEARCH.aliases).map(([word, also]) => [stem(word), also]));
  let words = cut(query).map((word) => stem(word));
  const telling = words.filter((word) => !stop.has(word));
  if (telling.length) words = telling;
  return [...new Set(words)].map((word) => {
    const also = cut(aliases.get(word) ?? "").map(stem);
    const longer = word.length > 2 ? index.keys.filter((key) => key.startsWith(word)) : [];
    const values = new Map(longer.map((key) => [key, 0.6]));
    for (const key of also) values.set(key, 0.9);
    return values.set(word, 1);
  });
}

// The best entries for a query, each with how well it fits. Every word must be found, unless no
// entry has them all: then as many as can be.
function search(query) {
  index ??= build();
  const meanings = understand(query);
  const total = index.rows.length;
  const rated = index.rows.map((row, i) => {
    let score = 0;
    let found = 0;
    let titled = 0;
    for (const keys of meanings) {
      let best = 0;
      let inTitle = 0;
      for (const [key, value] of keys) {
        const rarity = Math.log(1 + total / (index.seen.get(key) ?? total));
        let sum = 0;
        row.fields.forEach((counts, field) => {
          const n = counts.get(key) ?? 0;
          const long = field ? 0.3 + (0.7 * row.length) / index.mean : 1;
          sum += (WEIGHTS[field] * n) / (n + long);
        });
        best = Math.max(best, value * rarity * sum);
        if (row.own.has(key)) inTitle = Math.max(inTitle, value);
      }
      if (best) found++;
      titled += inTitle;
      score += best;
    }
    // A title that says all of it, and little else, is what was asked for.
    score *= row.value * (1 + titled / Math.max(meanings.length, row.own.size || 1));
    return { i, score, found };
  });
  const most = Math.max(0, ...rated.map(({ found }) => found));
  return rated
    .filter(({ found }) => most && found === most)
    .sort((a, b) => b.score - a.score || a.i - b.i)
    .map(({ i, score }) => ({ entry: SEARCH.entries[i], score }));
}

// The part of a text around the first word that was asked for, as pieces [text, marked].
function excerpt(text, query, length = 220) {
  const meanings = understand(query);
  const asked = (word) => meanings.some((keys) => keys.has(stem(word)));
  const words = [...text.matchAll(/[\p{L}\p{N}_]+/gu)];
  const first = words.find(([word]) => asked(word))?.index ?? 0;
  let start = Math.max(0, first - 70);
  if (start) start = text.indexOf(" ", start) + 1;
  let end = start + length;
  if (end < text.length) end = text.lastIndexOf(" ", end);
  const pieces = [[start ? "… " : "", false]];
  let at = start;
  for (const { 0: word, index: place } of words) {
    if (place < start || place + word.length > end || !asked(word)) continue;
    pieces.push([text.slice(at, place), false], [word, true]);
    at = place + word.length;
  }
  pieces.push([text.slice(at, end) + (end < text.length ? " …" : ""), false]);
  return pieces.filter(([piece]) => piece);
}

function show() {
  const box = document.getElementById("search-results");
  const query = (new URLSearchParams(location.search).get("q") ?? "").trim();
  if (!box || !query) return;
  for (const field of document.querySelectorAll("input[type=search]")) field.value = query;
  const found = search(query);
  const say = document.createElement("p");
  say.className = "search-summary";
  say.textContent =
    found.length === 0 ? SEARCH.none
    : found.length === 1 ? SEARCH.one
    : SEARCH.many.replace("{n}", found.length);
  const list = document.createElement("ol");
  for (const { entry } of found.slice(0, 30)) {
    const [address, page, title, prose, code] = entry;
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = title;
    item.append(link);
    if (title !== page) {
      const place = document.createElement("span");
      place.className = "search-page";
      place.textContent = page;
      item.append(" ", place);
    }
    const text = document.createElement("p");
    for (const [piece, marked] of excerpt(prose || code, query)) {
      const part = document.createElement(marked ? "mark" : "span");
      part.textContent = piece;
      text.append(part);
    }
    item.append(text);
    list.append(item);
  }
  box.replaceChildren(say, list);
}

document.addEventListener("DOMContentLoaded", show);
