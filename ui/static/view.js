// The image view: a marked picture with its regions as things that can be pointed at, chosen by key,
// drawn over, zoomed and highlighted. Knows no server: events go out through `send`.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MOVED_PX = 4;
  const ZOOM = [1, 8];
  const make = (tag, classes = "", attributes = {}) => {
    const node = document.createElement(tag);
    node.className = classes;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const svg = (tag, attributes = {}) => {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  class View {
    constructor(root, { send, onmark, draws }) {
      Object.assign(this, { root, send, onmark, draws });
      this.scene = {};
      this.images = new Map();
      this.tool = "select";
      this.zoom = 1;
      this.at = [0, 0];
      this.current = 0;
      this.highlighted = [];
      this.build();
    }

    word(key, values = {}) {
      return window.som.word(key, this.scene.lang, values);
    }

    build() {
      this.strip = make("div", "som-strip", { role: "group" });
      this.tools = make("div", "som-tools", { role: "toolbar" });
      this.bar = make("div", "som-bar");
      this.bar.append(this.strip, this.tools);
      this.stage = make("div", "som-stage");
      this.canvas = make("div", "som-canvas");
      this.image = make("img", "som-image", { draggable: "false" });
      this.layer = svg("svg", { class: "som-layer", tabindex: "0", role: "listbox" });
      this.canvas.append(this.image, this.layer);
      this.empty = make("div", "som-empty");
      this.busy = make("div", "som-busy", { role: "status" });
      this.zooms = make("div", "som-zooms", { role: "toolbar" });
      this.stage.append(this.canvas, this.empty, this.zooms, this.busy);
      this.info = make("div", "som-info", { "aria-live": "polite" });
      this.root.replaceChildren(this.bar, this.stage, this.info);
      this.listen();
      new ResizeObserver(() => this.fit()).observe(this.stage);
    }

    update(scene) {
      const before = this.scene;
      this.scene = scene || {};
      if (scene.image) this.images.set(scene.key, scene.image);
      for (const key of this.images.keys()) {
        if (!(scene.keys || []).includes(key) && key !== scene.key) this.images.delete(key);
      }
      const shown = Boolean(scene.key);
      this.root.classList.toggle("som-has-image", shown);
      this.busy.textContent = scene.busy || "";
      this.busy.hidden = !scene.busy;
      this.stage.setAttribute("aria-busy", scene.busy ? "true" : "false");
      if (before.picture !== scene.picture) {
        this.zoom = 1;
        this.at = [0, 0];
        this.current = 0;
      }
      if (shown) {
        const source = this.images.get(scene.key);
        if (source && this.image.src !== source) this.image.src = source;
        if (!source && this.asked !== scene.key) {
          this.asked = scene.key;
          this.send("need", {});
        }
        this.image.alt = this.word("view.alt", { count: scene.marks.length, name: scene.title || "" });
      } else {
        this.image.removeAttribute("src");
        this.image.alt = "";
      }
      if (scene.highlight || before.key !== scene.key) this.highlighted = scene.highlight || [];
      if (this.waiting && this.waiting.picture === scene.picture) {
        this.highlighted = this.waiting.shapes;
        this.waiting = null;
      }
      this.drawStrip();
      this.drawTools();
      this.drawEmpty();
      this.drawLayer();
      this.fit();
      this.tell();
    }

    // What is shown.

    drawStrip() {
      const { pictures = [], current = 0 } = this.scene;
      this.strip.replaceChildren();
      this.strip.setAttribute("aria-label", this.word("view.pictures"));
      if (!this.draws) return;
      pictures.forEach((picture, index) => {
        const tab = make("button", "som-picture", {
          type: "button", title: picture.title, "aria-pressed": String(index === current),
        });
        tab.textContent = picture.name;
        tab.onclick = () => this.send("switch", { index });
        this.strip.append(tab);
      });
      if (!pictures.length) this.strip.append(this.text("p", "som-hint", "view.privacy"));
      if (pictures.length) {
        this.strip.append(this.tiny("+", "view.add", () => this.choose()));
        this.strip.append(this.tiny("×", "view.remove", () => this.send("remove", { index: current })));
      }
    }

    tiny(text, key, onclick) {
      const button = make("button", "som-tiny", {
        type: "button", title: this.word(key), "aria-label": this.word(key),
      });
      button.textContent = text;
      button.onclick = onclick;
      return button;
    }

    drawTools() {
      this.tools.replaceChildren();
      this.zooms.replaceChildren();
      this.tools.setAttribute("aria-label", this.word("view.tools"));
      this.zooms.setAttribute("aria-label", this.word("view.zoom"));
      if (!this.scene.key) return;
      if (this.draws) {
        for (const tool of ["select", "point", "box", "stroke"]) {
          const button = this.tiny("", `view.tool.${tool}`, () => this.pick(tool));
          button.classList.add("som-tool", `som-tool-${tool}`);
          button.setAttribute("aria-pressed", String(this.tool === tool));
          button.innerHTML = ICONS[tool];
          this.tools.append(button);
        }
        if ((this.scene.drawn || []).length) {
          this.tools.append(this.tiny("↶", "view.undo", () => this.send("undo", {})));
          this.tools.append(this.tiny("⌫", "view.clear", () => this.send("clear", {})));
        }
      }
      this.zooms.append(
        this.tiny("−", "view.smaller", () => this.zoomBy(1 / 1.5)),
        this.tiny("⤢", "view.fit", () => this.zoomBy(0)),
        this.tiny("+", "view.larger", () => this.zoomBy(1.5)),
      );
    }

    pick(tool) {
      this.tool = tool;
      this.drawTools();
      this.drawLayer();
      this.tools.querySelector(`.som-tool-${tool}`)?.focus();
      this.tell();
    }

    drawEmpty() {
      this.empty.hidden = Boolean(this.scene.key);
      if (this.scene.key) return;
      if (!this.draws) {
        this.empty.replaceChildren(
          this.text("p", "som-lead", "view.no_run"), this.text("p", "som-hint", "run.none"),
        );
        return;
      }
      const buttons = make("div", "som-buttons");
      const file = this.text("button", "som-button som-primary", "view.choose");
      file.onclick = () => this.choose();
      const camera = this.text("button", "som-button", "view.camera");
      camera.onclick = () => window.som.camera(this.scene.lang, (blob) => this.give(blob, "photo.jpg"));
      buttons.append(file, camera);
      const examples = make("div", "som-examples");
      for (const example of this.scene.examples || []) {
        const button = make("button", "som-example", { type: "button" });
        const picture = make("img", "", { alt: "", src: example.thumb });
        const caption = make("span");
        caption.textContent = example.title;
        button.append(picture, caption);
        button.onclick = () => this.send("example", { name: example.name });
        examples.append(button);
      }
      this.empty.replaceChildren(
        this.text("p", "som-lead", "view.drop"), buttons,
        this.text("p", "som-hint", "view.or_example"), examples,
      );
    }

    text(tag, classes, key) {
      const node = make(tag, classes, tag === "button" ? { type: "button" } : {});
      node.textContent = this.word(key);
      return node;
    }

    drawLayer() {
      const { width = 1, height = 1, marks = [], drawn = [] } = this.scene;
      this.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.layer.setAttribute("aria-label", this.word("view.marks"));
      this.layer.dataset.tool = this.tool;
      this.unit = Math.max(width, height) / 700;
      const shapes = [];
      this.paths = marks.map((mark, index) => {
        const path = svg("path", {
          d: mark.path, class: "som-mark", id: `${this.id}-${mark.id}`, role: "option", "data-index": index,
          "aria-label": `${mark.label}: ${[mark.role, mark.text].filter(Boolean).join(" ")}`,
        });
        path.style.setProperty("--mark", mark.color);
        return path;
      });
      // Small regions lie on top, so that they can be pointed at.
      const bySize = [...this.paths.keys()].sort((a, b) => marks[b].area - marks[a].area);
      if (this.highlighted.length) shapes.push(this.dimmed());
      shapes.push(...bySize.map((index) => this.paths[index]));
      shapes.push(...drawn.map((shape) => this.shape(shape)));
      this.draft = svg("path", { class: "som-draft", d: "" });
      this.cross = svg("path", { class: "som-cross", d: "" });
      this.layer.replaceChildren(...shapes, this.draft, this.cross);
      this.focusMark(this.current, false);
    }

    // What is highlighted is drawn from its own outline, so that an older answer still points at what it
    // meant after the marks have changed.
    dimmed() {
      const { width, height } = this.scene;
      const group = svg("g", { class: "som-highlight", "aria-hidden": "true" });
      const frame = `M0 0H${width}V${height}H0Z`;
      const id = `${this.id}-dim`;
      const mask = svg("mask", { id });
      mask.append(svg("path", { d: frame, fill: "white" }));
      for (const { path, label_box: [x1, y1, x2, y2] } of this.highlighted) {
        mask.append(svg("path", { d: path, fill: "black" }));
        mask.append(svg("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1, fill: "black" }));
      }
      group.append(mask, svg("path", { d: frame, class: "som-dim", mask: `url(#${id})` }));
      for (const { path } of this.highlighted) group.append(svg("path", { d: path, class: "som-glow" }));
      return group;
    }

    shape({ kind, points }) {
      const flat = points.map(([x, y]) => `${x} ${y}`);
      if (kind === "box") {
        const [[x1, y1], [x2, y2]] = points;
        return svg("path", { class: "som-drawn", d: `M${x1} ${y1}H${x2}V${y2}H${x1}Z` });
      }
      if (kind === "stroke") return svg("path", { class: "som-drawn som-line", d: `M${flat.join("L")}` });
      const group = svg("g", { class: "som-drawn-points" });
      for (const [x, y] of points) group.append(svg("circle", { cx: x, cy: y, r: 5 * this.unit, class: "som-drawn" }));
      return group;
    }

    get id() {
      return (this.root.id ||= `som-${Math.random().toString(36).slice(2, 8)}`);
    }

    tell(mark = null) {
      this.info.replaceChildren();
      const { error, note, marks = [] } = this.scene;
      if (error) {
        const line = make("p", "som-error", { role: "alert" });
        line.textContent = error;
        this.info.append(line);
        return;
      }
      if (!mark) {
        const line = make("p", "som-hint");
        const hint = this.tool === "select" ? note || "" : this.word(`view.how.${this.tool}`);
        line.textContent = this.scene.key ? hint : "";
        this.info.append(line);
        return;
      }
      const chip = make("span", "som-chip-plain");
      chip.style.setProperty("--mark", mark.color);
      chip.textContent = mark.label;
      const role = make("span", "som-role");
      role.textContent = mark.role;
      const text = make("span", "som-text");
      text.textContent = mark.text || (mark.role ? "" : this.word("view.no_text"));
      const source = make("span", "som-source");
      source.textContent = this.word("view.source", { source: mark.source || "?" });
      this.info.append(chip, role, text, source);
    }

    // Highlight outlines on one of the pictures, and go to it first where another is shown.
    highlight(shapes, picture = this.scene.picture) {
      if (picture === this.scene.picture) {
        this.highlighted = shapes;
        this.drawLayer();
        return;
      }
      const index = (this.scene.pictures || []).findIndex((other) => other.id === picture);
      if (index < 0) return;
      this.waiting = { picture, shapes };
      this.send("switch", { index });
    }

    // Zoom and place.

    fit() {
      const { width, height } = this.scene;
      const box = this.stage.getBoundingClientRect();
      if (!width || !box.width) return;
      const scale = Math.min(box.width / width, box.height / height, 3);
      this.base = [width * scale, height * scale];
      const size = this.base.map((side) => side * this.zoom);
      const room = [box.width, box.height];
      this.at = this.at.map((value, axis) => {
        const slack = (size[axis] - room[axis]) / 2;
        return slack > 0 ? clamp(value, -slack, slack) : 0;
      });
      this.canvas.style.width = `${size[0]}px`;
      this.canvas.style.height = `${size[1]}px`;
      const [x, y] = this.at;
      this.canvas.style.transform = `translate(-50%, -50%) translate(${x}px, ${y}px)`;
    }

    zoomBy(factor, around = null) {
      const before = this.zoom;
      this.zoom = factor ? clamp(this.zoom * factor, ...ZOOM) : 1;
      const ratio = this.zoom / before;
      const box = this.stage.getBoundingClientRect();
      const middle = [box.left + box.width / 2, box.top + box.height / 2];
      const point = around || middle;
      this.at = this.at.map((value, axis) => {
        const off = point[axis] - middle[axis];
        return off - (off - value) * ratio;
      });
      if (this.zoom === 1) this.at = [0, 0];
      this.fit();
    }

    // What a person does.

    listen() {
      const layer = this.layer;
      layer.addEventListener("pointerdown", (event) => this.down(event));
      layer.addEventListener("pointermove", (event) => this.move(event));
      layer.addEventListener("pointerup", (event) => this.up(event));
      layer.addEventListener("pointercancel", () => this.drop());
      layer.addEventListener("pointerover", (event) => this.hover(event));
      layer.addEventListener("pointerleave", () => !this.pressed && this.tell(this.chosen));
      layer.addEventListener("keydown", (event) => this.key(event));
      layer.addEventListener("focus", () => this.focusMark(this.current));
      this.stage.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY / 200), [event.clientX, event.clientY]);
      }, { passive: false });
      if (!this.draws) return;
      for (const name of ["dragover", "dragleave", "drop"]) {
        this.stage.addEventListener(name, (event) => {
          event.preventDefault();
          this.stage.classList.toggle("som-over", name === "dragover");
          if (name === "drop") [...event.dataTransfer.files].forEach((file) => this.give(file, file.name));
        });
      }
      document.addEventListener("paste", (event) => {
        const files = [...(event.clipboardData?.files || [])].filter((file) => file.type.startsWith("image/"));
        if (!files.length || !this.root.offsetParent) return;
        event.preventDefault();
        files.forEach((file) => this.give(file, file.name || "pasted.png"));
      });
    }

    choose() {
      const input = make("input", "", { type: "file", accept: "image/*", multiple: "" });
      input.onchange = () => [...input.files].forEach((file) => this.give(file, file.name));
      input.click();
    }

    give(blob, title) {
      const limit = this.scene.limit_mb || 20;
      if (blob.size > limit * 1e6) {
        this.scene = { ...this.scene, error: this.word("view.too_large", { limit }) };
        this.tell();
        return;
      }
      this.busy.textContent = this.word("view.sending");
      this.busy.hidden = false;
      const reader = new FileReader();
      reader.onload = () => this.send("picture", { data: reader.result, title });
      reader.readAsDataURL(blob);
    }

    point(event) {
      const { width, height } = this.scene;
      const box = this.canvas.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * width;
      const y = ((event.clientY - box.top) / box.height) * height;
      return [clamp(x, 0, width - 1), clamp(y, 0, height - 1)].map((value) => Math.round(value * 10) / 10);
    }

    down(event) {
      if (event.button !== 0) return;
      this.layer.setPointerCapture(event.pointerId);
      this.pressed = { from: [event.clientX, event.clientY], at: this.at, path: [this.point(event)], target: event.target };
    }

    move(event) {
      if (!this.pressed) return;
      const { from, at, path } = this.pressed;
      const moved = [event.clientX - from[0], event.clientY - from[1]];
      if (Math.hypot(...moved) > MOVED_PX) this.pressed.moved = true;
      if (!this.pressed.moved) return;
      if (this.tool === "select") {
        this.at = at.map((value, axis) => value + moved[axis]);
        this.fit();
      } else if (this.tool !== "point") {
        path.push(this.point(event));
        const ends = this.tool === "box" ? [path[0], path.at(-1)] : path;
        this.draft.replaceWith((this.draft = this.shape({ kind: this.tool, points: ends })));
        this.draft.classList.add("som-draft");
      }
    }

    up(event) {
      const pressed = this.pressed;
      this.drop();
      if (!pressed) return;
      if (this.tool === "select") {
        const index = pressed.target?.dataset?.index;
        if (!pressed.moved && index !== undefined) this.take(Number(index));
        return;
      }
      const end = this.point(event);
      if (this.tool === "point") {
        const kind = event.shiftKey ? "outside" : "point";
        this.send("draw", { shape: kind, points: [pressed.path[0]] });
      } else if (pressed.moved) {
        const points = this.tool === "box" ? corners(pressed.path[0], end) : thin([...pressed.path, end]);
        if (this.tool === "box" && (points[0][0] === points[1][0] || points[0][1] === points[1][1])) return;
        this.send("draw", { shape: this.tool, points });
      }
    }

    drop() {
      this.pressed = null;
      this.draft?.setAttribute("d", "");
    }

    hover(event) {
      const index = event.target.dataset?.index;
      if (index !== undefined && !this.pressed) this.tell(this.scene.marks[Number(index)]);
    }

    take(index) {
      const mark = this.scene.marks[index];
      if (!mark) return;
      this.chosen = mark;
      this.focusMark(index);
      this.onmark(mark, this.scene);
    }

    focusMark(index, tell = true) {
      const { marks = [] } = this.scene;
      this.paths?.forEach((path) => path.classList.remove("som-current"));
      if (!marks.length) return;
      this.current = clamp(index, 0, marks.length - 1);
      const path = this.paths[this.current];
      path.classList.add("som-current");
      this.layer.setAttribute("aria-activedescendant", path.id);
      if (tell) this.tell(marks[this.current]);
    }

    key(event) {
      const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const arrow = arrows[event.key];
      const act = {
        "+": () => this.zoomBy(1.5), "=": () => this.zoomBy(1.5), "-": () => this.zoomBy(1 / 1.5),
        0: () => this.zoomBy(0), Escape: () => this.escape(),
        Home: () => this.focusMark(0), End: () => this.focusMark(Infinity),
      }[event.key];
      if (arrow) this.tool === "select" ? this.step(arrow) : this.steer(arrow, event.shiftKey);
      else if (event.key === "Enter" || event.key === " ") this.tool === "select" ? this.take(this.current) : this.place();
      else if (act && !event.ctrlKey && !event.metaKey) act();
      else return;
      event.preventDefault();
    }

    escape() {
      this.steered = this.corner = null;
      this.highlight([]);
      if (this.tool !== "select") this.pick("select");
      this.layer.focus();
    }

    // The nearest mark in a direction.
    step([dx, dy]) {
      const middle = ({ box: [x1, y1, x2, y2] }) => [(x1 + x2) / 2, (y1 + y2) / 2];
      const { marks } = this.scene;
      if (!marks?.length) return;
      const [x, y] = middle(marks[this.current]);
      let best = null;
      marks.forEach((mark, index) => {
        const [mx, my] = middle(mark);
        const along = (mx - x) * dx + (my - y) * dy;
        if (index === this.current || along <= 0) return;
        const cost = along + 3 * Math.abs((mx - x) * dy + (my - y) * dx);
        if (!best || cost < best.cost) best = { index, cost };
      });
      if (best) this.focusMark(best.index);
    }

    // Drawing by keys: the arrows move a cross, Enter sets points, corners and the ends of strokes.
    steer([dx, dy], fast) {
      const { width, height } = this.scene;
      const by = Math.max(width, height) * (fast ? 0.1 : 0.02);
      const [x, y] = this.steered || [width / 2, height / 2];
      this.steered = [clamp(x + dx * by, 0, width - 1), clamp(y + dy * by, 0, height - 1)];
      this.showCross();
    }

    showCross() {
      const [x, y] = this.steered;
      const arm = 12 * this.unit;
      this.cross.setAttribute("d", `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`);
      if (!this.corner) return;
      const points = this.tool === "box" ? corners(this.corner, this.steered) : [this.corner, this.steered];
      this.draft.replaceWith((this.draft = this.shape({ kind: this.tool, points })));
    }

    place() {
      if (!this.steered) return this.steer([0, 0], false);
      if (this.tool !== "point" && !this.corner) {
        this.corner = this.steered;
        return undefined;
      }
      const ends = this.tool === "point" ? [this.steered] : [this.corner, this.steered];
      const points = this.tool === "box" ? corners(...ends) : ends;
      this.steered = this.corner = null;
      return this.send("draw", { shape: this.tool, points });
    }
  }

  const corners = (a, b) => [
    [Math.min(a[0], b[0]), Math.min(a[1], b[1])], [Math.max(a[0], b[0]), Math.max(a[1], b[1])],
  ];
  const thin = (points, most = 64) => {
    const step = Math.max(1, Math.ceil(points.length / most));
    return points.filter((_, index) => index % step === 0 || index === points.length - 1);
  };
  const icon = (inside) => `<svg viewBox="0 0 20 20" aria-hidden="true">${inside}</svg>`;
  const ICONS = {
    select: icon('<path d="M4 3l12 6-5 2-2 5z"/>'),
    point: icon('<circle cx="10" cy="10" r="3"/><path d="M10 2v4M10 14v4M2 10h4M14 10h4"/>'),
    box: icon('<rect x="3" y="5" width="14" height="10" rx="1"/>'),
    stroke: icon('<path d="M3 14c3-9 6 4 8-3s4-5 6-6"/>'),
  };

  window.som.View = View;
})();
