// The script of page.html: asks, keeps and saves.
"use strict";
const {study, pictures} =
  JSON.parse(document.getElementById("study").textContent);
const find = (name) => document.querySelector(name);
const image = find(".stage img"), note = find(".note");
const back = find(".back"), next = find(".next"), save = find(".save");
// A second click of a double click would rate a picture that nobody saw.
const BLIND_MILLISECONDS = 300;
// Small pictures are enlarged, by a whole number, up to this.
const LARGEST_SIDE = 512;
let rater = null;
let order = [];    // of pictures
let answers = {};  // id: [rating, seconds]
let position = 0;
let shownAt = Infinity;

// Numbers in [0, 1) that follow from a text: FNV-1a, then mulberry32.
const makeRandom = (text) => {
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    state = Math.imul(state ^ byte, 0x01000193);
  }
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

// In rounds: each shows every case once, by some method, so that pictures of a
// case are far apart and whoever stops early has rated all cases alike.
const makeOrder = () => {
  const random = makeRandom(`${study}/${rater}`);
  const shuffle = (list) => {
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  };
  const cases = new Map();
  for (const picture of pictures) {
    if (!cases.has(picture.case)) cases.set(picture.case, []);
    cases.get(picture.case).push(picture);
  }
  for (const ofCase of cases.values()) shuffle(ofCase);
  const ordered = [];
  while (ordered.length < pictures.length) {
    const round = shuffle([...cases.values()]).map((ofCase) => ofCase.pop());
    if (round[0].case === ordered.at(-1)?.case) round.push(round.shift());
    ordered.push(...round);
  }
  return ordered;
};

// A browser may refuse to keep anything.
const keep = (key, value) => {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    note.textContent = "This browser does not keep your answers. Save them " +
      "before you close or reload this page.";
  }
};
const recall = (key) => {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
};
const place = () => `study/${study}`;
const placeOfAnswers = () => `${place()}/${rater}`;

const isRated = (picture) => Object.hasOwn(answers, picture.id);

const show = ({speak = true} = {}) => {
  const picture = order[position];
  const isAtEnd = rater !== null && !picture;
  find(".welcome").hidden = rater !== null;
  find(".who").hidden = find(".tools").hidden = rater === null;
  find(".question").hidden = !picture;
  find(".end").hidden = !isAtEnd;
  find(".alias").textContent = rater ?? "";
  const count = Object.keys(answers).length;
  find("progress").max = pictures.length;
  find("progress").value = count;
  back.disabled = position === 0;
  next.disabled = !picture || !isRated(picture);
  save.disabled = count === 0;
  save.classList.toggle("main", isAtEnd);
  shownAt = Infinity;
  if (rater === null) {
    find("#alias").focus();
  } else if (isAtEnd) {
    find(".end h2").focus();
  } else {
    find(".place").textContent =
      `Picture ${position + 1} of ${pictures.length}`;
    for (const button of document.querySelectorAll(".rating")) {
      button.setAttribute(
        "aria-pressed", answers[picture.id]?.[0] === Number(button.value));
    }
    image.src = picture.url;
    if (speak) find("#question").focus({preventScroll: true});
  }
};

image.addEventListener("load", () => {
  const side = Math.max(image.naturalWidth, image.naturalHeight);
  const times = Math.max(1, Math.floor(LARGEST_SIDE / side));
  image.width = times * image.naturalWidth;
  image.height = times * image.naturalHeight;
  shownAt = performance.now();
});

const rate = (rating) => {
  const waited = performance.now() - shownAt;  // negative before it is there
  if (waited < BLIND_MILLISECONDS) return;
  answers[order[position].id] = [rating, Math.round(waited / 100) / 10];
  note.textContent = "";
  keep(placeOfAnswers(), answers);
  move(1, {speak: false});
};

const move = (by, options) => {
  position += by;
  show(options);
};

const enter = (alias) => {
  rater = alias;
  order = makeOrder();
  answers = recall(placeOfAnswers()) ?? {};
  const first = order.findIndex((picture) => !isRated(picture));
  position = first < 0 ? order.length : first;
  keep(place(), rater);
  show();
};

const leave = () => {
  rater = null;
  order = [];
  answers = {};
  position = 0;
  note.textContent = "";
  find("#alias").value = "";
  keep(place(), null);
  show();
};

const quote = (value) => `"${String(value).replaceAll('"', '""')}"`;

const saveAnswers = () => {
  const lines = ["study,rater,picture,rating,seconds"];
  for (const picture of order.filter(isRated)) {
    const [rating, seconds] = answers[picture.id];
    lines.push([study, quote(rater), picture.id, rating, seconds].join(","));
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(
    new Blob([lines.join("\r\n") + "\r\n"], {type: "text/csv"}));
  // Names sort by time: of an answer given twice the last one counts.
  const time = new Date().toISOString().replace(/[-:.Z]/g, "");
  const who = rater.match(/[\p{Letter}\p{Number}]+/gu) ?? [];
  link.download = `${["answers", ...who, time].join("-")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  const count = lines.length - 1;
  note.textContent = `Saved ${count} of ${pictures.length} answers as ` +
    `${link.download}.`;
};

for (let rating = 1; rating <= 10; rating++) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "rating";
  button.value = button.textContent = rating;
  button.setAttribute("aria-label", `${rating} of 10`);
  button.addEventListener("click", () => rate(rating));
  find(".ratings").append(button);
}
find(".total").textContent =
  pictures.length === 1 ? "one picture" : `${pictures.length} pictures`;
back.addEventListener("click", () => move(-1));
next.addEventListener("click", () => move(1));
save.addEventListener("click", saveAnswers);
find(".leave").addEventListener("click", leave);
find(".welcome").addEventListener("submit", (event) => {
  event.preventDefault();
  // One way to write it: it names the rater.
  const alias = find("#alias").value.normalize().trim().replace(/\s+/g, " ");
  if (alias) enter(alias);
});
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.target.matches(".rating")) {
    event.preventDefault();  // a key that is held rates one picture
  }
  const isOurs = !(event.ctrlKey || event.metaKey || event.altKey);
  if (!isOurs || event.repeat || rater === null) return;
  if (/^[0-9]$/.test(event.key) && position < order.length) {
    rate(Number(event.key) || 10);
  } else if (event.key === "Backspace" && !back.disabled) {
    event.preventDefault();
    move(-1);
  }
});
const known = recall(place());
if (known) {
  enter(known);
} else {
  show();
}
