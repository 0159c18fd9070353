// The conversation. Texts are set as text, never as HTML; marks that an answer names are chips.
(() => {
  const make = (tag, classes = "", attributes = {}) => {
    const node = document.createElement(tag);
    node.className = classes;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  class Chat {
    constructor(root, { send }) {
      this.root = root;
      this.send = send;
      this.list = make("div", "som-log", { role: "log", "aria-live": "polite", tabindex: "0" });
      root.replaceChildren(this.list);
      this.shown = [];
    }

    update(value) {
      const { messages = [], lang } = value || {};
      document.querySelector("#stop")?.toggleAttribute("data-idle", messages.every((message) => message.done));
      this.lang = lang;
      this.list.setAttribute("aria-label", window.som.word("chat.log", lang));
      const near = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
      if (!messages.length) {
        this.list.replaceChildren(this.hello(value || {}));
        this.shown = [];
        return;
      }
      // Only what changed is drawn anew: an answer that streams leaves the rest alone.
      const texts = messages.map((message) => JSON.stringify(message));
      if (!this.shown.length) this.list.replaceChildren();
      messages.forEach((message, index) => {
        if (this.shown[index] === texts[index]) return;
        const node = this.message(message);
        const old = this.list.children[index];
        old ? old.replaceWith(node) : this.list.append(node);
        const last = index === messages.length - 1;
        if (last && message.done && message.highlight) {
          window.som.views.main?.highlight(message.highlight.shapes, message.highlight.picture);
        }
      });
      while (this.list.children.length > messages.length) this.list.lastChild.remove();
      this.shown = texts;
      if (near || messages.length <= 2) this.list.scrollTop = this.list.scrollHeight;
    }

    hello({ ideas = [] }) {
      const box = make("div", "som-hello");
      const line = make("p", "som-lead");
      line.textContent = window.som.word("chat.hello", this.lang);
      box.append(line);
      for (const idea of ideas) {
        const button = make("button", "som-idea", { type: "button" });
        button.textContent = idea;
        button.onclick = () => this.send("ask", { question: idea });
        box.append(button);
      }
      return box;
    }

    message({ who, parts, meta, done, error, wait }) {
      const node = make("div", `som-message som-${who}${error ? " som-failed" : ""}`);
      const name = make("span", "som-sr");
      name.textContent = `${window.som.word(`chat.${who}`, this.lang)}: `;
      const body = make("div", "som-body");
      for (const part of parts) body.append(part.chip ? this.chip(part.chip) : document.createTextNode(part.text));
      if (!done) {
        const dots = make("span", "som-dots", { "aria-hidden": "true" });
        dots.append(make("i"), make("i"), make("i"));
        body.append(dots);
        if (wait && !parts.length) body.append(Object.assign(make("span", "som-wait"), { textContent: wait }));
      }
      node.append(name, body);
      if (meta) node.append(Object.assign(make("div", "som-meta"), { textContent: meta }));
      return node;
    }

    chip({ picture, shapes, label, title, color }) {
      const button = make("button", "som-chip", { type: "button", title, "aria-label": `${label}: ${title}` });
      button.textContent = label;
      button.style.setProperty("--mark", color);
      button.onclick = () => window.som.views.main?.highlight(shapes, picture);
      return button;
    }
  }

  window.som.Chat = Chat;
})();
