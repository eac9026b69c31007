// The rotary clock. It turns as `lessons_lib.llama.rotate_half` does.

const STRINGS = {
  en: {
    m: "Position m of the query",
    n: "Position n of the key",
    both: "Move both one place on",
    pair: "Pair in the frame",
    pairName: (i, speed) => `pair ${i}: ${speed} radians per position`,
    base: "Base of the speeds",
    clock: (q, k) => `Clock: the query's hand at ${q} degrees, the key's at ${k} degrees`,
    legend:
      "Drag a hand: query solid, key dashed; thin: both at position 0. Or drag the dot along the curve.",
    product: "product",
    distance: "distance n − m",
    slow: (i) => `pair ${i}`,
    numbers: "In numbers",
    same: (d, product) =>
      `n − m = ${d}: the product of all pairs is ${product}. It depends on n − m only.`,
    caption: "All pairs",
    columns: ["Pair", "Speed", "m × speed", "n × speed", "Product"],
    sum: "all",
  },
  es: {
    m: "Posición m de la consulta",
    n: "Posición n de la clave",
    both: "Avanzar las dos un lugar",
    pair: "Par enmarcado",
    pairName: (i, speed) => `par ${i}: ${speed} radianes por posición`,
    base: "Base de las velocidades",
    clock: (q, k) =>
      `Reloj: la manecilla de la consulta a ${q} grados, la de la clave a ${k} grados`,
    legend:
      "Arrastra una manecilla: consulta continua, clave a trazos; finas: en la posición 0. O el punto por la curva.",
    product: "producto",
    distance: "distancia n − m",
    slow: (i) => `par ${i}`,
    numbers: "En números",
    same: (d, product) =>
      `n − m = ${d}: el producto de todos los pares es ${product}. Solo depende de n − m.`,
    caption: "Todos los pares",
    columns: ["Par", "Velocidad", "m × velocidad", "n × velocidad", "Producto"],
    sum: "todos",
  },
};

const LAST = 63;
const RADIUS = 100; // of a clock, in its own units
const CURVE = 104; // how high the curve is drawn

// By how many radians per position each of the K / 2 pairs turns.
const rotationSpeeds = (width, base) =>
  Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));

