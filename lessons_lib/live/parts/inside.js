// What is seen inside a model at one position: all heads, one head calculated, the stream, the cache, and
// the next token. Each part is made with its words, and has an element and a function that draws.

import { largest, roving, set } from "./story.js";

// All heads as boxes: how much they look at most, and at what. `choose` gets the number of one.
function headsPart(say, two, choose) {
  const box = element("div", { class: "look-heads", role: "group", "aria-label": say.heads });
  let [boxes, across] = [[], 1];
  const stopAt = roving(box, () => across);

  function make(nLayers, nHeads) {
    across = nHeads;
    boxes = Array.from({ length: nLayers * nHeads }, (_, i) =>
      element(
        "button",
        { type: "button", onclick: () => choose(i) },
        element("i"),
        element("b"),
      ),
    );
    box.style.setProperty("--heads", nHeads);
    const rows = Array.from({ length: nLayers }, (_, i) => [
      element("span", {}, say.layer(i + 1)),
      ...boxes.slice(i * nHeads, (i + 1) * nHeads),
    ]);
    box.replaceChildren(...rows.flat());
  }

  function draw({ weightsOf, tokenAt, chosen, off }) {
    boxes.forEach((one, i) => {
      const weights = weightsOf(i);
      const best = largest(weights);
      const weight = two(weights[best]);
      const label = say.head(Math.floor(i / across) + 1, (i % across) + 1, tokenAt(best), weight);
      set(one, {
        class: off[i] ? "look-head look-off" : "look-head",
        "aria-pressed": i === chosen,
        "aria-label": off[i] ? `${label}, ${say.isOff}` : label,
      });
      set(one.firstChild, { style: `height:${Math.round(100 * weights[best])}%` });
      set(one.lastChild, { text: tokenAt(best).trim() });
    });
    stopAt(boxes[chosen]);
  }

  return { box, make, draw };
}

// What the stream says after each block.
function streamPart(say, two) {
  const box = element("div", { class: "look-tower" });

  function draw({ guesses, tokenName }) {
    const rows = guesses.map((found, i) => {
      const name = i ? say.after(i) : say.alone;
      const texts = found.map(([token, prob]) => [`${tokenName(token)} ${two(prob)}`, prob]);
      const label = `${name}: ${texts.map(([text]) => text).join(", ")}`;
      const parts = texts
        .filter(([, prob]) => prob >= 0.02)
        .map(([text, prob]) => element("span", { style: `width:${100 * prob}%` }, text));
      return [
        element("span", { "aria-hidden": "true" }, name),
        element("div", { class: "look-guesses", role: "img", "aria-label": label }, ...parts),
      ];
    });
    box.replaceChildren(...rows.reverse().flat());
  }

  return { box, draw };
}

// Numbers as bars up and down from a line, in a box of a drawing: one path, for there are hundreds.
function skyline(numbers, { x, y, width, height, most, kind }) {
  const wide = width / numbers.length;
  const middle = y + height / 2;
  const gap = Math.min(1, wide / 8);
  const bars = Array.from(numbers, (number, i) => {
    const tall = most ? (number / most) * (height / 2) : 0;
    return `M${x + i * wide + gap},${middle}v${-tall}h${wide - 2 * gap}v${tall}z`;
  });
  const line = { x1: x, x2: x + width, y1: middle, y2: middle };
  return [
    shape("line", { ...line, class: "live-axis" }),
    shape("path", { d: bars.join(""), class: kind }),
  ];
}

const [ROW, TOP] = [58, 62]; // heights: of a key with its value, and above the first

// One head from its query to what it passes on.
function zoomPart(say, two) {
  const name = element("p", { class: "look-name" });
  let state = null;
  const picture = drawing("look-zoom", (width, put) => {
    if (!state) return 0; // its turn to draw comes
    const { zoom, weights, tokenAt, position } = state;
    const { q, rows, mixed } = zoom;
    const wide = (width - 12) / 2;
    const right = wide + 12;
    const most = (...all) => Math.max(...all.flatMap((numbers) => Array.from(numbers, Math.abs)));
    const [mostK, mostV] = [most(q, ...rows.map(({ k }) => k)), most(...rows.map(({ v }) => v))];
    const bars = (numbers, x, y, kind, most) =>
      skyline(numbers, { x, y, width: wide, height: 22, most, kind });
    const short = (i) => cut(tokenAt(i).trim(), 12);
    put(
      textAt(0, 14, say.query(short(position)), "live-strong live-q"),
      bars(q, 0, 20, "live-q", mostK),
      textAt(right, 14, say.mixed, "live-strong live-v"),
      bars(mixed, right, 20, "live-v", mostV),
    );
    rows.forEach(({ place, k, v }, i) => {
      const y = TOP + ROW * i;
      const product = q.reduce((sum, one, j) => sum + one * k[j], 0);
      const score = say.score(two(product), q.length, two(product / Math.sqrt(q.length)));
      const share = { x: right, y: y + 31, width: wide * weights[place], height: 6 };
      put(
        textAt(0, y, say.key(short(place)), "live-strong live-k"),
        bars(k, 0, y + 4, "live-k", mostK),
        textAt(0, y + 40, score, "live-qk"),
        textAt(right, y, say.value(two(weights[place])), "live-strong live-v"),
        bars(v, right, y + 4, "live-v", mostV),
        shape("rect", { class: "look-share", ...share }),
      );
    });
    return TOP + ROW * rows.length;
  });

  function draw(next) {
    state = next;
    const { zoom, weights, tokenAt } = state;
    set(name, { text: say.zoom(state.layer + 1, state.head + 1) });
    const looks = zoom.rows.map(({ place }) => `${tokenAt(place).trim()} ${two(weights[place])}`);
    picture.label(`${name.textContent}: ${looks.join(", ")}`);
    picture.show();
  }

  return { box: element("div", {}, name, picture.svg), draw };
}

