// What changes the numbers, given their slopes: `AdamW` and `Muon` of `lessons_lib.training`, without
// weight decay, and running averages of the weights. A parameter is { rows, columns, weights, gradient }.

import { multiply, transpose } from "./matrices.js";

const zeros = (parameter) => new Float32Array(parameter.weights.length);

class AdamW {
  constructor(parameters, beta1 = 0.9, beta2 = 0.95, eps = 1e-8) {
    Object.assign(this, { beta1, beta2, eps, steps: 0 });
    this.states = parameters.map((one) => ({ one, mean: zeros(one), square: zeros(one) }));
  }

  step(rate) {
    const { beta1, beta2, eps } = this;
    this.steps++;
    const full = 1 - beta1 ** this.steps; // the means began at 0
    const fullSquare = 1 - beta2 ** this.steps;
    for (const { one, mean, square } of this.states) {
      const { weights, gradient } = one;
      for (let i = 0; i < weights.length; i++) {
        const g = gradient[i];
        mean[i] = beta1 * mean[i] + (1 - beta1) * g;
        square[i] = beta2 * square[i] + (1 - beta2) * g * g;
        weights[i] -= (rate * (mean[i] / full)) / (Math.sqrt(square[i] / fullSquare) + eps);
      }
    }
  }
}

const ROUNDS = 5;
const [LINEAR, CUBIC, FIFTH] = [3.4445, -4.775, 2.0315];

class Muon {
  constructor(matrices, momentum = 0.95) {
    this.momentum = momentum;
    this.states = matrices.map((one) => {
      const small = Math.min(one.rows, one.columns);
      const [step, turned, next] = [zeros(one), zeros(one), zeros(one)];
      const squares = [new Float32Array(small ** 2), new Float32Array(small ** 2)];
      return { one, mean: zeros(one), step, turned, next, squares };
    });
  }

  step(rate) {
    const { momentum } = this;
    for (const state of this.states) {
      const { one, mean, step } = state;
      const { rows, columns, weights, gradient } = one;
      for (let i = 0; i < weights.length; i++) {
        mean[i] = momentum * mean[i] + (1 - momentum) * gradient[i];
        step[i] = (1 - momentum) * gradient[i] + momentum * mean[i]; // Nesterov's look ahead
      }
      orthogonalise(state);
      const length = rate * Math.sqrt(Math.max(1, rows / columns));
      for (let i = 0; i < weights.length; i++) weights[i] -= length * step[i];
    }
  }
}

// Bring the singular values of `step` near 1: the rounds of `lessons_lib.training.orthogonalise`.
function orthogonalise({ one, step, turned, next, squares }) {
  const { rows, columns } = one;
  const small = Math.min(rows, columns); // the product with itself is the smaller one
  const large = Math.max(rows, columns);
  const [a, aa] = squares;
  if (rows > columns) {
    transpose(step, turned, rows, columns);
    step.set(turned);
  }
  let total = 0;
  for (let i = 0; i < step.length; i++) total += step[i] ** 2;
  const length = Math.max(Math.sqrt(total), 1e-7);
  for (let i = 0; i < step.length; i++) step[i] /= length;
  for (let round = 0; round < ROUNDS; round++) {
    multiply(step, step, a, small, large, small);
    multiply(a, a, aa, small, small, small); // `a` is its own transpose
    for (let i = 0; i < a.length; i++) a[i] = CUBIC * a[i] + FIFTH * aa[i];
    for (let i = 0; i < small; i++) a[i * small + i] += LINEAR;
    transpose(step, turned, small, large);
    multiply(a, turned, next, small, small, large);
    step.set(next);
  }
  if (rows > columns) {
    transpose(step, turned, columns, rows);
    step.set(turned);
  }
}

// Each weight's running average: it lies in the middle of what the steps shake.
class Averages {
  constructor(parameters, keep = 0.98) {
    Object.assign(this, { keep, steps: 0 });
    this.states = parameters.map((one) => ({ one, mean: one.weights.slice() }));
  }

  step() {
    this.steps++;
    const keep = Math.min(this.keep, (1 + this.steps) / (10 + this.steps)); // short at first
    for (const { one, mean } of this.states) {
      const { weights } = one;
      for (let i = 0; i < mean.length; i++) mean[i] = keep * mean[i] + (1 - keep) * weights[i];
    }
  }

  // Averages and weights change places.
  swap() {
    for (const state of this.states) {
      const { weights } = state.one;
      state.one.weights = state.mean;
      state.mean = weights;
    }
  }
}

export { AdamW, Averages, Muon };