// Turn the pairs (0, K / 2), (1, K / 2 + 1), ... of x by the angles.
function rotateHalf(x, angles) {
  const half = angles.length;
  const first = angles.map((a, i) => x[i] * Math.cos(a) - x[half + i] * Math.sin(a));
  const second = angles.map((a, i) => x[i] * Math.sin(a) + x[half + i] * Math.cos(a));
  return [...first, ...second];
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const [q, k] = [model.get("q"), model.get("k")];
  const half = q.length / 2;
  let [m, n, pair] = [model.get("m"), model.get("n"), 0];
  let base = model.get("base");

  const positions = { min: 0, max: LAST, step: 1 };
  const query = slider(say.m, positions, (value) => {
    m = value;
    show();
  });
  const key = slider(say.n, positions, (value) => {
    n = value;
    show();
  });
  // the slider holds the base's logarithm: one step is a tenth of a factor of ten
  const speed = slider(say.base, { min: 0.3, max: 7, step: 0.1 }, (value) => {
    base = Number((10 ** value).toPrecision(3));
    show();
  });
  const both = button(say.both, () => {
    [m, n] = [m + 1, n + 1];
    show();
  });
  const select = selectOf(Array(half).fill(""), (i) => {
    pair = i;
    show();
  });
  const status = statusLine();
  const table = tableWith("live-turns", say.caption, say.columns);
  const three = (number) => decimal(number, 3, language);

  const at = (x, i) => [x[i], x[half + i]];
  const degrees = ([a, b]) => (Math.round((Math.atan2(b, a) * 180) / Math.PI) + 360) % 360;
  let speeds = [];
  let turned = { q, k };
  let middles = []; // of the clocks in the drawing
  let distanceAt = (x) => x; // of a place of the curve

  // The product of one pair, turned by n - m.
  function productAt(i, distance) {
    const [a, b] = [Math.cos(distance * speeds[i]), Math.sin(distance * speeds[i])];
    const [[q1, q2], [k1, k2]] = [at(q, i), at(k, i)];
    return a * (q1 * k1 + q2 * k2) + b * (q2 * k1 - q1 * k2);
  }

  function clocks(width, put) {
    const columns = Math.min(half, Math.max(2, Math.floor(width / 78)));
    const side = Math.min(width / columns, 150);
    const radius = side / 2 - 6;
    const left = (width - columns * side) / 2;
    middles = speeds.map((_, i) => [
      left + ((i % columns) + 0.5) * side,
      Math.floor(i / columns) * (side + 18) + side / 2,
    ]);
    middles.forEach(([x, y], i) => {
      const hands = [q, k, turned.q, turned.k].map((one) => at(one, i));
      const longest = Math.max(...hands.map(([a, b]) => Math.hypot(a, b)), 1e-9);
      const hand = ([a, b], kind) =>
        shape("line", {
          ...{ x1: 0, y1: 0, x2: (RADIUS * a) / longest, y2: (-RADIUS * b) / longest },
          class: kind,
        });
      const kind = i === pair ? "live-clock live-chosen" : "live-clock";
      const place = `translate(${x} ${y}) scale(${radius / RADIUS})`;
      put(
        shape(
          "g",
          { class: kind, "data-pair": i, transform: place },
          shape("circle", { r: RADIUS + 4, "data-pair": i }),
          hand(hands[0], "live-start"),
          hand(hands[1], "live-start live-key"),
          hand(hands[2], "live-hand"),
          hand(hands[3], "live-hand live-key"),
        ),
        textAt(x, y + side / 2 + 10, say.slow(i), "live-small live-middle"),
      );
    });
    return Math.max(...middles.map(([, y]) => y)) + side / 2 + 18;
  }

  // The product against the distance, which is all that it depends on; the chosen pair's part is faint.
  function curve(top, width, product, put) {
    const places = Array.from({ length: 4 * LAST + 1 }, (_, i) => i / 2 - LAST);
    const whole = places.map((d) => speeds.reduce((sum, _, i) => sum + productAt(i, d), 0));
    const part = places.map((d) => productAt(pair, d));
    const [low, high] = [Math.min, Math.max].map((end) => end(...whole, ...part, 0));
    const down = (value) => top + 18 + (CURVE - 18) * ((high - value) / (high - low || 1));
    const across = (distance) => width * (0.5 + (0.49 * distance) / LAST);
    distanceAt = (x) => ((x / width - 0.5) * LAST) / 0.49;
    const line = (values, kind) =>
      shape("polyline", {
        class: kind,
        points: values.map((value, i) => `${across(places[i])},${down(value)}`).join(" "),
      });
    const [x, y] = [across(n - m), down(product)];
    const number = "live-strong live-middle";
    put(
      shape("line", { class: "live-axis", x1: 0, x2: width, y1: down(0), y2: down(0) }),
      line(part, "live-faint"),
      line(whole, "live-curve"),
      textAt(0, top + 11, say.product, "live-small"),
      textAt(width, top + CURVE + 14, say.distance, "live-small live-end"),
      shape("circle", { class: "live-dot", cx: x, cy: y, r: 6 }),
      textAt(Math.max(24, Math.min(width - 24, x)), y - 10, three(product), number),
      shape("rect", { class: "live-handle", x: x - 22, y: top, width: 44, height: CURVE + 4 }),
    );
    return top + CURVE + 20;
  }

  let product = 0;
  const picture = drawing("live-clocks", (width, put) =>
    curve(clocks(width, put) + 4, width, product, put),
  );

  const inside = (place) => Math.max(0, Math.min(LAST, Math.round(place)));
  const turnOf = ([x, y], [a, b]) => Math.atan2(b - y, x - a);
  const apart = (a, b) => Math.atan2(Math.sin(a - b), Math.cos(a - b));
  let drag = {};
  dragging(
    picture.svg,
    (target, place) => {
      if (target.classList.contains("live-handle")) {
        drag = { curve: true };
        return true;
      }
      if (target.dataset.pair === undefined) return false;
      pair = Number(target.dataset.pair);
      const angle = turnOf(place, middles[pair]);
      const [own, other] = [turned.q, turned.k].map((one) => {
        const [a, b] = at(one, pair);
        return Math.abs(apart(angle, Math.atan2(b, a)));
      });
      drag = { query: own <= other, angle, place: own <= other ? m : n };
      show();
      return true;
    },
    (place) => {
      if (drag.curve) moveTo(Math.round(distanceAt(place[0])));
      else turnTo(turnOf(place, middles[pair]));
    },
  );

  // The distance n - m is wanted: the key moves, and the query where the key cannot.
  function moveTo(distance) {
    const wanted = Math.max(-LAST, Math.min(LAST, distance));
    n = inside(m + wanted);
    m = n - wanted;
    show();
  }

  // A hand is dragged to an angle: by whole positions, each a turn by the pair's speed.
  function turnTo(angle) {
    drag.place += apart(angle, drag.angle) / speeds[pair];
    drag.angle = angle;
    if (drag.query) m = inside(drag.place);
    else n = inside(drag.place);
    show();
  }

  const show = onceAFrame(() => {
    speeds = rotationSpeeds(q.length, base);
    const [mAngles, nAngles] = [m, n].map((place) => speeds.map((speed) => place * speed));
    turned = { q: rotateHalf(q, mAngles), k: rotateHalf(k, nAngles) };
    const products = speeds.map(
      (_, i) => turned.q[i] * turned.k[i] + turned.q[half + i] * turned.k[half + i],
    );
    product = products.reduce((sum, one) => sum + one, 0);
    picture.show();
    picture.label(say.clock(degrees(at(turned.q, pair)), degrees(at(turned.k, pair))));

    fillTable(table, [
      ...speeds.map((one, i) =>
        rowOf(
          i === pair ? { class: "live-chosen" } : {},
          String(i),
          ...[one, mAngles[i], nAngles[i], products[i]].map((number) => cell(three(number))),
        ),
      ),
      rowOf({}, say.sum, ...["", "", "", three(product)].map((text) => cell(text))),
    ]);
    table.dataset.numbers = JSON.stringify({ m, n, base, pair, speeds, ...turned, product });
    speeds.forEach((one, i) => (select.options[i].textContent = say.pairName(i, three(one))));
    query.set(m, String(m));
    key.set(n, String(n));
    speed.set(Math.log10(base), plain(base, language));
    both.setAttribute("aria-disabled", Math.max(m, n) === LAST);
    select.selectedIndex = pair;
    status.textContent = say.same(plain(n - m, language), three(product));
  });

  const row = (...boxes) => element("div", { class: "live-row" }, ...boxes);
  el.replaceChildren(
    formOf(
      language,
      picture.svg,
      element("p", { class: "live-legend" }, say.legend),
      row(query.box, key.box),
      element("div", { class: "live-buttons" }, both),
      row(labelled(say.pair, select, "live-stack live-wide"), speed.box),
      status,
      folded(say.numbers, scrolling(say.caption, table)),
    ),
  );
  show();
}

const render = renderer(["q", "k", "m", "n", "base", "language"], draw);

export default { render };