const SHELF = 58; // the height of one
const LEAST_COLUMNS = 40;
const SHADES = 16;

// The cache: on each layer's shelf a key and a value of each token, darker where more is read now.
function shelvesPart(say, two, language) {
  const words = element("p", { class: "live-legend" });
  let state = null;
  const picture = drawing("look-shelves", (width, put) => {
    if (!state) return 0; // its turn to draw comes
    const { nLayers, nHeads, position, weightsOf, n } = state;
    const wide = width / Math.max(n, LEAST_COLUMNS);
    for (let i = 0; i < nLayers; i++) {
      const heads = Array.from({ length: nHeads }, (_, j) => weightsOf(i * nHeads + j));
      const y = 16 + SHELF * i;
      put(
        textAt(0, y - 4, say.layer(i + 1)),
        shape("line", { class: "live-axis", x1: 0, x2: width, y1: y + 37, y2: y + 37 }),
      );
      // Spines of one shade are one path: thousands of elements would take long to draw.
      const shades = Array.from({ length: SHADES + 1 }, () => ["", ""]);
      const spine = `h${Math.max(wide - 1, 0.5)}v17h${-Math.max(wide - 1, 0.5)}z`;
      for (let s = 0; s <= position; s++) {
        const read = heads.reduce((sum, weights) => sum + weights[s], 0) / nHeads;
        const own = shades[Math.round(SHADES * Math.min(1, 3 * read))];
        own[0] += `M${s * wide},${y}${spine}`;
        own[1] += `M${s * wide},${y + 18}${spine}`;
      }
      for (const [shade, [keys, values]] of shades.entries()) {
        const opacity = 0.2 + (0.8 * shade) / SHADES;
        if (!keys) continue;
        put(
          shape("path", { class: "live-k", d: keys, opacity }),
          shape("path", { class: "live-v", d: values, opacity }),
        );
      }
      const newest = { x: position * wide, y: y - 1, width: wide, height: 37 };
      put(shape("rect", { class: "look-newest", ...newest }));
    }
    return SHELF * nLayers;
  });

  function draw(next) {
    state = next;
    const { nLayers, nKvHeads, dHead, position } = state;
    const numbers = 2 * nLayers * nKvHeads * dHead * (position + 1);
    const shown = [position + 1, numbers].map((one) => plain(one, language));
    set(words, { text: say.shelf(...shown, two((4 * numbers) / 1e6)) });
    picture.label(words.textContent);
    picture.show();
  }

  return { box: element("div", {}, picture.svg, words), draw };
}

const MOST_BARS = 10;
const STAIRS = 72; // CSS pixels: the height of probability 1

// The most probable next tokens as a staircase; `take` gets the id of one that is tapped.
function stairsPart(say, two, take) {
  const box = element("div", { class: "look-stairs", role: "group", "aria-label": say.next });
  const stopAt = roving(box);
  const bars = Array.from({ length: MOST_BARS }, (_, i) =>
    element(
      "button",
      { type: "button", onclick: () => bars[i].dataset.id && take(Number(bars[i].dataset.id)) },
      element("small"),
      element("i"),
      element("b"),
    ),
  );
  box.append(...bars);

  // `next` holds tokens, their probabilities, and those after the cuts; `floor` is what min-p asks for.
  function draw({ next, floor, tokenName }) {
    bars.forEach((bar, i) => {
      const [token, own, kept] = next[i] ?? ["", 0, 0];
      const height = kept || own;
      const words = say.bar(tokenName(token), two(height));
      set(bar, {
        class: kept ? "look-stair" : "look-stair look-cut",
        title: kept ? words : `${words}, ${say.cut}`,
        "data-id": typeof token === "number" ? token : "",
      });
      set(bar.children[0], { text: kept ? two(kept) : "–" });
      set(bar.children[1], { style: `height:${Math.round(STAIRS * height)}px` });
      set(bar.children[2], { text: tokenName(token) });
    });
    set(box, {
      class: floor ? "look-stairs look-floor" : "look-stairs",
      style: `--floor:${Math.round(STAIRS * floor)}px`,
    });
    stopAt(bars[0]);
  }

  return { box, draw };
}

export { headsPart, shelvesPart, stairsPart, streamPart, zoomPart };
