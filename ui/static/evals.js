// Logs of evaluations: what there is, numbers side by side, and samples one by one. The numbers are
// HTML that the app made and escaped; everything else is set as text.
(() => {
  const make = (tag, classes = "", attributes = {}) => {
    const node = document.createElement(tag);
    node.className = classes;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const text = (tag, classes, content, attributes) =>
    Object.assign(make(tag, classes, attributes), { textContent: content });
  const button = (classes, content, onclick, attributes = {}) =>
    Object.assign(text("button", classes, content, { type: "button", ...attributes }), { onclick });

  class Evals {
    constructor(root, { send }) {
      Object.assign(this, { root, tell: send, queue: [], panel: "numbers", value: {}, seen: {}, keys: new Set() });
      this.side = make("aside", "som-eval-side");
      this.main = make("div", "som-eval-main");
      this.head = make("div", "som-eval-head");
      this.list = make("ul", "som-eval-logs");
      this.status = make("p", "som-eval-status", { role: "status" });
      this.problem = make("p", "som-error", { role: "alert" });
      this.side.append(this.head, this.list);
      this.bar = make("div", "som-eval-tabs", { role: "tablist" });
      this.numbers = make("div", "som-eval-numbers", { role: "tabpanel", id: "eval-numbers" });
      this.report = make("div");
      this.compare = make("section", "som-eval-compare");
      this.numbers.append(this.report, this.compare);
      this.samples = make("div", "som-eval-samples", { role: "tabpanel", id: "eval-samples" });
      this.filters = make("div", "som-eval-filters");
      this.rows = make("div", "som-eval-rows");
      this.card = make("div", "som-eval-card");
      const pair = make("div", "som-eval-pair");
      pair.append(this.rows, this.card);
      this.samples.append(this.filters, pair);
      this.hello = make("p", "som-lead som-eval-hello");
      const top = make("div", "som-eval-bar");
      top.append(this.bar, this.status);
      this.main.append(top, this.problem, this.hello, this.numbers, this.samples);
      root.replaceChildren(this.side, this.main);
      this.listen();
    }

    word(key, values) {
      return window.som.word(`eval.${key}`, this.value.lang, values);
    }

    listen() {
      // What there is, is read when the tab comes into sight.
      new IntersectionObserver((seen) => {
        if (seen.some((each) => each.isIntersecting)) this.send("look", {});
      }).observe(this.root);
      const over = (event) => {
        event.preventDefault();
        this.root.classList.toggle("som-over", event.type === "dragover");
        if (event.type === "drop") this.give(event.dataTransfer.files);
      };
      for (const kind of ["dragover", "dragleave", "drop"]) this.root.addEventListener(kind, over);
      this.rows.onkeydown = (event) => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        const all = [...this.rows.querySelectorAll("button")];
        const at = all.indexOf(document.activeElement);
        if (!step || at < 0) return;
        event.preventDefault();
        all[Math.min(Math.max(at + step, 0), all.length - 1)].focus();
      };
      this.bar.onkeydown = (event) => {
        if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
        this.show(this.panel === "numbers" ? "samples" : "numbers");
        this.bar.querySelector("[aria-selected=true]").focus();
      };
    }

    // One wish at a time, so that answers come in order; of those that wait, the latest of a kind counts.
    send(kind, data) {
      if (kind !== "send") this.queue = this.queue.filter((wish) => wish[0] !== kind);
      this.queue.push([kind, data]);
      this.next();
    }

    next() {
      if (this.waiting || !this.queue.length) return;
      this.waiting = setTimeout(() => this.answered(), 60_000);
      this.tell(...this.queue.shift());
    }

    answered() {
      clearTimeout(this.waiting);
      this.waiting = null;
      this.next();
    }

    // Draws a part again only where what it shows has changed, so that the focus stays.
    changed(part, shown) {
      const said = JSON.stringify([shown, this.value.lang]);
      if (this.seen[part] === said) return false;
      this.seen[part] = said;
      return true;
    }

    update(value) {
      if (value?.made < this.value.made) return;
      this.value = value || {};
      const { logs = [], chosen = [], busy, error, report, runs = [] } = this.value;
      if (!busy) this.answered();
      if (!this.timer && !this.waiting) this.keys = new Set(chosen);
      this.status.textContent = busy || "";
      this.problem.textContent = error || "";
      this.root.setAttribute("aria-busy", busy ? "true" : "false");
      if (this.changed("logs", logs)) this.drawLogs(logs);
      this.check();
      const any = chosen.length > 0;
      this.hello.hidden = any;
      this.hello.textContent = this.word("start");
      this.bar.hidden = !any;
      if (this.changed("report", report)) {
        this.report.innerHTML = report || "";
        this.link(this.value.drawn || []);
      }
      if (this.changed("pair", [runs, this.value.pair])) this.drawPair(runs, this.value.pair);
      const { sample, ...samples } = this.value.samples || {};
      if (this.changed("filters", [runs, samples.run, samples.shows, samples.show])) this.drawFilters(runs, samples);
      if (this.changed("rows", [samples.rows, samples.total])) this.drawRows(samples);
      for (const row of this.rows.querySelectorAll("[data-number]")) {
        row.setAttribute("aria-current", String(Number(row.dataset.number) === samples.open));
      }
      if (this.changed("card", sample)) this.drawCard(sample);
      this.show(this.panel);
    }

    show(panel) {
      this.panel = panel;
      const any = (this.value.chosen || []).length > 0;
      this.bar.setAttribute("aria-label", this.word("views"));
      const tabs = ["numbers", "samples"].map((name) => {
        const shown = name === panel;
        this[name].hidden = !any || !shown;
        return [name, shown];
      });
      if (!this.changed("bar", tabs)) return;
      const focused = this.bar.contains(document.activeElement);
      this.bar.replaceChildren(...tabs.map(([name, shown]) => button("", this.word(name), () => this.show(name), {
        role: "tab", "aria-selected": String(shown), "aria-controls": `eval-${name}`, tabindex: shown ? "0" : "-1",
      })));
      if (focused) this.bar.querySelector("[aria-selected=true]").focus();
    }

    // Logs.

    drawLogs(logs) {
      const add = button("som-button som-small som-primary", this.word("add"), () => this.choose());
      const top = make("div", "som-eval-top");
      const all = make("span", "som-eval-all");
      const pick = (on) => () => {
        const shown = [...this.list.querySelectorAll("li:not([hidden]) input")].map((box) => box.value);
        this.pick(on ? [...this.keys, ...shown] : []);
      };
      all.append(
        button("som-link", this.word("all"), pick(true)), button("som-link", this.word("none"), pick(false)),
      );
      top.append(text("h2", "", this.word("logs")), all, add);
      this.head.replaceChildren(top, text("p", "note", this.word("drop")));
      if (logs.length > 8) {
        const find = make("input", "som-field", { type: "search", placeholder: this.word("find"), "aria-label": this.word("find") });
        find.value = this.find || "";
        find.oninput = () => this.filterLogs((this.find = find.value));
        this.head.append(find);
      }
      this.list.replaceChildren(...logs.map((log) => this.log(log)));
      this.list.setAttribute("aria-label", this.word("logs"));
      this.filterLogs(this.find || "");
      if (!logs.length) this.list.append(text("li", "note", this.word(this.value.folder ? "no_logs" : "no_folder")));
    }

    log({ key, dataset, name, samples, complete, sent }) {
      const item = make("li");
      const label = make("label");
      const box = Object.assign(make("input", "", { type: "checkbox" }), { value: key });
      box.onchange = () => {
        box.checked ? this.keys.add(key) : this.keys.delete(key);
        this.pick([...this.keys]);
      };
      const said = make("span");
      const about = [dataset, this.word("samples_count", { count: samples })];
      if (!complete) about.push(this.word("partial"));
      if (sent) about.push(`${this.word("sent")}: ${sent}`);
      said.append(text("b", "", name), text("small", "", about.join(" · ")));
      label.append(box, said);
      item.append(label);
      if (sent) item.append(button("som-tiny", "×", () => this.send("forget", { key }), { "aria-label": this.word("forget", { name: sent }) }));
      return item;
    }

    filterLogs(wanted) {
      const words = wanted.toLowerCase().split(/\s+/);
      for (const item of this.list.children) {
        const said = item.textContent.toLowerCase();
        item.hidden = !words.every((word) => said.includes(word));
      }
    }

    check() {
      for (const box of this.list.querySelectorAll("input")) box.checked = this.keys.has(box.value);
    }

    pick(keys) {
      this.keys = new Set(keys);
      this.check();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.timer = null;
        this.send("pick", { keys: [...this.keys] });
      }, 350);
    }

    choose() {
      const input = make("input", "", { type: "file", accept: ".eval,.json", multiple: "" });
      input.onchange = () => this.give(input.files);
      input.click();
    }

    give(files) {
      const limit = this.value.limit_mb || 20;
      for (const file of files) {
        if (file.size > limit * 1e6) {
          this.problem.textContent = this.word("too_large", { limit });
          continue;
        }
        const reader = new FileReader();
        reader.onload = () => this.send("send", { data: reader.result, title: file.name });
        reader.readAsDataURL(file);
      }
    }

    // Numbers.

    // A part of a bar leads to its samples.
    link(keys) {
      const bars = [...this.report.querySelectorAll(".bars")].at(-1);
      keys.forEach((run, index) => {
        const bar = bars.children[index].querySelector("svg");
        bar.setAttribute("role", "group");
        for (const part of bar.querySelectorAll("rect")) {
          const attributes = { tabindex: "0", role: "button", "aria-label": part.textContent };
          for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
          part.onclick = () => {
            this.send("filter", { run, show: part.getAttribute("class") });
            this.show("samples");
            this.bar.querySelector("[aria-selected=true]").focus();
          };
          part.onkeydown = (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), part.onclick());
        }
      });
    }

    drawPair(runs, pair) {
      this.compare.hidden = runs.length < 2;
      if (runs.length < 2) return;
      const keys = pair ? pair.keys : [];
      const row = make("div", "som-eval-selects");
      const fields = ["a", "b"].map((name, index) => {
        const [label, select] = this.select(this.word(`compare_${name}`), runs, keys[index]);
        row.append(label);
        return select;
      });
      fields.forEach((field) => {
        field.onchange = () => this.send("pair", { a: fields[0].value, b: fields[1].value });
      });
      const found = make("div");
      found.innerHTML = pair ? pair.html : "";
      this.compare.replaceChildren(
        text("h2", "", this.word("compare")), text("p", "note", this.word("note.pair")), row, found,
      );
    }

    select(name, runs, key) {
      const label = text("label", "som-eval-select", name);
      const select = make("select", "som-field", { "aria-label": name });
      select.append(...runs.map((run) => Object.assign(text("option", "", run.name), { value: run.key })));
      if (key) select.value = key;
      label.append(select);
      return [label, select];
    }

    // Samples.

    drawFilters(runs, { run, shows = [], show }) {
      this.filters.replaceChildren();
      if (runs.length > 1) {
        const [label, select] = this.select(this.word("run"), runs, run);
        select.onchange = () => this.send("filter", { run: select.value });
        this.filters.append(label);
      }
      const group = make("div", "som-eval-shows", { role: "group", "aria-label": this.word("filter") });
      for (const { name, label, count } of shows) {
        const chip = button("som-eval-show", label, () => this.send("filter", { show: name }), {
          "aria-pressed": String(name === show), "data-show": name,
        });
        chip.prepend(make("i", `swatch ${name}`, { "aria-hidden": "true" }));
        chip.append(text("span", "som-eval-count", count));
        group.append(chip);
      }
      this.filters.append(group);
    }

    drawRows({ rows = [], total = 0 }) {
      const list = make("ul", "", { "aria-label": this.word("list") });
      for (const { number, question, answer, cause, label } of rows) {
        const row = button("som-eval-row", "", () => this.open(number), { "data-number": number });
        row.append(make("i", `swatch ${cause}`, { "aria-hidden": "true" }), text("span", "", question));
        if (answer) row.append(text("small", "", answer));
        row.append(text("small", "som-eval-cause", label));
        const item = make("li");
        item.append(row);
        list.append(item);
      }
      this.rows.replaceChildren(list);
      if (!rows.length) this.rows.append(text("p", "note", this.word("empty")));
      if (rows.length < total) this.rows.append(button("som-button som-small", this.word("more"), () => this.send("filter", { more: true })));
    }

    open(number, whole = false) {
      this.opened = true;
      this.send("open", { number, whole });
    }

    drawCard(sample) {
      if (!sample) {
        this.card.replaceChildren(text("p", "note", this.word("open_one")));
        return;
      }
      const article = make("article", "", { tabindex: "-1", "aria-label": sample.question });
      const bar = make("div", "som-eval-steps");
      for (const [name, number] of [["before", sample.before], ["after", sample.after]]) {
        const step = button("som-button som-small", this.word(name), () => this.open(number), { "data-step": name });
        step.disabled = number === null;
        bar.append(step);
      }
      bar.insertBefore(text("span", "note", sample.place), bar.lastChild);
      const title = text("p", "question", sample.question);
      const why = make("p", "som-eval-why");
      why.append(text("span", `cause ${sample.cause}`, sample.label), text("span", "", sample.why));
      article.append(bar, title, why);
      if (sample.image) {
        const key = make("p", "key");
        for (const [color, word] of [["true", "true"], ["chosen", "was_chosen"]]) {
          const part = make("span");
          part.append(make("i", `swatch ${color}`), document.createTextNode(this.word(word)));
          key.append(part);
        }
        key.append(button("som-link", this.word(sample.whole ? "part" : "whole"), () => this.open(sample.number, !sample.whole)));
        article.append(make("img", "", { src: sample.image, alt: this.word("image", { question: sample.question }) }), key);
      } else article.append(text("p", "note", this.word("no_image")));
      const said = make("p");
      said.append(text("b", "", `${this.word(sample.error ? "error" : "reply")}: `), text("q", "", sample.error || sample.reply));
      const facts = make("dl", "som-eval-facts");
      for (const { name, value } of sample.facts) {
        const fact = make("div");
        fact.append(text("dt", "", name), text("dd", "", value));
        facts.append(fact);
      }
      article.append(said, facts);
      const step = document.activeElement?.dataset?.step;
      this.card.replaceChildren(article);
      if (step) (article.querySelector(`[data-step=${step}]:enabled`) || article).focus();
      if (this.opened && matchMedia("(max-width: 760px)").matches) article.scrollIntoView({ block: "start" });
      this.opened = false;
    }
  }

  window.som.Evals = Evals;
})();
