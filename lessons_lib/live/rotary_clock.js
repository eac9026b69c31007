// The rotary clock. It turns as `lessons_lib.llama.rotate_half` does.

const STRINGS = {
  en: {
    m: "Position m of the query",
    n: "Position n of the key",
    both: "Move both one place on",
    pair: "Pair shown on the clock",
    pairName: (i, speed) => `pair ${i}: ${speed} radians per position`,
    base: "Base of the speeds",
    clock: (q, k) => `Clock: the query's hand at ${q} degrees, the key's at ${k} degrees`,
    legend: "Thick: query (solid) and key (dashed), turned. Thin: both at position 0.",
    same: (d, product) =>
      `n − m = ${d}: the product of all pairs is ${product}. It depends on n − m only.`,
    caption: "All pairs",
    columns: ["Pair", "Speed", "m × speed", "n × speed", "Product"],
    sum: "all",
  },
  es: {
    m: "Posición m de la consulta",
    n: "Posición n de la clave",
    both: "Avanzar las dos un lugar",
    pair: "Par que muestra el reloj",
    pairName: (i, speed) => `par ${i}: ${speed} radianes por posición`,
    base: "Base de las velocidades",
    clock: (q, k) =>
      `Reloj: la manecilla de la consulta a ${q} grados, la de la clave a ${k} grados`,
    legend: "Gruesas: consulta (continua) y clave (a trazos), giradas. Finas: ambas en la posición 0.",
    same: (d, product) =>
      `n − m = ${d}: el producto de todos los pares es ${product}. Solo depende de n − m.`,
    caption: "Todos los pares",
    columns: ["Par", "Velocidad", "m × velocidad", "n × velocidad", "Producto"],
    sum: "todos",
  },
};

const LAST = 63;
const RADIUS = 100;

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
  const clock = shape("svg", { class: "live-clock", viewBox: "-125 -125 250 250", role: "img" });
  const status = statusLine();
  const table = tableWith("live-turns", say.caption, say.columns);
  const three = (number) => decimal(number, 3, language);

  function show() {
    const speeds = rotationSpeeds(q.length, base);
    const [mAngles, nAngles] = [m, n].map((place) => speeds.map((speed) => place * speed));
    const turned = { q: rotateHalf(q, mAngles), k: rotateHalf(k, nAngles) };
    const products = speeds.map(
      (_, i) => turned.q[i] * turned.k[i] + turned.q[half + i] * turned.k[half + i],
    );
    const product = products.reduce((sum, one) => sum + one, 0);

    const at = (x) => [x[pair], x[half + pair]];
    const hands = [q, k, turned.q, turned.k].map(at);
    const longest = Math.max(...hands.map(([a, b]) => Math.hypot(a, b)), 1e-9);
    const hand = ([a, b], kind, name) => {
      const [x, y] = [(RADIUS * a) / longest, (-RADIUS * b) / longest];
      const line = shape("line", { x1: 0, y1: 0, x2: x, y2: y, class: kind });
      const label = shape("text", { x: 1.14 * x, y: 1.14 * y }, name);
      return name ? [line, label] : [line];
    };
    clock.replaceChildren(
      shape("circle", { r: RADIUS }),
      ...hand(hands[0], "live-start", ""),
      ...hand(hands[1], "live-start live-key", ""),
      ...hand(hands[2], "live-hand", "q"),
      ...hand(hands[3], "live-hand live-key", "k"),
    );
    const degrees = ([a, b]) => ((Math.round((Math.atan2(b, a) * 180) / Math.PI) + 360) % 360);
    clock.setAttribute("aria-label", say.clock(degrees(hands[2]), degrees(hands[3])));

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
    status.textContent = say.same(plain(n - m, language), three(product));
  }

  el.replaceChildren(
    formOf(
      language,
      query.box,
      key.box,
      element("div", { class: "live-buttons" }, both),
      labelled(say.pair, select, "live-stack live-wide"),
      speed.box,
      clock,
      element("p", { class: "live-legend" }, say.legend),
      status,
      scrolling(say.caption, table),
    ),
  );
  show();
}

const render = renderer(["q", "k", "m", "n", "base", "language"], draw);

export default { render };
