// --- What a reader types

const SPACES = /[\s\u00a0\u2009\u202f_']/g;
const NUMBER = /^([+-]?)(\d[\d.,]*|[.,]\d+)(?:e([+-]?\d+))?[^\d.,]*$/i;

// The numbers that a text may stand for. Decimals stand behind a point or a comma, whatever the language;
// so 1,234 and 1.234 may each be two numbers. A unit behind the number is left out.
function numbersIn(text) {
  const found = NUMBER.exec(text.replace(SPACES, "").replace(/[−–]/g, "-"));
  if (!found) return [];
  const [, sign, digits, power = "0"] = found;
  const readings = [];
  for (const [point, gap] of [[".", ","], [",", "."]]) {
    const [whole, rest = "", more] = digits.split(point);
    const parts = whole.split(gap);
    const groups = parts.length === 1 || (parts[0] && parts.slice(1).every((part) => part.length === 3));
    if (more !== undefined || rest.includes(gap) || !groups) continue;
    readings.push(Number(`${sign}${parts.join("")}.${rest}e${power}`));
  }
  return [...new Set(readings.filter(Number.isFinite))];
}

// Whether one of the readings is a number, as exactly as it was asked for.
const isNumber = (readings, value, tolerance) =>
  readings.some((one) => Math.abs(one - value) <= tolerance + 1e-12 * Math.max(1, Math.abs(value)));

// The shape that a text stands for, in any of the ways in which shapes are written; else null.
function shapeIn(text) {
  const inside = text.replace(/^\s*(?:torch\.)?size\b/i, "").replace(/[()[\]]/g, " ").trim();
  if (!/^\d+(?:\s*[,;x×*\s]\s*\d+)*\s*,?$/i.test(inside)) return null;
  return inside.match(/\d+/g).map(Number);
}

const isShape = (shape, other) => shape.length === other.length && shape.every((n, i) => n === other[i]);

// What an answer to a question with numbers is worth: null if it cannot be read, else whether it is
// right, and the reason for a wrong one that is known.
function judged(kind, { answer, tolerance, wrong }, text) {
  const read = kind === "shape" ? shapeIn(text) : numbersIn(text);
  if (!read?.length) return null;
  // A wrong result that is no whole number stands there with two decimals.
  const near = (value) => tolerance || (Number.isInteger(value) ? 0 : 0.005);
  const is = kind === "shape" ? (value) => isShape(read, value) : (value) => isNumber(read, value, near(value));
  if (kind === "shape" ? is(answer) : isNumber(read, answer, tolerance)) return { right: true };
  return { right: false, reason: wrong.find(([value]) => is(value))?.[1] ?? "" };
}
