// Pages of an archive: players that go on where one left off, chapters and transcripts that lead through them, and the search. No request leaves the archive.
"use strict";

// Players.

for (const player of document.querySelectorAll("[data-place]")) {
  const key = "podcrawler:" + player.dataset.place;
  const keep = () => {
    // Who only looks at a page stays where they left off.
    if (!player.played.length) return;
    try {
      if (player.ended || player.currentTime < 5) localStorage.removeItem(key);
      else localStorage.setItem(key, String(Math.floor(player.currentTime)));
    } catch {
      // A browser that keeps nothing.
    }
  };
  let kept = 0;
  try {
    kept = Number(localStorage.getItem(key));
  } catch {
    // As above.
  }
  // It shows the place before it plays.
  if (kept > 0) player.preload = "metadata";
  player.addEventListener("loadedmetadata", () => {
    if (kept > 0 && kept < player.duration) player.currentTime = kept;
  }, { once: true });
  let last = 0;
  player.addEventListener("timeupdate", () => {
    if (Math.abs(player.currentTime - last) >= 5) {
      last = player.currentTime;
      keep();
    }
  });
  for (const event of ["pause", "ended"]) player.addEventListener(event, keep);
  addEventListener("pagehide", keep);
  for (const list of document.querySelectorAll(".moments")) follow(list, player, () => { kept = 0; });
}

// A list of buttons that jump to their moments. The one whose moment is playing is the current one. Before a jump,
// "jumps" is called.
function follow(list, player, jumps) {
  const moments = [...list.querySelectorAll("[data-start]")].map((button) => ({ button, start: Number(button.dataset.start) }));
  let current = null;
  const mark = () => {
    // A player may round the place that it jumps to.
    const now = player.currentTime + 0.05;
    const found = moments.findLast((moment) => moment.start <= now)?.button ?? null;
    if (found === current) return;
    current?.removeAttribute("aria-current");
    found?.setAttribute("aria-current", "true");
    current = found;
  };
  for (const event of ["seeking", "timeupdate"]) player.addEventListener(event, mark);
  for (const { button, start } of moments) {
    button.addEventListener("click", () => {
      jumps();
      player.currentTime = start;
      player.play().catch(() => {
        // A file that this browser cannot play: the player shows it.
      });
    });
  }
}

// The search. Words of scripts without spaces are looked for by pairs of characters, as publish/search.py writes them.

const form = document.getElementById("search");
const field = document.getElementById("query");
const count = document.getElementById("count");
const found = document.getElementById("found");
const MOST = 50;
const RUNS = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]+|[\p{L}\p{N}\p{M}]+/gu;
const PAIRED = /^[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]/u;
let index = null;

function keysOf(text) {
  const keys = [];
  for (const [run] of text.normalize("NFKC").toLowerCase().matchAll(RUNS)) {
    const chars = [...run];
    if (!PAIRED.test(run)) keys.push({ text: run, how: "begin" });
    else if (chars.length === 1) keys.push({ text: run, how: "has" });
    else for (let at = 0; at + 1 < chars.length; at++) keys.push({ text: chars[at] + chars[at + 1], how: "is" });
  }
  return keys;
}

function episodesWith(key) {
  const numbers = new Set();
  const add = (differences) => {
    let number = 0;
    for (const difference of differences) numbers.add((number += difference));
  };
  if (key.how === "is") {
    if (Object.hasOwn(index.keys, key.text)) add(index.keys[key.text]);
    return numbers;
  }
  for (const [text, differences] of Object.entries(index.keys)) {
    if (key.how === "begin" ? text.startsWith(key.text) : text.includes(key.text)) add(differences);
  }
  return numbers;
}

function search(text) {
  const keys = keysOf(text);
  if (!keys.length) return null;
  let numbers = null;
  for (const key of keys) {
    const more = episodesWith(key);
    numbers = numbers === null ? more : new Set([...numbers].filter((number) => more.has(number)));
  }
  return [...numbers].sort((one, other) => one - other).map((number) => index.episodes[number]);
}

function show(results) {
  found.hidden = !results.length;
  found.replaceChildren();
  const list = document.createElement("ul");
  list.className = "list";
  for (const [podcast, page, title, date] of results.slice(0, MOST)) {
    const [folder, name] = index.podcasts[podcast];
    const link = document.createElement("a");
    link.href = `${form.dataset.up}${folder}/pages/${encodeURIComponent(page)}.html`;
    link.textContent = title;
    const about = document.createElement("span");
    about.className = "about";
    about.textContent = ` ${name} ${date}`;
    const item = document.createElement("li");
    item.append(link, about);
    list.append(item);
  }
  found.append(list);
}

function countOf(results) {
  if (results.length > MOST) return `${results.length} episodes; here are ${MOST} of them.`;
  return results.length === 1 ? "1 episode" : `${results.length} episodes`;
}

async function load() {
  const response = await fetch(`${form.dataset.up}_pages/search.json`);
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

async function answer() {
  if (location.protocol === "file:") {
    count.textContent = "The search needs a web server, such as podcrawler publish --serve; this page is a file.";
    return;
  }
  const asked = field.value;
  try {
    index ??= await load();
  } catch {
    count.textContent = "The search cannot be loaded.";
    return;
  }
  if (asked !== field.value) return;
  const results = search(asked);
  count.textContent = results ? countOf(results) : "";
  show(results ?? []);
}

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
field.addEventListener("input", answer);
