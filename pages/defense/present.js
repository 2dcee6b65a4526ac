// Keys, slide number, timer and the second window of a story that is presented.
//
// Every window of one story talks on one channel: who moves says where to, and who
// comes later asks. Nothing leaves the browser but the place, which the server draws.

const CLOCK_MS = 500;
// A size that differs less than this is drawn as it is.
const SAME_SIZE = 0.06;
const shows = new WeakMap();

class Show {
  constructor(root) {
    this.root = root;
    this.at = 0;
    this.isFull = false;
    this.onKey = (event) => this.press(event);
    this.onFull = () => this.leftFullScreen();
    this.onSize = () => this.measure();
    document.addEventListener("keydown", this.onKey, true);
    document.addEventListener("fullscreenchange", this.onFull);
    window.addEventListener("resize", this.onSize);
    this.clock = setInterval(() => this.tick(), CLOCK_MS);
  }

  // The server has drawn a slide, or the theme has changed.
  update({ data, setTriggerValue, setStateValue }) {
    const isNew = this.data === undefined;
    Object.assign(this, { data, setTriggerValue, setStateValue });
    this.arrive(data.at);
    this.wire();
    this.label();
    if (isNew) {
      this.listen();
      this.startClock();
      this.measure();
      this.find("[data-notes]").hidden = true;
      if (data.enters) this.enterFullScreen();
    }
    this.find("[data-notes]").textContent = data.notes;
    this.tick();
  }

  // Keys may be ahead of the server, and a run that was asked for before the address
  // changed draws the place that it had: what it missed is said again.
  arrive(at) {
    const place = this.wanted ?? this.inAddress() ?? at;
    if (place === at) {
      this.at = at;
      this.wanted = this.saidAgain = undefined;
    } else if (this.saidAgain !== place) {
      this.at = this.wanted = this.saidAgain = place;
      this.setTriggerValue("go", place);
    }
  }

  inAddress() {
    const slide = new URLSearchParams(window.location.search).get("slide");
    if (!/^\d+$/.test(slide ?? "")) return undefined;
    return this.bounded(Number(slide) - 1);
  }

  bounded(place) {
    return Math.max(0, Math.min(place, this.data.count - 1));
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  wire() {
    const deeds = {
      back: () => this.go(this.at - 1),
      next: () => this.go(this.at + 1),
      clock: () => this.restartClock(),
      notes: () => this.toggleNotes(),
      window: () => this.openWindow(),
      full: () => this.toggleFullScreen(),
      leave: () => this.leave(),
    };
    for (const button of this.root.querySelectorAll("button")) {
      const name = button.dataset.deed;
      const [words, key] = this.data.words[name];
      button.title = key ? `${words} (${key})` : words;
      button.setAttribute("aria-label", button.title);
      button.hidden = !this.data.deeds.includes(name);
      button.onclick = () => deeds[name]();
    }
  }

  listen() {
    this.channel = new BroadcastChannel(`equipoise-story-${this.data.channel}`);
    this.channel.onmessage = ({ data }) => {
      if (data.ask && this.data.follows) return;
      if (data.ask) this.channel.postMessage({ at: this.at });
      else if (data.at !== this.at) this.moveTo(data.at);
    };
    // A window of notes follows the one that presents.
    if (this.data.follows) this.channel.postMessage({ ask: true });
    else this.channel.postMessage({ at: this.at });
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const focused = event.composedPath()[0];
    // A clicker's keys turn the page wherever the focus is; the others may be a widget's.
    const isWidgets = focused.closest?.(
      'input, textarea, select, [contenteditable="true"], [role="radiogroup"],' +
      ' [role="slider"], [role="listbox"], [role="dialog"]'
    );
    const turns = { PageDown: 1, PageUp: -1 };
    if (!isWidgets) Object.assign(turns, { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 });
    const others = {
      Home: () => this.go(0),
      End: () => this.go(this.data.last),
      Escape: () => this.leave(),
      f: () => this.toggleFullScreen(),
      n: () => this.toggleNotes(),
    };
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (name in turns) this.go(this.at + turns[name]);
    else if (!isWidgets && name in others) others[name]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  go(place) {
    const at = this.bounded(place);
    if (at === this.at) return;
    this.channel.postMessage({ at });
    this.moveTo(at);
  }

  moveTo(at) {
    this.at = this.wanted = at;
    this.saidAgain = undefined;
    this.label();
    this.setTriggerValue("go", at);
  }

  label() {
    const { count, slides } = this.data;
    const isSlide = this.at < slides;
    this.find("[data-place]").textContent = isSlide
      ? `${this.at + 1} / ${slides}`
      : `${this.data.words.questions[0]} ${this.at - slides || ""}`.trim();
    this.find("[data-done]").style.width = `${(100 * (this.at + 1)) / count}%`;
    this.find('[data-deed="back"]').disabled = this.at === 0;
    this.find('[data-deed="next"]').disabled = this.at === count - 1;
  }

  // Who presents in a new tab begins anew. A reload and the other window go on.
  startClock() {
    const name = `equipoise-presented-${this.data.channel}`;
    if (this.data.follows || sessionStorage.getItem(name)) return;
    sessionStorage.setItem(name, "1");
    this.restartClock();
  }

  // The clock is the browser's, so that a reload or the other window goes on with it.
  tick() {
    const name = `equipoise-clock-${this.data.channel}`;
    const began = Number(localStorage.getItem(name)) || this.restartClock();
    const seconds = Math.max(0, Math.floor((Date.now() - began) / 1000));
    const two = (number) => String(number).padStart(2, "0");
    const minutes = Math.floor(seconds / 60);
    this.find("[data-clock]").textContent = `${two(minutes)}:${two(seconds % 60)}`;
  }

  restartClock() {
    const now = Date.now();
    localStorage.setItem(`equipoise-clock-${this.data.channel}`, String(now));
    return now;
  }

  toggleNotes() {
    const notes = this.find("[data-notes]");
    notes.hidden = !notes.hidden;
  }

  openWindow() {
    window.open(this.data.window, "equipoise-notes", "popup,width=1100,height=760");
  }

  async enterFullScreen() {
    try {
      await document.documentElement.requestFullscreen();
      this.isFull = true;
    } catch {
      // A browser that wants a key for it gets F.
    }
  }

  toggleFullScreen() {
    if (!document.fullscreenElement) return this.enterFullScreen();
    this.isFull = false;
    return document.exitFullscreen();
  }

  // Escape ends the full screen before any page hears of it.
  leftFullScreen() {
    if (this.isFull && !document.fullscreenElement) this.leave();
  }

  leave() {
    if (!this.data.deeds.includes("leave")) return;
    this.isFull = false;
    this.isLeft = true;
    this.setTriggerValue("leave", this.at);
    if (document.fullscreenElement) document.exitFullscreen();
  }

  measure() {
    if (this.isLeft) return;
    const size = [window.innerWidth, window.innerHeight];
    const drawn = this.data.size;
    const same = size.every((now, i) => Math.abs(now / drawn[i] - 1) < SAME_SIZE);
    if (same) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.setStateValue("size", size), 150);
  }

  end() {
    document.removeEventListener("keydown", this.onKey, true);
    document.removeEventListener("fullscreenchange", this.onFull);
    window.removeEventListener("resize", this.onSize);
    clearInterval(this.clock);
    clearTimeout(this.waiting);
    this.channel?.close();
    shows.delete(this.root);
  }
}

export default function (component) {
  const root = component.parentElement;
  if (!shows.has(root)) shows.set(root, new Show(root));
  const show = shows.get(root);
  show.update(component);
  return () => show.end();
}
