// One head's query and the key that it looks at most, pair by pair, as the hands of clocks: each pair turns
// by its own speed, and the product is what the pairs give together.

import { set } from "./story.js";

const RADIUS = 50; // units of a drawing
const LEAST = 74; // CSS pixels for a clock with its words
const WORDS = 34; // below it

// How pairs of a head's numbers lie, and how fast they turn, in radians per position: neighbours in the
// files of llama, number i and i + K / 2 in those of qwen3.
function pairsOf({ arch, dHead, ropeBase }) {
  const half = dHead / 2;
  const places = (i) => (arch === "llama" ? [2 * i, 2 * i + 1] : [i, half + i]);
  return Array.from({ length: half }, (_, i) => ({
    places: places(i),
    speed: ropeBase ** (-i / half),
  }));
}

function turned([a, b], angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [a * cos - b * sin, a * sin + b * cos];
}

function clocksPart(say, two, whole) {
  const name = element("p", { class: "look-name" });
  const words = element("p", { class: "live-legend" });
  const sum = element("p");
  let state = null;
  let hands = []; // of each pair: its speed, query and key before the turn and after it, and the product

  const picture = drawing("live-clocks", (width, put) => {
    if (!state) return 0; // its turn to draw comes
    const columns = Math.min(hands.length, Math.max(2, Math.floor(width / LEAST)));
    const side = Math.min(width / columns, 110);
    const radius = side / 2 - 6;
    hands.forEach(({ speed, all, product }, i) => {
      const x = (i % columns) * side + side / 2;
      const y = Math.floor(i / columns) * (side + WORDS) + side / 2;
      const longest = Math.max(...all.map(([a, b]) => Math.hypot(a, b)), 1e-9);
      const kinds = ["live-start", "live-start live-key", "live-hand", "live-hand live-key"];
      const lines = all.map(([a, b], j) =>
        shape("line", {
          ...{ x1: 0, y1: 0, x2: (RADIUS * a) / longest, y2: (-RADIUS * b) / longest },
          class: kinds[j],
        }),
      );
      const place = `translate(${x} ${y}) scale(${radius / RADIUS})`;
      const turn = say.turn(whole(Math.round((2 * Math.PI) / speed)));
      put(
        shape(
          "g",
          { class: "live-clock look-clock", transform: place },
          shape("circle", { r: RADIUS + 4 }),
          ...lines,
        ),
        textAt(x, y + side / 2 + 10, two(product), "live-strong live-middle"),
        textAt(x, y + side / 2 + 24, turn, "live-small live-middle"),
      );
    });
    return Math.ceil(hands.length / columns) * (side + WORDS);
  });

  function draw(next) {
    state = next;
    const { zoom, position, tokenAt } = state;
    const { place, k } = zoom.rows[0];
    hands = pairsOf(state).map(({ places, speed }) => {
      const [q, key] = [zoom.q, k].map((numbers) => places.map((one) => numbers[one]));
      const before = [turned(q, -position * speed), turned(key, -place * speed)];
      return { speed, all: [...before, q, key], product: q[0] * key[0] + q[1] * key[1] };
    });
    set(name, { text: say.clocks(state.layer + 1, state.head + 1) });
    const [query, key] = [position, place].map((one) => tokenAt(one).trim());
    set(words, { text: say.hands(query, whole(position), key, whole(place)) });
    set(sum, { text: say.sum(two(hands.reduce((total, { product }) => total + product, 0))) });
    picture.label(`${name.textContent}: ${hands.map(({ product }) => two(product)).join(", ")}`);
    picture.show();
  }

  return { box: element("div", {}, name, picture.svg, sum, words), draw };
}

export { clocksPart };
