// MinHash: two texts, their signatures, and the chance that bands make them candidates. Numbers are
// those of `lessons_lib.data`, with the seed 0.

const STRINGS = {
  en: {
    one: "One text",
    other: "Another text",
    words: "Words of a shingle",
    hashes: "Hashes",
    rows: "Numbers in a band",
    picture: (equal, n) =>
      `${equal} of ${n} cells are filled. Below, the chance to be candidates over the similarity; the table says the numbers.`,
    axis: ["similarity", "chance to be candidates"],
    said: (similarity, estimate, found) =>
      `J is ${similarity}, estimated ${estimate}. ${found ? "A whole band is equal: the two are candidates." : "No band is equal throughout: nobody compares the two."}`,
    caption: "The two texts",
    columns: ["Of the two texts", "Value"],
    values: [
      "Shingles",
      "Jaccard similarity",
      "Estimate",
      "Standard error",
      "Equal numbers",
      "Bands",
      "Chance to be candidates",
    ],
    of: (k, n) => `${k} of ${n}`,
    shared: (k, a, b) => `${a} and ${b}, ${k} in common`,
    numbers: "The numbers",
  },
  es: {
    one: "Un texto",
    other: "Otro texto",
    words: "Palabras de una tira",
    hashes: "Hashes",
    rows: "Números de una banda",
    picture: (equal, n) =>
      `Hay ${equal} celdas rellenas de ${n}. Debajo, la probabilidad de ser candidatos según la similitud; la tabla da los números.`,
    axis: ["similitud", "probabilidad de ser candidatos"],
    said: (similarity, estimate, found) =>
      `J vale ${similarity}; la estimación, ${estimate}. ${found ? "Una banda entera es igual: los dos son candidatos." : "Ninguna banda es igual entera: nadie los compara."}`,
    caption: "Los dos textos",
    columns: ["De los dos textos", "Valor"],
    values: [
      "Tiras",
      "Similitud de Jaccard",
      "Estimación",
      "Error estándar",
      "Números iguales",
      "Bandas",
      "Probabilidad de ser candidatos",
    ],
    of: (k, n) => `${k} de ${n}`,
    shared: (k, a, b) => `${a} y ${b}, ${k} en común`,
    numbers: "Los números",
  },
};

const MOST = 300;
const HASHES = [16, 32, 64];
const ROWS = [1, 2, 4, 8];
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’·-][\p{L}\p{M}\p{N}]+)*/gu;

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let code = byte;
  for (let bit = 0; bit < 8; bit += 1) code = code & 1 ? (code >>> 1) ^ 0xedb88320 : code >>> 1;
  return code;
});

// The checksum that Python's `zlib.crc32` gives.
function crc32(text) {
  let code = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) code = (code >>> 8) ^ CRC[(code ^ byte) & 255];
  return (code ^ 0xffffffff) >>> 0;
}

