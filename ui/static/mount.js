// Brings the widgets to life inside Gradio's elements.
(() => {
  const som = window.som;
  const make = (tag, classes = "", attributes = {}) => {
    const node = document.createElement(tag);
    node.className = classes;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  // Files to take along: a button for each, and a look at those that are text.
  class Exports {
    constructor(root, { send }) {
      this.root = root;
      this.send = send;
      this.row = make("div", "som-exports", { role: "group" });
      this.dialog = make("dialog", "som-paper");
      root.replaceChildren(this.row, this.dialog);
    }

    update(value) {
      const { lang, kinds = [], ready, file, error } = value || {};
      this.row.setAttribute("aria-label", som.word("export.title", lang));
      this.row.replaceChildren(...kinds.map((kind) => {
        const button = make("button", "som-button som-small", { type: "button" });
        button.textContent = som.word(`export.${kind}`, lang);
        button.disabled = !ready;
        button.onclick = () => this.send(kind, {});
        return button;
      }));
      if (error) this.row.append(Object.assign(make("p", "som-error", { role: "alert" }), { textContent: error }));
      if (file && file.serial !== this.serial) {
        this.serial = file.serial;
        file.text && file.mime !== "application/json" ? this.look(file, lang) : som.save(file);
      }
    }

    look(file, lang) {
      const text = make("pre", "som-code", { tabindex: "0" });
      text.textContent = file.text;
      const title = Object.assign(make("h2"), { textContent: file.name });
      const copy = make("button", "som-button som-primary", { type: "button" });
      copy.textContent = som.word("export.copy", lang);
      copy.onclick = async () => {
        await som.copy(file.text);
        copy.textContent = som.word("export.copied", lang);
      };
      const save = make("button", "som-button", { type: "button" });
      save.textContent = som.word("export.save", lang);
      save.onclick = () => som.save(file);
      const close = make("button", "som-button", { type: "button" });
      close.textContent = som.word("export.close", lang);
      close.onclick = () => this.dialog.close();
      const row = make("div", "som-buttons");
      row.append(copy, save, close);
      this.dialog.setAttribute("aria-label", file.name);
      this.dialog.replaceChildren(title, text, row);
      this.dialog.showModal();
    }
  }

  som.copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // not over plain http: the old way
      const area = Object.assign(document.createElement("textarea"), { value: text });
      (document.querySelector("dialog[open]") || document.body).append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };

  const insert = (mark, scene) => {
    const name = (scene.pictures || []).length > 1 ? scene.pictures[scene.current].name : "";
    som.insert(`[${name}${mark.label}]`);
  };

  const KINDS = {
    view: (root, send) => (som.views.main = new som.View(root, { send, draws: true, onmark: insert })),
    chat: (root, send) => new som.Chat(root, { send }),
    exports: (root, send) => new Exports(root, { send }),
    run: (root, send) => (som.views.run = new som.RunView(root, { send })),
    evals: (root, send) => new som.Evals(root, { send }),
  };

  som.mount = (kind, element, send, options, value, watch) => {
    const root = element.querySelector(".som-widget") || element;
    const shown = KINDS[kind](root, send, options);
    const update = () => {
      if (!root.firstChild && root.isConnected) som.mount(kind, element, send, options, value, () => {});
      shown.update(value() || {});
    };
    update();
    watch(update);
  };
})();
