// Scenes in words: what `caption` of `lessons_lib.corpus.pictures` says of them, and which parts of a
// caption are true of a scene. A scene's things and its background are numbers.

import { wordsIn } from "./captions.js";

const joined = (text) => ` ${wordsIn(text).join(" ")} `;

// `say` gives the library's words of one language: for one, two and three of each thing, for each name
// without its colour, and for places and times; `side` stands between two things.
class SceneWords {
  constructor({ things, names, places, times, side }) {
    Object.assign(this, { things, places, times, side });
    [this.nObjects, this.nKinds] = [things[1].length, names[1].length]; // what can stand there twice
    const phrases = [
      ...things.flatMap((texts, i) => texts.map((text, thing) => ({ text, n: i + 1, thing }))),
      ...names.flatMap((texts, i) => texts.map((text, name) => ({ text, n: i + 1, name }))),
      ...places.map((text, place) => ({ text, place })),
      ...times.map((text, time) => ({ text, time })),
    ];
    // Those with colours come first: "una pelota" is a part of "una pelota roja".
    this.phrases = phrases.map((one) => ({ ...one, words: joined(one.text) }));
  }

  // A thing's number without its colour.
  nameOf(thing) {
    const { nObjects, nKinds } = this;
    return thing < nObjects ? Math.floor((thing * nKinds) / nObjects) : thing - nObjects + nKinds;
  }

  placeOf = (background) => Math.floor(background / this.times.length);
  timeOf = (background) => background % this.times.length;

  // All that is true of a scene.
  caption({ things, background }) {
    const alike = things.every((thing) => thing === things[0]);
    const shown = alike
      ? this.things[things.length - 1][things[0]]
      : things.map((thing) => this.things[0][thing]).join(this.side);
    return [shown, this.places[this.placeOf(background)], this.times[this.timeOf(background)]].join(" ");
  }

  // The parts of a caption in this language, each with whether it is true of a scene: things in their
  // number, place, time, and what stands on the left.
  check(text, { things, background }) {
    let rest = joined(text);
    const found = [];
    for (const phrase of this.phrases) {
      for (let at = rest.indexOf(phrase.words); at >= 0; at = rest.indexOf(phrase.words)) {
        // What is found leaves as many signs, so that places stay.
        const end = at + phrase.words.length - 1;
        rest = rest.slice(0, at + 1) + "_".repeat(end - at - 1) + rest.slice(end);
        found.push({ ...phrase, at });
      }
    }
    found.sort((a, b) => a.at - b.at);
    const fits =
      ({ thing, name }) =>
      (one) =>
        name === undefined ? one === thing : this.nameOf(one) === name;
    const isTrue = (phrase) => {
      if (phrase.place !== undefined) return phrase.place === this.placeOf(background);
      if (phrase.time !== undefined) return phrase.time === this.timeOf(background);
      const asked = found.filter(({ text }) => text === phrase.text).length * phrase.n;
      return things.filter(fits(phrase)).length === asked;
    };
    const parts = found.map((phrase) => ({ text: phrase.text, right: isTrue(phrase) }));
    const [left, right] = found.filter(({ n }) => n);
    if (right && rest.includes(this.side)) {
      const inOrder = things.length === 2 && fits(left)(things[0]) && fits(right)(things[1]);
      parts.push({ text: this.side.trim(), right: inOrder });
    }
    return parts;
  }
}

export { SceneWords };
