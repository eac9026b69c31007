// The quantizer. Its bytes are those of `lessons_lib.quantization.quantize`, its numbers those of
// `lessons_lib.quantization.dequantize`, and as there each step is rounded to 32 bits.

import { FORMATS, quantizeBlock } from "./engine/quantization.js";

const STRINGS = {
  en: {
    type: "Format",
    outlier: "Outlier: the first weight, multiplied by",
    picture: (type) => `32 weights and where they land in ${type}; the table below has the numbers.`,
    legend:
      "Rings: the weights, the first one at the left. Thick bars: where they land. Long solid " +
      "line: zero. Dotted lines: all levels, but for the 255 of Q8_0, too close together to draw.",
    d: "Scale d",
    m: "Minimum m",
    bits: "Bits per weight",
    rmse: "Root mean square error",
    decoded: "Decoded as",
    share: (type, used, count, rmse) =>
      `${type}: the 31 other weights share ${used} of ${count} levels. ` +
      `Root mean square error: ${rmse}.`,
    block: (size) => `The block as stored: ${size} bytes`,
    fields: ["Field", "What it holds", "Bytes"],
    scaleBits: "scale, 16 bits",
    lowBits: "minimum, 16 bits",
    levelBits: (bits) => `${bits} ${bits === 1 ? "bit" : "bits"} of each level`,
    caption: "Weight by weight",
    rows: ["Index", "Weight", "Level q", "Decoded", "Difference"],
  },
  es: {
    type: "Formato",
    outlier: "Valor atípico: el primer peso, multiplicado por",
    picture: (type) => `32 pesos y dónde caen en ${type}; la tabla de abajo da los números.`,
    legend:
      "Anillos: los pesos, el primero a la izquierda. Barras gruesas: dónde caen. Línea larga " +
      "continua: cero. Líneas de puntos: todos los niveles, salvo los 255 de Q8_0, demasiado " +
      "juntos para dibujarlos.",
    d: "Escala d",
    m: "Mínimo m",
    bits: "Bits por peso",
    rmse: "Raíz del error cuadrático medio",
    decoded: "Se decodifica como",
    share: (type, used, count, rmse) =>
      `${type}: los otros 31 pesos se reparten ${used} de ${count} niveles. ` +
      `Raíz del error cuadrático medio: ${rmse}.`,
    block: (size) => `El bloque tal como se guarda: ${size} bytes`,
    fields: ["Campo", "Qué contiene", "Bytes"],
    scaleBits: "escala, 16 bits",
    lowBits: "mínimo, 16 bits",
    levelBits: (bits) => `${bits} ${bits === 1 ? "bit" : "bits"} de cada nivel`,
    caption: "Peso a peso",
    rows: ["Índice", "Peso", "Nivel q", "Decodificado", "Diferencia"],
  },
};

const FORMULAS = { Q8_0: "d q", Q5_0: "d (q − 16)", Q4_1: "d q + m", Q4_0: "d (q − 8)" };

function rmse(a, b) {
  return Math.sqrt(a.reduce((sum, one, i) => sum + (one - b[i]) ** 2, 0) / a.length);
}

// --- The figure

const MOST = 20;
const DRAWN = 32; // levels that a picture has room for
const COLUMN = 10; // of the picture's units for a weight
const [HEIGHT, EDGE] = [200, 8];

const hex = (bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const weights = model.get("weights").map((one) => Math.fround(one));
  let type = model.get("type");
  let outlier = model.get("outlier");

  // four digits that count
  const short = (number) => plain(Number(number.toPrecision(4)), language);

  const names = Object.keys(FORMATS).map((name) => [name, name]);
  const formats = choice(say.type, "type", names, type, (name) => {
    type = name;
    show();
  });
  const factor = slider(say.outlier, { min: 1, max: MOST, step: 1 }, (value) => {
    outlier = value;
    show();
  });
  const ends = [element("span"), element("span")];
  const picture = shape("svg", { viewBox: `0 0 ${33 * COLUMN} ${HEIGHT}`, role: "img" });
  const status = statusLine();
  const readouts = element("dl");
  const stored = tableWith("live-bytes", "", say.fields);
  const columns = [say.rows[0], ...weights.keys()].map(String);
  const table = tableWith("live-numbers", say.caption, columns);

  function show() {
    const { first, count, fields } = FORMATS[type];
    const x = [Math.fround(weights[0] * outlier), ...weights.slice(1)];
    const { d, m, levels, bytes, value } = quantizeBlock(x, type);
    const decoded = levels.map(value);
    const error = rmse(x, decoded);

    const lines = Array.from({ length: count }, (_, i) => value(first + i));
    const top = Math.max(...x, ...lines, 0);
    const bottom = Math.min(...x, ...lines, 0);
    const y = (number) =>
      EDGE + ((top - number) / (top - bottom || 1)) * (HEIGHT - 2 * EDGE);
    const across = (number, kind) =>
      shape("line", { class: kind, x1: 0, x2: 33 * COLUMN, y1: y(number), y2: y(number) });
    picture.replaceChildren(
      ...(count > DRAWN ? [] : lines).map((number) => across(number, "live-level")),
      across(0, "live-zero"),
      ...x.flatMap((one, i) => {
        const [cx, from, to] = [COLUMN * (i + 1), y(one), y(decoded[i])];
        return [
          shape("line", { class: "live-off", x1: cx, x2: cx, y1: from, y2: to }),
          shape("circle", { cx, cy: from, r: 3 }),
          shape("line", { class: "live-landed", x1: cx - 4, x2: cx + 4, y1: to, y2: to }),
        ];
      }),
    );
    picture.setAttribute("aria-label", say.picture(type));
    ends[0].textContent = short(top);
    ends[1].textContent = short(bottom);

    const size = bytes.flat().length;
    readouts.replaceChildren(
      ...facts([
        [say.decoded, FORMULAS[type]],
        [say.d, short(d)],
        ...(fields.includes("m") ? [[say.m, short(m)]] : []),
        [say.bits, plain((8 * size) / 32, language)],
        [say.rmse, short(error)],
      ]),
    );
    const holds = {
      d: say.scaleBits,
      m: say.lowBits,
      qh: say.levelBits(1),
      qs: say.levelBits(type === "Q8_0" ? 8 : 4),
    };
    stored.caption.textContent = say.block(size);
    fillTable(
      stored,
      fields.map((name, i) => {
        const shown = element("span", { class: "live-ids" }, hex(bytes[i]));
        return rowOf({}, name, cell(holds[name]), cell(shown));
      }),
    );
    const differences = decoded.map((one, i) => one - x[i]);
    fillTable(
      table,
      [x, levels, decoded, differences].map((numbers, i) =>
        rowOf({}, say.rows[i + 1], ...numbers.map((number) => cell(short(number)))),
      ),
    );
    table.dataset.block = JSON.stringify({ type, outlier, x, d, m, levels, decoded, rmse: error });
    factor.set(outlier, String(outlier));
    const used = new Set(levels.slice(1)).size;
    status.textContent = say.share(type, used, count, short(error));
  }

  el.replaceChildren(
    formOf(
      language,
      formats,
      factor.box,
      element("div", { class: "live-landing" }, element("div", {}, ...ends), picture),
      element("p", { class: "live-legend" }, say.legend),
      status,
      readouts,
      stored,
      scrolling(say.caption, table),
    ),
  );
  show();
}

const render = renderer(["weights", "type", "outlier", "language"], draw);

export default { render };
