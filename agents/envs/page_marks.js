// What a person can act on in this document: on screen, on top, with name, role, state and box.
// Elements keep a number of their own for as long as they exist; the document has one too.
() => {
  const key = Symbol.for("som.marks");
  const known = (window[key] ??= {
    document: Math.random().toString(36).slice(2) + performance.now().toString(36),
    numbers: new WeakMap(), elements: new Map(), next: 1,
  });
  const ROLES = {
    a: "link", button: "button", select: "combobox", textarea: "textbox", summary: "button",
    option: "option", label: "label", canvas: "canvas", iframe: "frame", svg: "image", circle: "shape",
    ellipse: "shape", rect: "shape", polygon: "shape", path: "shape", line: "shape",
  };
  const INPUTS = {
    checkbox: "checkbox", radio: "radio", range: "slider", submit: "button", button: "button",
    reset: "button", image: "button", file: "button", color: "button", number: "spinbutton",
    search: "searchbox",
  };
  // Where what a person sees is not in the document.
  const PIXELS = new Set(["canvas", "video", "img", "object", "embed"]);
  const ACTIVE = new Set(["button", "link", "tab", "menuitem", "menuitemcheckbox", "menuitemradio",
    "checkbox", "radio", "option", "switch", "combobox", "textbox", "searchbox", "slider",
    "spinbutton", "treeitem", "gridcell", "scrollbar"]);
  // What an init script has heard (listeners.js); a listener on all of the screen listens for others.
  const listening = window[Symbol.for("som.listening")] ?? new WeakMap();
  const listens = (element) => {
    const types = listening.get(element);
    if (!types || element === document.body || element === document.documentElement) return false;
    if (![...types.values()].some((count) => count > 0)) return false;
    const { width, height } = element.getBoundingClientRect();
    return width * height < 0.8 * innerWidth * innerHeight;
  };
  // Widgets whose parts carry a class and leave listening to what holds them.
  const PARTS = ".ui-draggable, .ui-sortable-handle, .ui-resizable-handle, .ui-slider-handle, .ui-droppable";
  const alone = new WeakSet(); // those that only a listener or a hand for a pointer makes a target
  const acts = (element, style) => {
    const tag = element.localName;
    if ((tag === "a" || tag === "area") && element.hasAttribute("href")) return true;
    if (tag === "input") return element.type !== "hidden";
    if (["button", "select", "textarea", "summary"].includes(tag)) return true;
    if (tag === "label") return Boolean(element.control);
    if (ACTIVE.has(element.getAttribute("role"))) return true;
    if (element.isContentEditable && !element.parentElement?.isContentEditable) return true;
    if (element.hasAttribute("onclick") || element.onclick) return true;
    if (element.draggable && tag !== "img" && tag !== "a") return true;
    if (element.tabIndex >= 0 && element.hasAttribute("tabindex")) return true;
    if (element.matches(PARTS)) return true;
    // A hand for a pointer, where it begins: children inherit it.
    const parent = element.parentElement ?? element.getRootNode().host;
    const hand = style.cursor === "pointer" && element !== document.body;
    const begins = hand && (!parent || getComputedStyle(parent).cursor !== "pointer");
    if (!begins && !listens(element)) return false;
    alone.add(element);
    return true;
  };
  const role = (element) => {
    // Roles are words; whatever else a page writes there is none.
    const given = element.getAttribute("role")?.trim().split(/\s+/)[0].toLowerCase();
    const known = given && /^[a-z-]{2,30}$/.test(given) && given !== "presentation" && given !== "none";
    if (known) return given;
    if (element.localName === "input") return INPUTS[element.type] ?? "textbox";
    if (element.isContentEditable) return "textbox";
    return ROLES[element.localName] ?? "";
  };
  const clean = (text) => (text ?? "").replace(/\s+/g, " ").trim().slice(0, 200);
  const byId = (element, ids) =>
    (ids ?? "").split(/\s+/).map((id) => id && element.getRootNode().getElementById?.(id)?.textContent)
      .filter(Boolean).join(" ");
  const FIELDS = "input:not([type=hidden]), select, textarea";
  // What stands beside a field that no label names: all that its surroundings say, or the words before
  // it (behind it, of a box to tick) where others are near.
  const beside = (element) => {
    const words = (node) => node.nodeType === Node.TEXT_NODE ? node.data :
      node.nodeType !== Node.ELEMENT_NODE || node.matches("button, a, option, script, style, svg, " + FIELDS) ? "" :
      [...node.childNodes].map(words).join(" ");
    const behind = ["checkbox", "radio"].includes(element.type);
    for (let at = element, up = 0; at.parentElement && up < 3; at = at.parentElement, up++) {
      if (at.parentElement.querySelectorAll(FIELDS).length === 1) {
        const said = clean(words(at.parentElement));
        if (said) return said.length <= 80 ? said : "";
        continue;
      }
      for (const way of behind ? ["nextSibling", "previousSibling"] : ["previousSibling", "nextSibling"]) {
        for (let next = at[way]; next; next = next[way]) {
          if (next.nodeType === Node.ELEMENT_NODE && (next.matches(FIELDS) || next.querySelector(FIELDS))) break;
          const said = clean(words(next));
          if (said) return said.length <= 80 ? said : "";
        }
      }
      return "";
    }
    return "";
  };
  // What an icon is called by those who made it: the words of its classes, its picture or its symbol.
  const PLAIN = /^(icons?|btn|button|ui|fa|fas|far|fab|bi|glyphicon|material|symbols?|svg|img|image|small|large|left|right|active|hide|hidden|show|selected|disabled|clickable|state|default|corner|all|widget|helper|reset|clearfix|js|css|item|list|wrapper|container|inner|outer|content|control|controls|\w*\d\w*|.{1,2}|.{20,})$/;
  const icon = (element) => {
    const { width, height } = element.getBoundingClientRect();
    if (width > 64 || height > 64) return "";
    for (const one of [element, ...element.querySelectorAll("i, svg, use, img, span")].slice(0, 5)) {
      const source = (one.currentSrc || one.getAttribute("href") || one.getAttribute("xlink:href") || "");
      const given = `${one.getAttribute("class") ?? ""} ${one.id ?? ""} ${source.startsWith("data:") ? "" : source.split(/[/#]/).at(-1)}`;
      const words = given.replace(/\.\w+$/, "").split(/[^A-Za-z0-9]+/).filter((word) => !PLAIN.test(word.toLowerCase()));
      if (words.length && words.length <= 4) return clean(words.join(" ").toLowerCase());
    }
    return "";
  };
  const name = (element) => {
    const field = ["input", "textarea", "select"].includes(element.localName);
    const button = field && ["submit", "button", "reset"].includes(element.type);
    return clean(byId(element, element.getAttribute("aria-labelledby"))) ||
      clean(element.getAttribute("aria-label")) ||
      (button ? clean(element.value || (element.type === "submit" ? "Submit" : "")) : "") ||
      (field ? clean([...(element.labels ?? [])].map((label) => label.innerText).join(" ")) : "") ||
      (field ? clean(element.placeholder) : clean(element.innerText ?? element.textContent)) ||
      clean(element.alt) || clean(element.title) ||
      clean(element.querySelector?.("img[alt]")?.alt) ||
      clean(element.querySelector?.("svg title")?.textContent) ||
      (field ? beside(element) || clean(element.name) : icon(element));
  };
  const secret = (element) => element.type === "password";
  const states = (element) => {
    const found = [];
    if (element.matches(":disabled") || element.getAttribute("aria-disabled") === "true") found.push("disabled");
    const toggles = ["checkbox", "radio"].includes(element.type);
    if ((toggles && element.checked) || element.getAttribute("aria-checked") === "true") found.push("checked");
    if (element.indeterminate) found.push("partly checked");
    if (element.getAttribute("aria-selected") === "true") found.push("selected");
    if (element.getAttribute("aria-pressed") === "true") found.push("pressed");
    const open = element.getAttribute("aria-expanded");
    if (open === "true" || (element.localName === "summary" && element.parentElement?.open)) found.push("expanded");
    else if (open === "false") found.push("collapsed");
    if (element.localName === "textarea") found.push("multi-line");
    if (element.readOnly) found.push("read-only");
    if (element.required) found.push("required");
    if (element === element.getRootNode().activeElement) found.push("focused");
    if (element.localName === "select") {
      found.push("value " + JSON.stringify(clean([...element.selectedOptions].map((o) => o.label).join(", "))));
      found.push("options " + JSON.stringify([...element.options].slice(0, 30).map((o) => clean(o.label))));
    } else if ("value" in element && !toggles && !["submit", "button", "reset", "image"].includes(element.type)) {
      const value = secret(element) ? "•".repeat(element.value.length) : clean(String(element.value));
      if (value && element.localName !== "li") found.push("value " + JSON.stringify(value));
    }
    return found;
  };
  // The element at a point, through open shadow roots.
  const top = (x, y) => {
    let root = document, found = null;
    for (;;) {
      const next = root.elementFromPoint(x, y);
      if (!next || next === found) return found;
      found = next;
      if (!found.shadowRoot) return found;
      root = found.shadowRoot;
    }
  };
  const within = (inner, outer) => {
    for (let at = inner; at; at = at.parentNode ?? at.host) if (at === outer) return true;
    return false;
  };
  const reaches = (element, x, y) => {
    const hit = top(x, y);
    if (!hit) return false;
    return within(hit, element) || (element.localName === "label" && within(hit, element.control)) ||
      [...(element.labels ?? [])].some((label) => within(hit, label));
  };
  // What pressing an element, or something in it, means; forms are asked round what pages name alike.
  const elementsOf = Object.getOwnPropertyDescriptor(HTMLFormElement.prototype, "elements").get;
  const address = (text) => {
    try { return new URL(text ?? "", document.baseURI).href; } catch { return ""; }
  };
  known.describe = (hit) => {
    let element = hit;
    const up = (at) => at.parentElement ?? at.getRootNode().host;
    while (element && !acts(element, getComputedStyle(element))) element = up(element);
    element ??= hit;
    if (element.localName === "label") element = element.control ?? element;
    const form = element.form ?? element.closest("form");
    const fields = form ? [...elementsOf.call(form)] : [];
    const sends = fields.find((field) => ["submit", "image"].includes(field.type));
    const text = name(element);
    const given = (one, attribute) => one?.getAttribute(attribute);
    const called = ["id", "class", "data-testid", "name"].map((key) => given(element, key) ?? "").join(" ");
    return {
      role: role(element), text, tag: element.localName,
      type: element.localName === "button" ? element.type : given(element, "type")?.toLowerCase() ?? "",
      href: String(element.href?.baseVal ?? element.href ?? ""),
      form_action: form ? address(given(element, "formaction") ?? given(form, "action")) : "",
      form_method: form ? (given(element, "formmethod") ?? given(form, "method") ?? "get").toLowerCase() : "",
      form_button: sends ? name(sends) : "",
      form_secret: fields.some(secret),
      autocomplete: given(element, "autocomplete") ?? "",
      hint: text ? "" : clean(called.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[-_]/g, " ")),
    };
  };
  // The part of the screen in which an element can show: what lists and panels around it let through.
  const windows = new Map();
  const cut = (a, b) => [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  const windowOf = (element) => {
    const { position } = getComputedStyle(element);
    const all = [0, 0, innerWidth, innerHeight];
    if (position === "fixed") return all;
    const holder = position === "absolute" ? element.offsetParent : element.parentElement ?? element.getRootNode().host;
    if (!holder || holder === document.body || holder === document.documentElement) return all;
    if (!windows.has(holder)) {
      const { overflowX, overflowY } = getComputedStyle(holder);
      const r = holder.getBoundingClientRect(), open = [overflowX, overflowY].every((o) => o === "visible");
      const around = windowOf(holder);
      windows.set(holder, open || holder.ownerSVGElement ? around : cut(around, [r.left, r.top, r.right, r.bottom]));
    }
    return windows.get(holder);
  };
  const marks = [], frames = [], blind = [];
  const look = (element) => {
    const frame = element.localName === "iframe" || element.localName === "frame";
    const style = getComputedStyle(element);
    if (PIXELS.has(element.localName)) {
      const { left, top, right, bottom, width, height } = element.getBoundingClientRect();
      const seen = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
      if (seen && Math.min(width, height) >= 60 && style.visibility !== "hidden") blind.push([left, top, right, bottom]);
    }
    if (!frame && !acts(element, style)) return;
    if (style.visibility === "hidden" || style.pointerEvents === "none") return;
    // A small hidden input is pressed through its label.
    const shown = style.opacity === "0" && element.labels?.length ? element.labels[0] : element;
    const rects = [...shown.getClientRects()].sort((a, b) => b.width * b.height - a.width * a.height);
    if (!rects.length) return;
    const rect = rects[0];
    const box = cut([rect.left, rect.top, rect.right, rect.bottom], windowOf(shown));
    const width = box[2] - box[0], height = box[3] - box[1];
    if (width < 3 || height < 3) return;
    // The middle first; then a cross and the corners, for what is partly covered.
    let anchor = null;
    for (const [u, v] of [[0.5, 0.5], [0.25, 0.5], [0.75, 0.5], [0.5, 0.25], [0.5, 0.75],
      [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]]) {
      const x = box[0] + u * width, y = box[1] + v * height;
      if (reaches(shown, x, y) || reaches(element, x, y)) { anchor = [x, y]; break; }
    }
    if (!anchor) return;
    let number = known.numbers.get(element);
    if (!number) {
      number = known.next++;
      known.numbers.set(element, number);
      known.elements.set(number, new WeakRef(element));
    }
    if (frame) { frames.push({ number, box }); return; }
    marks.push({
      number, box, anchor, role: role(element), text: name(element), states: states(element),
      tag: element.localName, secret: secret(element),
    });
  };
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      look(element);
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(document);
  const area = (b) => (b[2] - b[0]) * (b[3] - b[1]);
  const share = (a, b) => {
    const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
    return w > 0 && h > 0 ? (w * h) / Math.max(area(a), area(b)) : 0;
  };
  // A listener on what holds other targets and says nothing of its own.
  const squeezed = (text) => text.replace(/\s/g, "");
  const listensForOthers = (one, element) => {
    const inside = marks.filter((other) => other !== one && within(known.elements.get(other.number).deref(), element));
    const said = squeezed(inside.map((other) => other.text).join(""));
    if (inside.length > 0 && area(one.box) > 0.4 * innerWidth * innerHeight) return true;
    return inside.length > 0 && squeezed(one.text) === said && (said !== "" || inside.length > 1);
  };
  // Where one thing fills a wrapper that says what it is, a tab or a menu item, the thing is one.
  const TELLING = new Set(["tab", "menuitem", "option", "treeitem", "switch"]);
  const inherit = (inner, outer) => {
    if (TELLING.has(outer.role) && ["", "link", "presentation"].includes(inner.role)) inner.role = outer.role;
    inner.states = [...new Set([...inner.states, ...outer.states])];
  };
  // A label that is its own control, and a wrapper that one thing fills, are one target: the inner one.
  const kept = marks.filter((one, i) => {
    const element = known.elements.get(one.number).deref();
    if (one.tag === "label" && marks.some((other) => known.elements.get(other.number).deref() === element.control &&
        (other.role === "checkbox" || other.role === "radio" || share(one.box, other.box) > 0.6))) return false;
    if (alone.has(element) && listensForOthers(one, element)) return false;
    return !marks.some((other, j) => {
      if (i === j || share(one.box, other.box) < 0.8) return false;
      const inner = known.elements.get(other.number).deref();
      const real = ["a", "button", "input", "select", "textarea"];
      if (within(inner, element) && element !== inner && (!real.includes(one.tag) || real.includes(other.tag))) {
        inherit(other, one);
        return true;
      }
      return within(element, inner) && real.includes(other.tag) && !real.includes(one.tag);
    });
  });
  for (const [number, reference] of known.elements) if (!reference.deref()) known.elements.delete(number);
  return {
    document: known.document, marks: kept, frames, blind,
    scroll: [scrollX, scrollY, document.documentElement?.scrollWidth ?? 0, document.documentElement?.scrollHeight ?? 0],
    size: [innerWidth, innerHeight],
  };
}
