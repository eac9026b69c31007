// Choosing the next token: what `token_probs` and `pick_token` of `lessons_lib.generation` do, and the
// random numbers of `lessons_lib.intro.random_bits`.

// The largest score is subtracted first, so that no exponential overflows.
function softmax(scores) {
  const largest = scores.reduce((a, b) => Math.max(a, b));
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const total = exponentials.reduce((sum, one) => sum + one, 0);
  return exponentials.map((one) => one / total);
}

// Tommy Ettinger's mulberry32 (public domain): 32 random bits at each call.
function randomBits(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

// Where the largest logit stands, of equals the first. A calculation that leaves the range of numbers
// gives logits among which there is none.
function largestAt(logits) {
  let best = 0;
  for (let i = 1; i < logits.length && !Number.isNaN(logits[best]); i++) {
    if (!(logits[i] <= logits[best])) best = i;
  }
  if (Number.isFinite(logits[best])) return best;
  const error = new Error(`expected logits with a finite largest one, got ${logits[best]}`);
  error.reason = "overflow";
  throw error;
}

// --- Which tokens are left; the others get -Infinity

const NEARLY = 1 - 1e-12; // what rounding may take from a probability
const forbid = (logits, keep) => logits.map((logit, i) => (keep(i) ? logit : -Infinity));

function topK(logits, k) {
  if (k >= logits.length) return logits;
  const least = Float64Array.from(logits).sort().at(-k);
  return forbid(logits, (i) => logits[i] >= least);
}

function topP(logits, p) {
  if (p === 1) return logits;
  const probs = softmax(logits);
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  const kept = new Set();
  let before = 0; // what the more probable ones add up to
  for (const i of order) {
    if (before >= p * NEARLY) break;
    kept.add(i);
    before += probs[i];
  }
  return forbid(logits, (i) => kept.has(i));
}

function minP(logits, p) {
  if (p === 0) return logits;
  const probs = softmax(logits);
  const least = p * NEARLY * probs.reduce((a, b) => Math.max(a, b));
  return forbid(logits, (i) => probs[i] >= least);
}

// Probabilities (V), in 64 bits, of the next token; the settings in the order of `filter_logits`.
function tokenProbs(logits, { temperature = 1, ...keep }) {
  const heated = Float64Array.from(logits, (logit) => logit / (temperature || 1));
  const best = largestAt(heated);
  if (temperature === 0) return heated.map((_, id) => Number(id === best));
  return softmax(minP(topP(topK(heated, keep.topK ?? Infinity), keep.topP ?? 1), keep.minP ?? 0));
}

// The probabilities lie end to end on a line; a random place on it falls on a token.
function draw(probs, bits) {
  let place = bits() / 2 ** 32;
  const last = probs.findLastIndex((one) => one > 0); // should the sum fall short of 1
  const found = probs.findIndex((one) => (place -= one) < 0);
  return found < 0 ? last : found;
}

function pickToken(logits, settings, bits) {
  if (settings.temperature === 0) return largestAt(logits);
  return draw(tokenProbs(logits, settings), bits);
}

// The ids of the `n` largest probabilities, the largest first.
function mostProbable(probs, n) {
  const best = [];
  probs.forEach((prob, id) => {
    if (best.length === n && prob <= probs[best[n - 1]]) return;
    const place = best.findIndex((other) => prob > probs[other]);
    best.splice(place < 0 ? best.length : place, 0, id);
    best.length = Math.min(best.length, n);
  });
  return best;
}

export { draw, largestAt, mostProbable, pickToken, randomBits, softmax, tokenProbs };
