// A run as it happens, or as it was: the screen with the acted mark, and a timeline of steps.
(() => {
  const make = (tag, classes = "", attributes = {}) => {
    const node = document.createElement(tag);
    node.className = classes;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const text = (tag, classes, content) => Object.assign(make(tag, classes), { textContent: content });

  class RunView {
    constructor(root, { send }) {
      this.send = send;
      this.stage = make("div", "som-view som-run-view");
      this.side = make("div", "som-side");
      this.status = make("div", "som-run-status", { role: "status" });
      this.ask = make("div", "som-ask", { role: "alertdialog", "aria-live": "assertive" });
      this.slider = make("input", "som-slider", { type: "range", min: "1", step: "1" });
      this.slider.oninput = () => this.send("show", { number: Number(this.slider.value) });
      this.list = make("ol", "som-steps");
      this.side.append(this.status, this.ask, this.slider, this.list);
      root.replaceChildren(this.stage, this.side);
      this.view = new window.som.View(this.stage, {
        send: (kind, data) => this.send(kind, data),
        draws: false,
        onmark: (mark) => this.value.can_take && this.send("take", { mark: mark.id }),
      });
      this.texts = [];
    }

    update(value) {
      const { lang, scene, steps = [], status, question, shown } = (this.value = value);
      const word = (key, values) => window.som.word(key, lang, values);
      this.view.update(scene || {});
      document.querySelector(".som-run-controls")?.toggleAttribute("inert", !value.live);
      this.status.textContent = status || "";
      this.drawQuestion(question, word);
      this.slider.hidden = steps.length < 2;
      this.slider.max = String(steps.length);
      this.slider.value = String(shown || steps.length);
      this.slider.setAttribute("aria-label", word("run.timeline"));
      this.list.setAttribute("aria-label", word("run.timeline"));
      const texts = steps.map((step) => JSON.stringify([step, lang]));
      steps.forEach((step, index) => {
        if (this.texts[index] === texts[index]) return;
        const node = this.step(step, word);
        const old = this.list.children[index];
        old ? old.replaceWith(node) : this.list.append(node);
      });
      while (this.list.children.length > steps.length) this.list.lastChild.remove();
      const added = texts.length !== this.texts.length;
      this.texts = texts;
      [...this.list.children].forEach((node, index) => {
        node.firstChild.setAttribute("aria-current", index + 1 === shown ? "step" : "false");
      });
      if (added && !shown) this.list.scrollTop = this.list.scrollHeight;
    }

    step({ number, thought, action, outcome, ok, meta, by }, word) {
      const item = make("li", `som-step${ok === false ? " som-step-bad" : ""}`);
      const button = make("button", "", { type: "button" });
      const head = make("div", "som-step-head");
      head.append(text("span", "som-number", number), text("span", "som-action", action));
      if (by === "person") head.append(text("span", "som-by", word("run.person")));
      button.append(head);
      if (thought) button.append(text("div", "som-thought", thought));
      if (outcome) button.append(text("div", "som-outcome", outcome));
      button.append(text("div", "som-meta", meta));
      // A second press goes back to what happens now.
      button.onclick = () => {
        const again = this.value.live && this.value.shown === number;
        this.send("show", { number: again ? null : number });
      };
      item.append(button);
      return item;
    }

    drawQuestion(question, word) {
      const said = JSON.stringify(question || null);
      if (said === this.said) return;
      this.said = said;
      this.ask.replaceChildren();
      this.ask.hidden = !question;
      if (!question) return;
      this.ask.append(text("p", "som-ask-what", word(`run.${question.kind}`, { text: question.text })));
      if (question.where) this.ask.append(text("p", "som-hint", word("run.where", question)));
      const row = make("div", "som-buttons");
      const button = (key, classes, answer) => {
        const node = text("button", `som-button ${classes}`, word(key));
        node.type = "button";
        node.onclick = () => this.send("answer", { answer: answer() });
        row.append(node);
        return node;
      };
      if (question.kind === "confirm") {
        button("run.refuse", "som-primary", () => false).focus();
        button("run.allow", "", () => true);
      } else {
        const field = make("input", "som-field", { type: "text", "aria-label": word("run.reply") });
        this.ask.append(field);
        button("run.reply", "som-primary", () => field.value);
        field.onkeydown = (event) => event.key === "Enter" && this.send("answer", { answer: field.value });
        field.focus();
      }
      this.ask.append(row);
      if (question.kind === "confirm") row.firstChild.focus();
    }
  }

  window.som.RunView = RunView;
})();
