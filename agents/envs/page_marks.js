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
  // What an init script has heard (listeners.js); a listener on most of the screen listens for others.
  const listening = window[Symbol.for("som.listening")] ?? new WeakMap();
  const listens = (element) => {
    const types = listening.get(element);
    if (!types || element === document.body || element === document.documentElement) return false;
    if (![...types.values()].some((count) => count > 0)) return false;
    const { width, height } = element.getBoundingClientRect();
    return width * height < 0.4 * innerWidth * innerHeight;
  };
  // Widgets whose parts carry a class and leave listening to what holds them.
  const PARTS = ".ui-draggable, .ui-sortable-handle, .ui-resizable-handle, .ui-slider-handle, .ui-droppable";
  const acts = (element, style) => {
    const tag = element.localName;
    if (tag === "a" || tag === "area") return element.hasAttribute("href") || element.hasAttribute("onclick");
    if (tag === "input") return element.type !== "hidden";
    if (["button", "select", "textarea", "summary"].includes(tag)) return true;
    if (tag === "label") return Boolean(element.control);
    if (ACTIVE.has(element.getAttribute("role"))) return true;
    if (element.isContentEditable && !element.parentElement?.isContentEditable) return true;
    if (element.hasAttribute("onclick") || element.onclick) return true;
    if (element.draggable && tag !== "img" && tag !== "a") return true;
    if (element.tabIndex >= 0 && element.hasAttribute("tabindex")) return true;
    if (listens(element) || element.matches(PARTS)) return true;
    // A hand for a pointer, where it begins: children inherit it.
    if (style.cursor !== "pointer" || element === document.body) return false;
    const parent = element.parentElement ?? element.getRootNode().host;
    return !parent || getComputedStyle(parent).cursor !== "pointer";
  };
  const role = (element) => {
    // Roles are words; whatever else a page writes there is none.
    const given = element.getAttribute("role")?.trim().split(/\s+/)[0].toLowerCase();
    if (given && /^[a-z-]{2,30}$/.test(given)) return given;
    if (element.localName === "input") return INPUTS[element.type] ?? "textbox";
    if (element.isContentEditable) return "textbox";
    return ROLES[element.localName] ?? "";
  };
  const clean = (text) => (text ?? "").replace(/\s+/g, " ").trim().slice(0, 200);
  const byId = (element, ids) =>
    (ids ?? "").split(/\s+/).map((id) => id && element.getRootNode().getElementById?.(id)?.textContent)
      .filter(Boolean).join(" ");
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
      clean(element.querySelector?.("svg title")?.textContent) || (field ? clean(element.name) : "");
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
    const box = [Math.max(rect.left, 0), Math.max(rect.top, 0),
      Math.min(rect.right, innerWidth), Math.min(rect.bottom, innerHeight)];
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
  // A label that is its own control, and a wrapper that one thing fills, are one target: the inner one.
  const kept = marks.filter((one, i) => {
    const element = known.elements.get(one.number).deref();
    if (one.tag === "label" && marks.some((other) => known.elements.get(other.number).deref() === element.control &&
        (other.role === "checkbox" || other.role === "radio" || share(one.box, other.box) > 0.6))) return false;
    return !marks.some((other, j) => {
      if (i === j || share(one.box, other.box) < 0.8) return false;
      const inner = known.elements.get(other.number).deref();
      const real = ["a", "button", "input", "select", "textarea"];
      if (within(inner, element) && element !== inner) return !real.includes(one.tag) || real.includes(other.tag);
      return within(element, inner) && real.includes(other.tag) && !real.includes(one.tag);
    });
  });
  for (const [number, reference] of known.elements) if (!reference.deref()) known.elements.delete(number);
  return {
    document: known.document, marks: kept, frames, blind,
    scroll: [scrollX, scrollY, document.documentElement.scrollWidth, document.documentElement.scrollHeight],
    size: [innerWidth, innerHeight],
  };
}