function stir(number) {
  let x = number >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

// Factors and addends of so many orders, those of `hash_orders` with the seed 0.
const ORDERS = Array.from({ length: 64 }, (_, i) => {
  const drawn = [2 * i + 1, 2 * i + 2].map((k) => stir(Math.imul(k, 0x9e3779b9)));
  return [drawn[0] | 1, drawn[1]];
});

function shinglesOf(text, width) {
  const words = text.toLowerCase().match(WORD) ?? [];
  if (words.length <= width) return new Set(words.length ? [words.join(" ")] : []);
  return new Set(words.slice(width - 1).map((_, i) => words.slice(i, i + width).join(" ")));
}

function signature(pieces, n) {
  const codes = [...pieces].map((piece) => stir(crc32(piece)));
  return ORDERS.slice(0, n).map(([a, b]) =>
    codes.reduce((least, code) => Math.min(least, (Math.imul(a, code) + b) >>> 0), 0xffffffff),
  );
}

const chanceOf = (similarity, bands, rows) => 1 - (1 - similarity ** rows) ** bands;

// All that the figure shows.
function compare({ one, other, words, hashes, rows }) {
  const [a, b] = [one, other].map((text) => shinglesOf(text, words));
  const shared = [...a].filter((piece) => b.has(piece)).length;
  const all = a.size + b.size - shared;
  const similarity = all ? shared / all : 1;
  const [first, second] = [a, b].map((pieces) => signature(pieces, hashes));
  const equal = first.map((number, i) => number === second[i]);
  const count = equal.filter(Boolean).length;
  const bands = hashes / rows;
  const whole = Array.from({ length: bands }, (_, k) =>
    equal.slice(k * rows, (k + 1) * rows).every(Boolean),
  );
  return {
    sizes: [a.size, b.size, shared],
    similarity,
    estimate: count / hashes,
    error: Math.sqrt((similarity * (1 - similarity)) / hashes),
    equal,
    count,
    bands,
    whole,
    chance: chanceOf(similarity, bands, rows),
  };
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const names = ["one", "other", "words", "hashes", "rows"];
  const state = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const change = (name) => (value) => {
    state[name] = value;
    show();
  };
  const boxes = ["one", "other"].map((name) => {
    const box = textBox(2, MOST, change(name));
    box.value = state[name];
    return labelled(say[name], box);
  });
  const words = slider(say.words, { min: 1, max: 5, step: 1 }, change("words"));
  const among = (name, sizes) =>
    slider(say[name], { min: 0, max: sizes.length - 1, step: 1 }, (place) =>
      change(name)(sizes[place]),
    );
  const [hashes, rows] = [among("hashes", HASHES), among("rows", ROWS)];
  const picture = shape("svg", { class: "live-minhash", viewBox: "0 0 340 216", role: "img" });
  const status = statusLine();
  const table = tableWith("live-signatures", say.caption, say.columns);

  // Sixteen cells a line, bands side by side: filled where the signatures are equal.
  function cells(found) {
    const cellAt = (i) => [10 + 20 * (i % 16), 4 + 16 * Math.floor(i / 16)];
    const drawn = found.equal.map((same, i) => {
      const [x, y] = cellAt(i);
      const kind = same ? "live-same" : "live-other";
      return shape("rect", { class: kind, x: x + 2, y: y + 2, width: 16, height: 11 });
    });
    const framed = found.whole.flatMap((whole, k) => {
      const [x, y] = cellAt(k * state.rows);
      const frame = { x: x + 0.5, y: y + 0.5, width: 20 * state.rows - 1, height: 14 };
      return shape("rect", { class: whole ? "live-whole" : "live-band", ...frame });
    });
    return [...drawn, ...framed];
  }

  // The curve of the bands, and where the two texts lie on it.
  function curve(found) {
    const at = (s, chance) => [34 + 292 * s, 178 - 84 * chance];
    const points = Array.from({ length: 61 }, (_, i) =>
      at(i / 60, chanceOf(i / 60, found.bands, state.rows)).join(" "),
    );
    const [x, y] = at(found.similarity, found.chance);
    const ticks = [0, 0.5, 1];
    return [
      shape("line", { class: "live-axis", x1: 34, x2: 326, y1: 178, y2: 178 }),
      shape("line", { class: "live-axis", x1: 34, x2: 34, y1: 94, y2: 178 }),
      ...ticks.map((s) => textAt(...at(s, -0.2), decimal(s, 1, language), "live-tick")),
      ...[0, 1].map((c) => textAt(18, at(0, c)[1] + 4, decimal(c, 1, language), "live-tick")),
      textAt(10, 86, say.axis[1]),
      textAt(180, 212, say.axis[0], "live-tick"),
      shape("path", { class: "live-curve", d: `M${points.join("L")}` }),
      shape("circle", { class: "live-here", cx: x, cy: y, r: 5 }),
    ];
  }

  function show() {
    const found = compare(state);
    picture.replaceChildren(...cells(found), ...curve(found));
    picture.setAttribute("aria-label", say.picture(found.count, state.hashes));
    const written = (number, digits = 2) => decimal(number, digits, language);
    const [sizeA, sizeB, shared] = found.sizes;
    const values = [
      say.shared(shared, sizeA, sizeB),
      written(found.similarity),
      written(found.estimate),
      written(found.error),
      say.of(found.count, state.hashes),
      `${found.bands} × ${state.rows}`,
      written(found.chance),
    ];
    fillTable(
      table,
      say.values.map((name, i) => rowOf({}, name, cell(values[i]))),
    );
    table.dataset.found = JSON.stringify(found);
    words.set(state.words, String(state.words));
    hashes.set(HASHES.indexOf(state.hashes), String(state.hashes));
    rows.set(ROWS.indexOf(state.rows), String(state.rows));
    const met = found.whole.some(Boolean);
    status.textContent = say.said(written(found.similarity), written(found.estimate), met);
  }

  el.replaceChildren(
    formOf(
      language,
      picture,
      ...boxes,
      words.box,
      hashes.box,
      rows.box,
      status,
      folded(say.numbers, scrolling(say.caption, table)),
    ),
  );
  show();
}

const render = renderer(["one", "other", "words", "hashes", "rows", "language"], draw);

export default { render };
