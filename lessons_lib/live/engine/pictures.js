// Scenes and their pictures: what `draw` and `read` of `lessons_lib.corpus.pictures` do at the models'
// size, with things and backgrounds that the library has drawn. A picture has 32 x 32 pixels, each red,
// green and blue from 0 to 1.

const SIDE = 32;
const [WIDTH, HEIGHT, TOP] = [16, 18, 10]; // of the box around a thing, and where it begins
const LEFT = [[8], [0, 16], [-2, 8, 18]]; // where those of one, two and three things begin
const COVERED = 0.25; // a difference beyond which a pixel shows no background
const SHIFTS = [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => [dx, dy]));

class Drawings {
  // `nObjects` things have a colour, the others are animals, which look to the left on the right side.
  constructor(part, nObjects) {
    const sprites = (name) => {
      const [colours, clear] = [part(`${name}.colours`), part(`${name}.clear`)];
      return Array.from({ length: clear.rows }, (_, i) => ({
        colours: colours.numbers.subarray(i * colours.columns, (i + 1) * colours.columns),
        clear: clear.numbers.subarray(i * clear.columns, (i + 1) * clear.columns),
      }));
    };
    this.nObjects = nObjects;
    this.things = sprites("things");
    this.turned = sprites("turned");
    this.small = sprites("small");
    const { numbers, rows, columns } = part("backgrounds");
    this.backgrounds = Array.from({ length: rows }, (_, i) =>
      numbers.subarray(i * columns, (i + 1) * columns),
    );
  }

  sprite(thing, n, i) {
    if (n === 3) return this.small[thing];
    const turns = thing >= this.nObjects && n > 1 && i === n - 1;
    return turns ? this.turned[thing - this.nObjects] : this.things[thing];
  }

  // Call `act` with the places of a sprite's pixels in a picture and in the sprite.
  #each(n, i, [dx, dy], act) {
    const left = LEFT[n - 1][i] + dx;
    for (let row = 0; row < HEIGHT; row++) {
      const start = (TOP + dy + row) * SIDE;
      for (let column = Math.max(0, -left); column < Math.min(WIDTH, SIDE - left); column++) {
        act(start + left + column, row * WIDTH + column);
      }
    }
  }

  // The picture of a scene, the things of which are numbers, and the background too.
  draw({ things, background }, shifts) {
    const picture = Float32Array.from(this.backgrounds[background]);
    things.forEach((thing, i) => {
      const { colours, clear } = this.sprite(thing, things.length, i);
      this.#each(things.length, i, shifts[i], (to, from) => {
        for (let c = 0; c < 3; c++) {
          picture[3 * to + c] = picture[3 * to + c] * clear[from] + colours[3 * from + c];
        }
      });
    });
    return picture;
  }

  // The scene that explains a picture best, its nearest drawing, and how far that is: the root of the mean
  // squared difference.
  read(picture) {
    const background = this.#background(picture);
    let best = { rmse: Infinity };
    for (let n = 1; n <= LEFT.length; n++) {
      const { things, shifts } = this.#things(picture, this.backgrounds[background], n);
      const scene = { things, background };
      const nearest = this.draw(scene, shifts);
      const squares = nearest.reduce((sum, one, i) => sum + (one - picture[i]) ** 2, 0);
      const rmse = Math.sqrt(squares / nearest.length);
      if (rmse < best.rmse) best = { scene, nearest, rmse };
    }
    return best;
  }

  // The background that differs least where it can be seen.
  #background(picture) {
    const totals = this.backgrounds.map((ground) => {
      let total = 0;
      for (let at = 0; at < ground.length; at += 3) {
        let sum = 0;
        for (let c = at; c < at + 3; c++) sum += Math.abs(ground[c] - picture[c]);
        total += Math.min(sum, COVERED);
      }
      return total;
    });
    return totals.indexOf(Math.min(...totals));
  }

  // What a thing, at its best shift, adds to the squared error of a background alone. One loop for all
  // pixels, without a call for each: this is most of what reading takes.
  #cost(picture, ground, thing, n, i) {
    const { colours, clear } = this.sprite(thing, n, i);
    let best = { cost: Infinity };
    for (const shift of SHIFTS) {
      const left = LEFT[n - 1][i] + shift[0];
      const [first, end] = [Math.max(0, -left), Math.min(WIDTH, SIDE - left)];
      let cost = 0;
      for (let row = 0; row < HEIGHT; row++) {
        const start = (TOP + shift[1] + row) * SIDE + left;
        for (let column = first; column < end; column++) {
          const from = row * WIDTH + column;
          const part = clear[from];
          if (part === 1) continue; // nothing is covered
          for (let c = 0; c < 3; c++) {
            const at = 3 * (start + column) + c;
            const [own, seen] = [ground[at], picture[at]];
            cost += (own * part + colours[3 * from + c] - seen) ** 2 - (own - seen) ** 2;
          }
        }
      }
      if (cost < best.cost) best = { cost, shift, thing };
    }
    return best;
  }

  // The `n` things with the least error that go together in a scene, and where they stand.
  #things(picture, ground, n) {
    const [all, nObjects] = [this.things.length, this.nObjects];
    const candidates = Array.from({ length: n === 3 ? nObjects : all }, (_, thing) => thing);
    const found = LEFT[n - 1].map((_, i) =>
      candidates.map((thing) => this.#cost(picture, ground, thing, n, i)),
    );
    let [best, least] = [[], Infinity];
    const consider = (choice) => {
      const total = choice.reduce((sum, { cost }) => sum + cost, 0);
      if (total < least) [best, least] = [choice, total];
    };
    if (n === 2) {
      for (const one of found[0]) {
        for (const other of found[1]) {
          if (one.thing < nObjects || other.thing < nObjects) consider([one, other]);
        }
      }
    } else {
      const alike = n === 1 ? all : nObjects;
      for (let thing = 0; thing < alike; thing++) consider(found.map((place) => place[thing]));
    }
    return { things: best.map(({ thing }) => thing), shifts: best.map(({ shift }) => shift) };
  }
}

export { Drawings, SIDE };
